//! `[org]`: what people see of the organization, and how they sign in.

use regain_engine::SignInMode;
use serde::{Deserialize, Serialize};

use super::problem::Problems;
use super::server::origin;

/// The section.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Org {
    /// The name, in mails for one.
    pub(crate) name: String,
    /// Where people find help: an `https`, `http` or `mailto` address, in mails.
    pub(crate) support_url: Option<String>,
    /// Language of mails for users without one: `en`, `de` or `ja`.
    pub(crate) locale: String,
    /// `one_page` (name and password together) or `identifier_first`.
    pub(crate) sign_in_mode: SignInMode,
    /// Whether unknown and known people get the same answers. Switching it off tells everybody
    /// who has an account.
    pub(crate) user_enumeration_prevention: bool,
    /// Origins whose pages may call the engine from a browser (CORS).
    pub(crate) trusted_origins: Vec<String>,
}

impl Default for Org {
    fn default() -> Self {
        Self {
            name: "Regain".to_owned(),
            support_url: None,
            locale: "en".to_owned(),
            sign_in_mode: SignInMode::OnePage,
            user_enumeration_prevention: true,
            trusted_origins: Vec::new(),
        }
    }
}

impl Org {
    /// Checks the values; gives the trusted origins as browsers write them.
    pub(crate) fn check(&self, problems: &mut Problems<'_>) -> Vec<String> {
        if self.name.trim().is_empty() {
            problems.add("org.name", "is empty: mails name the organization");
        }
        if self.name.chars().any(char::is_control) || self.name.chars().count() > 100 {
            problems.add("org.name", "must be one line of at most 100 characters");
        }
        if !matches!(self.locale.as_str(), "de" | "en" | "ja") {
            problems.add(
                "org.locale",
                format!("must be en, de or ja, not {:?}", self.locale),
            );
        }
        if let Some(url) = &self.support_url
            && !["https://", "http://", "mailto:"]
                .iter()
                .any(|start| url.starts_with(start))
        {
            problems.add(
                "org.support_url",
                format!("must begin with https://, http:// or mailto:, not {url:?}"),
            );
        }
        self.trusted_origins
            .iter()
            .map(|text| origin("org.trusted_origins", text, problems))
            .collect()
    }
}
