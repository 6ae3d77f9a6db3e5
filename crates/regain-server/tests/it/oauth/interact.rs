//! `POST …/v1/interact`.

use axum::body::Body;
use axum::http::Request;
use regain_store::{FlowKey, Store as _};
use regain_types::{AuthServer, TokenHash};

use super::{expect_error, interact_fields, post, post_form, with};
use crate::app::{CONFIDENTIAL, PUBLIC, Page, REDIRECT_URI, SECRET, TestApp};

const PATH: &str = "/oauth2/default/v1/interact";

async fn flow(app: &TestApp, page: &Page) -> regain_engine::Flow {
    page.expect_status(200);
    let handle = page.json["interaction_handle"].as_str().unwrap();
    let key = FlowKey::InteractionHandle(TokenHash::of(handle));
    app.store
        .load_flow(app.org(), &key, None)
        .await
        .unwrap()
        .unwrap()
        .flow
}

#[tokio::test]
async fn a_flow_begins_with_all_that_was_asked() {
    let app = TestApp::start().await;
    let fields = with(&interact_fields(), "login_hint", Some("alice@example.com"));
    for (path, server) in [
        (PATH, AuthServer::Custom("default".to_owned())),
        ("/oauth2/v1/interact", AuthServer::Org),
    ] {
        let page = post_form(&app, path, &fields).await;
        assert_eq!(page.json.as_object().unwrap().len(), 1);
        let flow = flow(&app, &page).await;
        assert_eq!(flow.app.server, server);
        assert_eq!(flow.app.client_id.as_str(), PUBLIC);
        assert!(!flow.app.confidential);
        assert_eq!(flow.app.redirect_uri, REDIRECT_URI);
        assert_eq!(
            flow.app.scopes,
            ["openid", "profile", "email", "offline_access"]
        );
        assert_eq!(flow.app.state.as_deref(), Some("s-1"));
        assert_eq!(flow.app.nonce.as_deref(), Some("n-1"));
        assert_eq!(flow.app.login_hint.as_deref(), Some("alice@example.com"));
    }
    app.close().await;
}

#[tokio::test]
async fn the_java_clients_unencoded_body_is_read() {
    let app = TestApp::start().await;
    let body = format!(
        "client_id={PUBLIC}&client_secret=null&scope=openid profile email&code_challenge={}\
         &code_challenge_method=S256&redirect_uri={REDIRECT_URI}&state=a-b-c",
        super::CHALLENGE
    );
    let page = post(&app, PATH, None, &body).await;
    assert_eq!(flow(&app, &page).await.app.redirect_uri, REDIRECT_URI);
    app.close().await;
}

#[tokio::test]
async fn only_a_right_secret_lets_a_client_tell_about_its_user() {
    let app = TestApp::start().await;
    let confidential = with(&interact_fields(), "client_id", Some(CONFIDENTIAL));
    for (fields, expected) in [
        (confidential.clone(), None),
        (
            with(&confidential, "client_secret", Some(SECRET)),
            Some("198.51.100.7"),
        ),
        (
            with(&interact_fields(), "client_secret", Some(SECRET)),
            None,
        ),
    ] {
        let request = Request::builder()
            .method("POST")
            .uri(PATH)
            .header("x-forwarded-for", "198.51.100.7")
            .header("x-okta-user-agent-extended", "Browser/1.0")
            .body(Body::from(super::encoded(&fields)))
            .unwrap();
        let flow = flow(&app, &app.send(request).await).await;
        let end_user = flow.app.end_user;
        let address = end_user.as_ref().and_then(|user| user.address.as_deref());
        assert_eq!(address, expected);
        assert_eq!(end_user.is_some(), expected.is_some());
    }
    let wrong = with(&confidential, "client_secret", Some("wrong"));
    expect_error(&post_form(&app, PATH, &wrong).await, 401, "invalid_client");
    app.close().await;
}

#[tokio::test]
async fn only_the_exact_request_begins_a_flow() {
    // T-T4: each parameter dropped, doubled, made an array, in other case, extended.
    let app = TestApp::start().await;
    let right = interact_fields();
    let before = app.snapshot();
    for name in [
        "client_id",
        "scope",
        "redirect_uri",
        "code_challenge",
        "code_challenge_method",
    ] {
        let value = right
            .iter()
            .find(|(known, _)| *known == name)
            .unwrap()
            .1
            .clone();
        let rest = super::encoded(&with(&right, name, None));
        let flipped: String = value.chars().map(flip).collect();
        for changed in [
            String::new(),
            format!("{name}={value}&{name}={value}"),
            format!("{name}={value}&{name}="),
            format!("{name}[]={value}"),
            format!("{}={value}", name.to_uppercase()),
            format!("{name}={flipped}x"),
            format!("{name}={value}x"),
            format!("{name}=%00{value}"),
        ] {
            let page = post(&app, PATH, None, &format!("{rest}&{changed}")).await;
            assert!(
                [400, 401].contains(&page.status),
                "{changed}: {}",
                page.status
            );
            expect_error(&page, page.status, page.json["error"].as_str().unwrap());
        }
    }
    assert_eq!(
        before.changed(&app.snapshot()),
        Vec::<String>::new(),
        "nothing is stored"
    );
    app.close().await;
}

fn flip(letter: char) -> char {
    if letter.is_ascii_lowercase() {
        letter.to_ascii_uppercase()
    } else {
        letter.to_ascii_lowercase()
    }
}

#[tokio::test]
async fn bodies_that_are_no_form_are_refused() {
    let app = TestApp::start().await;
    for (content_type, body, status) in [
        ("application/json", "{}".to_owned(), 400),
        ("text/plain", "client_id=x".to_owned(), 400),
        (
            "application/x-www-form-urlencoded",
            "state=%FF".to_owned(),
            400,
        ),
        (
            "application/x-www-form-urlencoded",
            "a".repeat(64 * 1_024 + 1),
            413,
        ),
    ] {
        let request = Request::builder()
            .method("POST")
            .uri(PATH)
            .header("content-type", content_type)
            .body(Body::from(body))
            .unwrap();
        expect_error(&app.send(request).await, status, "invalid_request");
    }
    expect_error(&post(&app, PATH, None, "").await, 401, "invalid_client");
    app.close().await;
}
