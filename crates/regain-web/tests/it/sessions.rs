//! Who is signed in, for how long, and how it ends.

use crate::browser::TestApp;
use crate::engine::PASSWORD;

#[tokio::test]
async fn signing_in_gives_the_browser_a_new_name_and_kills_the_old_one() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    browser.open("/login").await;
    let before = browser.clone();
    browser.sign_in("alice@example.com", PASSWORD).await;
    assert_ne!(browser.cookie, before.cookie);
    let mut planted = before;
    assert!(
        planted.open("/").await.html.contains("name=\"signin\""),
        "the old cookie opens nothing"
    );
}

#[tokio::test]
async fn a_session_survives_a_restart_and_the_files_hold_no_token() {
    let mut app = TestApp::new().await;
    let mut browser = app.browser();
    browser.sign_in("alice@example.com", PASSWORD).await;
    app.restart().await;
    browser.reach(&app);
    assert!(
        browser
            .open("/")
            .await
            .html
            .contains("id=\"profile-table\"")
    );
    let cookie = browser.cookie.clone().unwrap();
    let value = cookie.split_once('=').unwrap().1;
    for entry in std::fs::read_dir(app.data_dir()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        for secret in ["access-secret", "alice@example.com", value] {
            assert!(
                !bytes
                    .windows(secret.len())
                    .any(|window| window == secret.as_bytes()),
                "{secret}"
            );
        }
    }
}

#[tokio::test]
async fn a_session_ends_when_nobody_uses_it_and_at_the_latest_after_half_a_day() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    browser.sign_in("alice@example.com", PASSWORD).await;
    let hour = 60 * 60;
    app.advance(2 * hour - 1);
    assert!(
        browser
            .open("/")
            .await
            .html
            .contains("id=\"profile-table\"")
    );
    app.advance(2 * hour);
    assert!(browser.open("/").await.html.contains("name=\"signin\""));

    browser.sign_in("alice@example.com", PASSWORD).await;
    for _ in 0..11 {
        app.advance(hour);
        assert!(
            browser
                .open("/")
                .await
                .html
                .contains("id=\"profile-table\"")
        );
    }
    app.advance(hour);
    assert!(browser.open("/").await.html.contains("name=\"signin\""));
}

#[tokio::test]
async fn userinfo_is_asked_once_per_sign_in() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    browser.sign_in("alice@example.com", PASSWORD).await;
    browser.open("/").await;
    browser.open("/").await;
    assert_eq!(app.engine.count("/v1/userinfo"), 1);
}

#[tokio::test]
async fn signing_out_revokes_ends_and_goes_to_the_engine() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    let home = browser.sign_in("alice@example.com", PASSWORD).await;
    let replayed = browser.clone();
    let page = browser.post(&home.form("/logout")).await;
    assert!(
        page.location()
            .starts_with("http://engine.test:8400/oauth2/default/v1/logout?id_token_hint=")
    );
    assert!(
        page.location()
            .contains("post_logout_redirect_uri=http%3A%2F%2Flocalhost%3A8401%2F")
    );
    assert!(page.location().ends_with("&state=signed-out"));
    assert_eq!(
        browser.open("/?state=signed-out").await.message(),
        "You are signed out."
    );
    assert_eq!(app.engine.count("/v1/revoke"), 1);
    assert_ne!(browser.cookie, replayed.cookie);
    let mut replayed = replayed;
    assert!(
        replayed.open("/").await.html.contains("name=\"signin\""),
        "a replayed cookie is dead"
    );
}

#[tokio::test]
async fn signing_out_works_while_the_engine_is_down() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    let home = browser.sign_in("alice@example.com", PASSWORD).await;
    app.engine.set(|mood| mood.is_down = true);
    let page = browser.post(&home.form("/logout")).await;
    assert_eq!(page.status, 303);
    assert!(browser.open("/").await.html.contains("name=\"signin\""));
}

#[tokio::test]
async fn the_news_of_a_recovery_stays_for_a_reload_and_then_goes() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    let page = browser.reach_reset_page().await;
    let form = page
        .form("reset-password-form")
        .with("password", "Silver-Otter-77")
        .with("confirmPassword", "Silver-Otter-77");
    let page = browser.submit(form).await;
    assert_eq!(
        page.message(),
        "Your password was changed. Your other devices stay signed in."
    );
    assert_eq!(browser.open("/").await.message(), page.message());
    app.advance(300);
    assert_eq!(browser.open("/").await.message(), "");
}
