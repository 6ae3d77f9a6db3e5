//! Whether a client can do proof of work (M-03): the widget since it knows where to fetch a
//! challenge, and whoever says so.

use axum::http::HeaderMap;

/// Where SDKs tell what they are (`idx-wire` §1.3).
const HEADER: &str = "x-okta-user-agent-extended";
/// The Sign-In Widget in its generations, the longer name first, and the version from which on it
/// asks the document where the challenge is.
const WIDGETS: [&str; 2] = ["okta-signin-widget-g3-", "okta-signin-widget-"];
const WIDGET_SINCE: (u32, u32) = (7, 40);
/// What any other client says that can do it.
const ABILITY: &str = "altcha";

/// Whether the client of a request can do proof of work.
pub(crate) fn solves_work(headers: &HeaderMap) -> bool {
    let told = headers.get(HEADER).and_then(|value| value.to_str().ok());
    told.unwrap_or_default()
        .split_ascii_whitespace()
        .any(|word| word == ABILITY || is_new_widget(word))
}

fn is_new_widget(word: &str) -> bool {
    let Some(version) = WIDGETS.iter().find_map(|name| word.strip_prefix(name)) else {
        return false;
    };
    let mut parts = version.split('.').map(|part| part.parse::<u32>().ok());
    matches!(
        (parts.next().flatten(), parts.next().flatten()),
        (Some(major), Some(minor)) if (major, minor) >= WIDGET_SINCE
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn told(what: &'static str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, HeaderValue::from_static(what));
        solves_work(&headers)
    }

    #[test]
    fn widgets_that_ask_where_the_challenge_is_can_do_it() {
        assert!(told("okta-auth-js/7.14.5 okta-signin-widget-7.49.0"));
        assert!(told("okta-signin-widget-7.40.0 okta-auth-js/7.14.0"));
        assert!(told("okta-auth-js/7.14.5 okta-signin-widget-g3-7.49.0"));
        assert!(told("okta-signin-widget-8.0.0"));
        assert!(told("my-app/1.0 altcha"));
    }

    #[test]
    fn others_cannot() {
        assert!(!told("okta-auth-js/8.0.1"));
        assert!(!told("okta-signin-widget-7.39.9"));
        assert!(!told("okta-signin-widget-g3-7.39.9"));
        assert!(!told("okta-signin-widget-7"));
        assert!(!told("okta-signin-widget-x.y"));
        assert!(!told("not-altcha"));
        assert!(!solves_work(&HeaderMap::new()));
    }
}
