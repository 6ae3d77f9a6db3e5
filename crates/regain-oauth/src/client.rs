//! OAuth clients: the apps that may ask for flows and tokens.

use regain_types::{ClientId, TokenHash};
use serde::{Deserialize, Serialize};

/// An app as the org registered it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// Its id.
    pub id: ClientId,
    /// What people call it.
    pub label: String,
    /// SHA-256 of its secret; a public client has none.
    pub secret_hash: Option<TokenHash>,
    /// Where flows may lead back to: exact strings (O-02).
    pub redirect_uris: Vec<String>,
    /// Where the link in a mail leads back to, with `state` and `otp` (`idx-wire` §6.9). Without it
    /// mails have a code and no link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email_verification_uri: Option<String>,
    /// Where a sign-out may lead to: exact strings (O-09).
    pub post_logout_redirect_uris: Vec<String>,
}

impl Client {
    /// Whether it must prove itself at the token endpoint.
    #[must_use]
    pub const fn is_confidential(&self) -> bool {
        self.secret_hash.is_some()
    }
}
