//! `GET …/v1/logout` (O-09, S-07).

use super::{Tokens, encoded, expect_error, get, is_active, post, renew};
use crate::app::{CONFIDENTIAL, PUBLIC, Page, TestApp};

const PATH: &str = "/oauth2/default/v1/logout";
const REGISTERED: &str = "http://localhost:8401/";

async fn logout(app: &TestApp, fields: &[(&str, &str)]) -> Page {
    let fields: Vec<(&str, String)> = fields
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()))
        .collect();
    get(app, &format!("{PATH}?{}", encoded(&fields)), None).await
}

#[tokio::test]
async fn tokens_end_and_the_browser_goes_on() {
    let app = TestApp::start().await;
    for by_post in [false, true] {
        let tokens = Tokens::new(&app).await;
        let other = Tokens::new(&app).await;
        let fields = [
            ("id_token_hint", tokens.id.clone()),
            ("post_logout_redirect_uri", REGISTERED.to_owned()),
            ("state", "a b".to_owned()),
            ("client_id", PUBLIC.to_owned()),
        ];
        let page = if by_post {
            post(&app, PATH, None, &encoded(&fields)).await
        } else {
            get(&app, &format!("{PATH}?{}", encoded(&fields)), None).await
        };
        page.expect_status(302);
        assert_eq!(
            page.header("location"),
            Some("http://localhost:8401/?state=a+b")
        );
        assert!(!is_active(&app, &tokens.access).await);
        expect_error(&renew(&app, &tokens.refresh).await, 400, "invalid_grant");
        assert!(is_active(&app, &other.access).await, "other sign-ins stay");
    }
    app.close().await;
}

#[tokio::test]
async fn without_an_address_it_ends_on_a_word() {
    let app = TestApp::start().await;
    let tokens = Tokens::new(&app).await;
    let page = logout(&app, &[("id_token_hint", &tokens.id)]).await;
    page.expect_status(200);
    assert_eq!(page.header("location"), None);
    assert_eq!(
        page.header("content-type"),
        Some("text/plain; charset=utf-8")
    );
    assert!(!is_active(&app, &tokens.access).await);
    app.close().await;
}

#[tokio::test]
async fn addresses_that_are_not_registered_lead_nowhere() {
    // T-H5 for this endpoint.
    let app = TestApp::start().await;
    for wanted in [
        "http://evil.example/",
        "http://localhost:8401",
        "http://localhost:8401//evil.example",
        "http://localhost:8401/@evil.example",
        "http://localhost:8401\\@evil.example/",
        "//localhost:8401/",
        "javascript:alert(1)",
        "HTTP://localhost:8401/",
        "http://localhost:8401/\r\nx: y",
        "http://localhost:8401/login/callback",
    ] {
        let tokens = Tokens::new(&app).await;
        let fields = [
            ("id_token_hint", &*tokens.id),
            ("post_logout_redirect_uri", wanted),
        ];
        let page = logout(&app, &fields).await;
        expect_error(&page, 400, "invalid_request");
        assert_eq!(page.header("location"), None);
        assert!(
            !is_active(&app, &tokens.access).await,
            "signed out all the same"
        );
    }
    app.close().await;
}

#[tokio::test]
async fn only_an_id_token_of_this_server_says_whose_sign_in_to_end() {
    let app = TestApp::start().await;
    let tokens = Tokens::new(&app).await;
    for hint in ["", "nonsense", &tokens.access, &tokens.refresh] {
        let fields = [
            ("id_token_hint", hint),
            ("post_logout_redirect_uri", REGISTERED),
        ];
        expect_error(&logout(&app, &fields).await, 400, "invalid_request");
    }
    let other_client = [("id_token_hint", &*tokens.id), ("client_id", CONFIDENTIAL)];
    expect_error(&logout(&app, &other_client).await, 400, "invalid_request");
    let hint = encoded(&[("id_token_hint", tokens.id.clone())]);
    let elsewhere = get(&app, &format!("/oauth2/v1/logout?{hint}"), None).await;
    expect_error(&elsewhere, 400, "invalid_request");
    assert!(is_active(&app, &tokens.access).await);
    app.close().await;
}
