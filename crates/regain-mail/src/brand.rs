//! Whose mail it is.

use std::sync::Arc;

use crate::Templates;

/// What the operator says about the org that sends.
///
/// There is no picture: a mail loads nothing from elsewhere (M-04).
#[derive(Debug, Clone, Default)]
pub struct Brand {
    /// The name of the org, in the subject and at the foot.
    pub org_name: String,
    /// Where people find help: an `https`, `http` or `mailto` address. Others are left out.
    pub support_url: Option<String>,
    /// The operator's own templates, in the place of ours.
    pub templates: Option<Arc<Templates>>,
}

impl Brand {
    /// The support address, if it is one that a mail may link to.
    pub(crate) fn safe_support_url(&self) -> Option<&str> {
        let url = self.support_url.as_deref()?.trim();
        let known = ["https://", "http://", "mailto:"]
            .iter()
            .any(|scheme| url.starts_with(scheme));
        let clean = url
            .chars()
            .all(|c| c.is_ascii_graphic() && !matches!(c, '"' | '<' | '>'));
        (known && clean).then_some(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_that_open_a_page_or_a_mail_are_linked() {
        let linked = |url: &str| {
            let brand = Brand {
                org_name: String::new(),
                support_url: Some(url.to_owned()),
                ..Brand::default()
            };
            brand.safe_support_url().is_some()
        };
        assert!(linked("https://example.com/help"));
        assert!(linked("mailto:help@example.com"));
        assert!(!linked("javascript:alert(1)"));
        assert!(!linked("https://example.com/\" onclick=\"x"));
        assert!(!linked("data:text/html,x"));
    }
}
