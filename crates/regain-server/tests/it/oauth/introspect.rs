//! `POST …/v1/introspect` (O-08).

use serde_json::json;

use super::{Tokens, claims, expect_error, introspected, post, post_form};
use crate::app::{CONFIDENTIAL, PUBLIC, Person, SECRET, TestApp};

const PATH: &str = "/oauth2/default/v1/introspect";

#[tokio::test]
async fn the_owner_learns_what_a_token_is_whatever_it_hints() {
    let app = TestApp::start().await;
    let tokens = Tokens::new(&app).await;
    for hint in ["access_token", "refresh_token", "nonsense"] {
        let fields = [
            ("token", tokens.access.clone()),
            ("token_type_hint", hint.to_owned()),
            ("client_id", PUBLIC.to_owned()),
        ];
        let page = post_form(&app, PATH, &fields).await;
        let said = claims(&tokens.access);
        assert_eq!(
            page.json,
            json!({
                "active": true, "token_type": "Bearer", "scope": super::SCOPE,
                "client_id": PUBLIC, "username": Person::Active.login(),
                "sub": Person::Active.login(), "uid": said["uid"], "aud": "api://default",
                "iss": said["iss"], "exp": said["exp"], "iat": said["iat"], "jti": said["jti"],
            })
        );
    }
    let refresh = introspected(&app, &tokens.refresh).await;
    assert_eq!(refresh["active"], true);
    assert_eq!(refresh.get("token_type"), None);
    let id = introspected(&app, &tokens.id).await;
    assert_eq!(id["sub"], claims(&tokens.id)["sub"]);
    app.close().await;
}

#[tokio::test]
async fn all_that_is_not_theirs_gets_the_same_bytes() {
    // T-T6.
    let app = TestApp::start().await;
    let tokens = Tokens::new(&app).await;
    let (signed, signature) = tokens.access.rsplit_once('.').unwrap();
    let other_letter = if signature.starts_with('A') { 'B' } else { 'A' };
    let changed = format!("{signed}.{other_letter}{}", &signature[1..]);
    for text in ["nonsense", "a.b.c", &changed] {
        let fields = [("token", text.to_owned()), ("client_id", PUBLIC.to_owned())];
        let page = post_form(&app, PATH, &fields).await;
        page.expect_status(200);
        assert_eq!(page.bytes, br#"{"active":false}"#, "{text}");
    }
    for token in [&tokens.access, &tokens.id, &tokens.refresh] {
        let fields = [
            ("token", token.clone()),
            ("client_id", CONFIDENTIAL.to_owned()),
            ("client_secret", SECRET.to_owned()),
        ];
        assert_eq!(
            post_form(&app, PATH, &fields).await.bytes,
            br#"{"active":false}"#
        );
    }
    app.close().await;
}

#[tokio::test]
async fn a_question_without_a_token_is_malformed() {
    let app = TestApp::start().await;
    let page = post(&app, PATH, None, &format!("client_id={PUBLIC}")).await;
    expect_error(&page, 400, "invalid_request");
    app.close().await;
}
