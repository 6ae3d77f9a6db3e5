//! `GET` and `POST …/v1/userinfo`.

use serde_json::json;

use super::{
    CUSTOM, Tokens, claims, get, interact_fields, post, post_form, renew, signed_in, token_fields,
    with,
};
use crate::app::{PUBLIC, Page, Person, TestApp};

const PATH: &str = "/oauth2/default/v1/userinfo";

async fn ask(app: &TestApp, token: &str) -> Page {
    get(app, PATH, Some(&format!("Bearer {token}"))).await
}

/// Asserts a refusal that names its reason in the header too (RFC 6750 §3).
#[track_caller]
fn expect_refusal(page: &Page, status: u16, error: &str) {
    super::expect_error(page, status, error);
    let challenge = page.header("www-authenticate").unwrap();
    let expected = format!(r#"Bearer realm="regain", error="{error}", error_description=""#);
    assert!(challenge.starts_with(&expected), "{challenge}");
}

#[tokio::test]
async fn a_bearer_learns_what_the_scopes_say() {
    let app = TestApp::start().await;
    let tokens = Tokens::new(&app).await;
    let page = ask(&app, &tokens.access).await;
    page.expect_status(200);
    let login = Person::Active.login();
    let mut body = page.json.clone();
    assert!(body["updated_at"].is_i64());
    body["updated_at"] = json!(0);
    assert_eq!(
        body,
        json!({
            "sub": claims(&tokens.id)["sub"], "name": "Given Family", "locale": "en-US",
            "email": login, "email_verified": true, "preferred_username": login,
            "given_name": "Given", "family_name": "Family", "zoneinfo": "Europe/Berlin",
            "updated_at": 0,
        })
    );
    let bearer = format!("bearer {}", tokens.access);
    assert_eq!(post(&app, PATH, Some(&bearer), "").await.bytes, page.bytes);
    app.close().await;
}

#[tokio::test]
async fn without_a_token_the_answer_says_only_how_to_bring_one() {
    let app = TestApp::start().await;
    for authorization in [None, Some("Basic eA=="), Some("Bearer")] {
        let page = get(&app, PATH, authorization).await;
        page.expect_status(401);
        assert_eq!(
            page.header("www-authenticate"),
            Some(r#"Bearer realm="regain""#)
        );
    }
    app.close().await;
}

#[tokio::test]
async fn other_tokens_are_refused() {
    let app = TestApp::start().await;
    let tokens = Tokens::new(&app).await;
    for token in ["nonsense", "a.b.c", &tokens.id, &tokens.refresh] {
        expect_refusal(&ask(&app, token).await, 401, "invalid_token");
    }
    let bearer = format!("Bearer {}", tokens.access);
    let elsewhere = get(&app, "/oauth2/v1/userinfo", Some(&bearer)).await;
    expect_refusal(&elsewhere, 401, "invalid_token");
    let revoke = format!("token={}&client_id={PUBLIC}", tokens.access);
    post(&app, "/oauth2/default/v1/revoke", None, &revoke)
        .await
        .expect_status(200);
    expect_refusal(&ask(&app, &tokens.access).await, 401, "invalid_token");
    let renewed = Tokens::of(&renew(&app, &tokens.refresh).await);
    ask(&app, &renewed.access).await.expect_status(200);
    app.close().await;
}

#[tokio::test]
async fn a_token_without_openid_is_not_enough() {
    let app = TestApp::start().await;
    let begin = with(&interact_fields(), "scope", Some("profile"));
    let code = signed_in(&app, CUSTOM, &begin).await;
    let page = post_form(&app, "/oauth2/default/v1/token", &token_fields(&code)).await;
    let token = page.json["access_token"].as_str().unwrap();
    expect_refusal(&ask(&app, token).await, 403, "insufficient_scope");
    app.close().await;
}
