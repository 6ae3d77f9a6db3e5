//! Authorization servers: who issues the tokens.

use serde::{Deserialize, Serialize};

/// An authorization server of the org (`idx-wire` §1.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthServer {
    /// `BASE/oauth2/{id}`.
    Custom(String),
    /// The org's own; its issuer is `BASE`.
    Org,
}

impl AuthServer {
    /// The issuer's URL.
    #[must_use]
    pub fn issuer(&self, base: &str) -> String {
        match self {
            Self::Custom(id) => format!("{base}/oauth2/{id}"),
            Self::Org => base.to_owned(),
        }
    }

    /// The URL of an endpoint below `v1`.
    #[must_use]
    pub fn endpoint(&self, base: &str, name: &str) -> String {
        match self {
            Self::Custom(id) => format!("{base}/oauth2/{id}/v1/{name}"),
            Self::Org => format!("{base}/oauth2/v1/{name}"),
        }
    }
}
