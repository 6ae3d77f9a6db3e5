//! `POST …/v1/revoke` (RFC 7009, O-08).

use super::{Tokens, basic, expect_error, is_active, post, renew};
use crate::app::{CONFIDENTIAL, PUBLIC, SECRET, TestApp};

const PATH: &str = "/oauth2/default/v1/revoke";

#[track_caller]
fn expect_done(page: &crate::app::Page) {
    page.expect_status(200);
    assert!(page.bytes.is_empty(), "{:?}", page.bytes);
}

#[tokio::test]
async fn an_access_token_ends_alone() {
    let app = TestApp::start().await;
    let tokens = Tokens::new(&app).await;
    for _ in 0..2 {
        let body = format!("token={}&token_type_hint=access_token", tokens.access);
        expect_done(&post(&app, PATH, Some(&basic(PUBLIC)), &body).await);
        assert!(!is_active(&app, &tokens.access).await);
    }
    assert!(is_active(&app, &tokens.refresh).await);
    let renewed = Tokens::of(&renew(&app, &tokens.refresh).await);
    assert!(is_active(&app, &renewed.access).await);
    app.close().await;
}

#[tokio::test]
async fn a_revoked_access_token_stays_dead_when_the_developers_clock_moves() {
    let app = TestApp::start().await;
    let tokens = Tokens::new(&app).await;
    let body = format!("token={}&client_id={PUBLIC}", tokens.access);
    expect_done(&post(&app, PATH, None, &body).await);
    app.clock.advance(3_000);
    regain_store::Store::sweep(&*app.store, app.org(), 1_000)
        .await
        .unwrap();
    assert!(!is_active(&app, &tokens.access).await);
    app.close().await;
}

#[tokio::test]
async fn a_refresh_token_takes_its_family_along() {
    let app = TestApp::start().await;
    let tokens = Tokens::new(&app).await;
    let body = format!("token={}&client_id={PUBLIC}", tokens.refresh);
    expect_done(&post(&app, PATH, None, &body).await);
    for token in [&tokens.access, &tokens.id, &tokens.refresh] {
        assert!(!is_active(&app, token).await);
    }
    expect_error(&renew(&app, &tokens.refresh).await, 400, "invalid_grant");
    app.close().await;
}

#[tokio::test]
async fn the_go_client_names_no_client() {
    let app = TestApp::start().await;
    let tokens = Tokens::new(&app).await;
    expect_done(&post(&app, PATH, None, &format!("token={}", tokens.refresh)).await);
    assert!(!is_active(&app, &tokens.access).await);
    app.close().await;
}

#[tokio::test]
async fn what_is_not_theirs_is_left_alone() {
    let app = TestApp::start().await;
    let tokens = Tokens::new(&app).await;
    let foreign = basic(&format!("{CONFIDENTIAL}:{SECRET}"));
    for token in [
        "nonsense",
        "a.b.c",
        &tokens.access,
        &tokens.refresh,
        &tokens.id,
    ] {
        expect_done(&post(&app, PATH, Some(&foreign), &format!("token={token}")).await);
    }
    let own = format!("token={}&client_id={PUBLIC}", tokens.refresh);
    expect_done(&post(&app, "/oauth2/v1/revoke", None, &own).await);
    assert!(is_active(&app, &tokens.access).await);
    assert!(is_active(&app, &tokens.refresh).await);
    let unproved = format!("token={}&client_id={CONFIDENTIAL}", tokens.refresh);
    expect_error(
        &post(&app, PATH, None, &unproved).await,
        401,
        "invalid_client",
    );
    let nothing = format!("client_id={PUBLIC}");
    expect_error(
        &post(&app, PATH, None, &nothing).await,
        400,
        "invalid_request",
    );
    app.close().await;
}
