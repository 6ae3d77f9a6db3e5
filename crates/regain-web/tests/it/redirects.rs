//! No parameter leads to another site (T-H5): where the app sends a browser, it knows itself.

use crate::browser::{Browser, Form, Page, TestApp};
use crate::engine::PASSWORD;

/// Every page, and every form that redirects.
const PAGES: [&str; 16] = [
    "/",
    "/login",
    "/login/callback",
    "/recover-password",
    "/select-authenticator",
    "/verify-authenticator/okta_email",
    "/challenge-authenticator/okta_email",
    "/challenge-authenticator/okta_password",
    "/reset-password",
    "/other-step",
    "/continue",
    "/terminal",
    "/.well-known/change-password",
    "/nowhere",
    "//evil.example",
    "/login/",
];
/// Names under which other products take an address to go on to, and those that mean something here.
const NAMES: [&str; 20] = [
    "next",
    "url",
    "to",
    "from",
    "fromURI",
    "from_uri",
    "RelayState",
    "redirect",
    "redirect_uri",
    "redirect_url",
    "return",
    "return_to",
    "returnTo",
    "continue",
    "target",
    "post_logout_redirect_uri",
    "entry",
    "state",
    "notice",
    "mistake",
];
const PLACES: [&str; 14] = [
    "https://evil.example/",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "https:evil.example",
    "http://localhost:8401@evil.example/",
    "http://localhost:8401.evil.example/",
    "https://evil\u{3002}example/",
    "https://evil\u{ff0e}example/",
    "javascript:alert('evil')",
    "data:text/html,<script>alert('evil')</script>",
    "/\r\nlocation: https://evil.example/",
];

/// A browser stays on this site, and no link of the page leads where the parameter says.
#[track_caller]
fn stays_here(page: &Page, sent: &str) {
    let to = page.location();
    let is_path = to.starts_with('/') && !to[1..].starts_with(['/', '\\', '\t']);
    assert!(to.is_empty() || is_path, "{sent}: {to}");
    assert!(!to.contains("evil"), "{sent}: {to}");
    assert_eq!(page.header("refresh"), "", "{sent}");
    for attribute in [
        " href=\"",
        " action=\"",
        " formaction=\"",
        " src=\"",
        "url=",
    ] {
        for value in page.html.split(attribute).skip(1) {
            let value = value.split('"').next().unwrap();
            let decoded = value.replace("&#38;", "&").replace("&amp;", "&");
            let path = decoded.split(['?', '#']).next().unwrap();
            assert!(!path.contains("evil"), "{sent}: {attribute}{value}");
        }
    }
}

/// Opens every page with every parameter; how often that led to another page.
async fn open_everything(browser: &mut Browser) -> usize {
    let mut redirected = 0;
    for page in PAGES {
        for place in PLACES {
            // All names at once, and the address as a part of the path.
            let query: Vec<(&str, &str)> = NAMES.iter().map(|name| (*name, place)).collect();
            let query = form_urlencoded::Serializer::new(String::new())
                .extend_pairs(query)
                .finish();
            let encoded: String = form_urlencoded::byte_serialize(place.as_bytes()).collect();
            for path in [format!("{page}?{query}"), format!("{page}/{encoded}")] {
                let answer = browser.get(&path).await;
                stays_here(&answer, &path);
                redirected += usize::from(answer.status.is_redirection());
            }
        }
        for name in NAMES {
            let path = format!("{page}?{name}=https%3A%2F%2Fevil.example%2F");
            let answer = browser.get(&path).await;
            stays_here(&answer, &path);
            redirected += usize::from(answer.status.is_redirection());
        }
    }
    redirected
}

#[tokio::test]
async fn t_h5_no_parameter_leads_to_another_site() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    assert!(
        open_everything(&mut browser).await > 0,
        "some pages redirect"
    );
    browser.sign_in("alice@example.com", PASSWORD).await;
    assert!(open_everything(&mut browser).await > 0, "signed in, too");
}

/// A form with a parameter of each name that it does not know.
fn with_everything(mut form: Form, place: &str) -> Form {
    for name in NAMES {
        if !form.pairs.iter().any(|(known, _)| known == name) {
            form = form.with(name, place);
        }
    }
    form
}

#[tokio::test]
async fn t_h5_no_field_of_a_form_leads_to_another_site() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    let forms = [
        ("/login", "login-form"),
        ("/recover-password", "password-recover-form"),
    ];
    for place in PLACES {
        for (path, name) in forms {
            let form = browser.open(path).await.form(name);
            let form = form.with("username", "alice@example.com");
            let form = with_everything(form.with("password", "wrong"), place);
            let answer = browser.post(&form).await;
            assert!(answer.status.is_redirection(), "{place}: {}", answer.status);
            stays_here(&answer, place);
        }
    }
}

/// Products that go on to an address do so when somebody has just signed in.
#[tokio::test]
async fn t_h5_who_signs_in_is_led_home() {
    let app = TestApp::new().await;
    for place in PLACES {
        let mut browser = app.browser();
        let query: String = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(NAMES.map(|name| (name, place)))
            .finish();
        let form = browser.open(&format!("/login?{query}")).await;
        let form = form
            .form("login-form")
            .with("username", "alice@example.com");
        let form = with_everything(form.with("password", PASSWORD), place);
        let mut answer = browser.post(&form).await;
        assert!(answer.status.is_redirection(), "{place}: {}", answer.status);
        while answer.status.is_redirection() {
            stays_here(&answer, place);
            let next = answer.location().to_owned();
            answer = browser.get(&next).await;
        }
        stays_here(&answer, place);
        assert_eq!(answer.path, "/", "{place}");
        assert!(answer.html.contains("alice@example.com"), "{place}");
    }
}
