//! `POST …/v1/token` with `grant_type=refresh_token` (S-06).

use regain_engine::UserStatus;
use regain_store::Store as _;
use serde_json::json;

use super::{Tokens, claims, encoded, expect_error, is_active, post, post_form, renew, with};
use crate::app::{CONFIDENTIAL, PUBLIC, Person, SECRET, TestApp};

const DAY_SECONDS: i64 = 24 * 60 * 60;

#[tokio::test]
async fn a_token_rotates_and_the_family_keeps_its_sign_in() {
    let app = TestApp::start().await;
    let first = Tokens::new(&app).await;
    app.clock.advance(3_600);
    let second = Tokens::of(&renew(&app, &first.refresh).await);
    assert_ne!(second.refresh, first.refresh);
    assert_ne!(second.access, first.access);
    let (old, new) = (claims(&first.id), claims(&second.id));
    for name in ["sub", "aud", "iss", "auth_time", "amr"] {
        assert_eq!(old[name], new[name], "{name}");
    }
    assert_eq!(new.get("nonce"), None);
    assert!(
        is_active(&app, &first.access).await,
        "access tokens live their own life"
    );
    assert!(is_active(&app, &second.refresh).await);
    assert!(!is_active(&app, &first.refresh).await);
    app.close().await;
}

#[tokio::test]
async fn within_the_grace_period_the_same_successor_comes_again() {
    // T-T3.
    let app = TestApp::start().await;
    let first = Tokens::new(&app).await;
    let second = Tokens::of(&renew(&app, &first.refresh).await);
    app.clock.advance_ms(29_999);
    let again = Tokens::of(&renew(&app, &first.refresh).await);
    assert_eq!(again.refresh, second.refresh);
    let (a, b, c, d) = tokio::join!(
        renew(&app, &second.refresh),
        renew(&app, &second.refresh),
        renew(&app, &second.refresh),
        renew(&app, &second.refresh)
    );
    let successors: Vec<String> = [a, b, c, d]
        .iter()
        .map(|page| Tokens::of(page).refresh)
        .collect();
    assert!(
        successors
            .iter()
            .all(|successor| *successor == successors[0]),
        "one family"
    );
    Tokens::of(&renew(&app, &successors[0]).await);
    app.close().await;
}

#[tokio::test]
async fn reuse_after_the_grace_period_ends_the_family() {
    let app = TestApp::start().await;
    let first = Tokens::new(&app).await;
    let second = Tokens::of(&renew(&app, &first.refresh).await);
    app.clock.advance_ms(30_000);
    let page = renew(&app, &first.refresh).await;
    page.expect_status(400);
    assert_eq!(
        page.json,
        json!({
            "error": "invalid_grant",
            "error_description": "The refresh token is invalid or expired.",
        })
    );
    expect_error(&renew(&app, &second.refresh).await, 400, "invalid_grant");
    assert!(!is_active(&app, &second.access).await);
    let revoked = app.audit().await;
    assert!(
        revoked
            .iter()
            .any(|row| row.reason.as_deref() == Some("refresh_token_reuse"))
    );
    app.close().await;
}

#[tokio::test]
async fn a_family_ends_when_it_rests_for_a_week_or_after_ninety_days() {
    let app = TestApp::start().await;
    let tokens = Tokens::new(&app).await;
    app.clock.advance_ms(7 * DAY_SECONDS * 1_000 - 1);
    let mut newest = Tokens::of(&renew(&app, &tokens.refresh).await).refresh;
    for _ in 0..13 {
        app.clock.advance(6 * DAY_SECONDS);
        newest = Tokens::of(&renew(&app, &newest).await).refresh;
    }
    app.clock.advance(5 * DAY_SECONDS);
    newest = Tokens::of(&renew(&app, &newest).await).refresh;
    app.clock.advance_ms(1);
    expect_error(&renew(&app, &newest).await, 400, "invalid_grant");
    let resting = Tokens::new(&app).await;
    app.clock.advance(7 * DAY_SECONDS);
    expect_error(&renew(&app, &resting.refresh).await, 400, "invalid_grant");
    app.close().await;
}

#[tokio::test]
async fn scopes_narrow_and_never_widen() {
    let app = TestApp::start().await;
    let tokens = Tokens::new(&app).await;
    let fields = vec![
        ("grant_type", "refresh_token".to_owned()),
        ("refresh_token", tokens.refresh.clone()),
        ("client_id", PUBLIC.to_owned()),
    ];
    let path = "/oauth2/default/v1/token";
    for scope in ["openid address", "openid world_domination"] {
        let wider = with(&fields, "scope", Some(scope));
        expect_error(&post_form(&app, path, &wider).await, 400, "invalid_scope");
    }
    let narrow = with(&fields, "scope", Some("email"));
    let page = post_form(&app, path, &narrow).await;
    page.expect_status(200);
    assert_eq!(page.json["scope"], "email");
    assert_eq!(page.json.get("id_token"), None);
    let successor = page.json["refresh_token"].as_str().unwrap();
    assert_eq!(
        renew(&app, successor).await.json["scope"],
        super::SCOPE,
        "the grant is whole"
    );
    app.close().await;
}

#[tokio::test]
async fn other_texts_clients_and_servers_get_nothing_and_cost_nothing() {
    let app = TestApp::start().await;
    let tokens = Tokens::new(&app).await;
    for text in [
        "nonsense",
        &tokens.access,
        &tokens.id,
        &format!("{}A", tokens.refresh),
    ] {
        expect_error(&renew(&app, text).await, 400, "invalid_grant");
    }
    let fields = [
        ("grant_type", "refresh_token".to_owned()),
        ("refresh_token", tokens.refresh.clone()),
        ("client_id", CONFIDENTIAL.to_owned()),
        ("client_secret", SECRET.to_owned()),
    ];
    let path = "/oauth2/default/v1/token";
    expect_error(&post_form(&app, path, &fields).await, 400, "invalid_grant");
    let own = [
        ("grant_type", "refresh_token".to_owned()),
        ("refresh_token", tokens.refresh.clone()),
        ("client_id", PUBLIC.to_owned()),
    ];
    let page = post(&app, "/oauth2/v1/token", None, &encoded(&own)).await;
    expect_error(&page, 400, "invalid_grant");
    Tokens::of(&renew(&app, &tokens.refresh).await);
    app.close().await;
}

#[tokio::test]
async fn whoever_may_not_sign_in_any_more_gets_no_new_tokens() {
    let app = TestApp::start().await;
    let tokens = Tokens::new(&app).await;
    let login = Person::Active.login();
    let user = app
        .store
        .find_user(app.org(), login)
        .await
        .unwrap()
        .unwrap()
        .facts
        .id;
    app.store
        .set_user_status(app.org(), &user, UserStatus::Suspended)
        .await
        .unwrap();
    expect_error(&renew(&app, &tokens.refresh).await, 400, "invalid_grant");
    assert!(!is_active(&app, &tokens.access).await);
    app.close().await;
}
