//! What every page must be: one heading, labels, no inline code, small; and the DOM that the
//! upstream acceptance suite looks for.

use http::{Request, StatusCode, header};

use crate::browser::{Page, TestApp, config};
use crate::engine::{CODE, Engine, PASSWORD};

/// Every page, once.
async fn all_pages(app: &TestApp) -> Vec<Page> {
    let mut browser = app.browser();
    let mut pages = vec![
        browser.open("/").await,
        browser.open("/login").await,
        browser.open("/recover-password").await,
        browser.open("/nowhere").await,
        browser.open("/login/callback?otp=123456").await,
        browser.open("/login/callback?error=access_denied").await,
    ];
    let select = browser.recover("alice@example.com").await;
    let form = select
        .form("select-authenticator-form")
        .with("authenticator", "okta_email");
    pages.push(select);
    let code = browser.submit(form).await;
    let wrong = code
        .form("challenge-authenticator-form")
        .with("verificationCode", "000000");
    pages.push(code);
    let wrong = browser.submit(wrong).await;
    let right = wrong
        .form("challenge-authenticator-form")
        .with("verificationCode", CODE);
    pages.push(wrong);
    pages.push(browser.submit(right).await);
    pages.push(browser.sign_in("alice@example.com", "wrong").await);
    pages.push(browser.sign_in("alice@example.com", PASSWORD).await);
    app.engine.set(|mood| mood.verify_instead_of_select = true);
    pages.push(browser.recover("alice@example.com").await);
    app.engine.set(|mood| mood.identifier_first = true);
    app.advance(61);
    let page = app.browser().open("/login").await;
    pages.push(page);
    app.engine.set(|mood| mood.is_down = true);
    app.advance(61);
    pages.push(app.browser().get("/login").await);
    pages
}

#[tokio::test]
async fn every_page_is_well_made() {
    let app = TestApp::new().await;
    for page in all_pages(&app).await {
        let (path, html) = (&page.path, &page.html);
        assert!(
            html.starts_with("<!doctype html>\n<html lang=\"en\">"),
            "{path}"
        );
        assert_eq!(html.matches("<h1").count(), 1, "{path}");
        assert!(html.contains(" – Example &#38; Co</title>"), "{path}");
        assert_eq!(
            html.matches("<script").count(),
            1,
            "one script, by address: {path}"
        );
        assert!(html.contains("<script src=\"/assets/app."), "{path}");
        for inline in [
            "<style",
            " style=",
            " onclick",
            " onload",
            " onsubmit",
            "javascript:",
        ] {
            assert!(!html.contains(inline), "{inline} on {path}");
        }
        assert!(html.len() < 20_000, "{} bytes: {path}", html.len());
        let mut ids: Vec<&str> = html
            .split(" id=\"")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap())
            .collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all, "an id twice on {path}");
        for reference in html.split("aria-describedby=\"").skip(1) {
            for id in reference.split('"').next().unwrap().split_whitespace() {
                assert!(ids.contains(&id), "{id} is described nowhere on {path}");
            }
        }
        for tag in html
            .split("<input")
            .skip(1)
            .map(|rest| rest.split('>').next().unwrap())
        {
            let is_labelled = ids.iter().any(|id| {
                tag.contains(&format!(" id=\"{id}\"")) && html.contains(&format!("for=\"{id}\""))
            });
            let needs_none =
                tag.contains("type=\"hidden\"") || tag.contains("aria-hidden=\"true\"");
            let is_wrapped = tag.contains("type=\"checkbox\"");
            assert!(
                is_labelled || needs_none || is_wrapped,
                "no label for <input{tag}> on {path}"
            );
        }
    }
}

#[tokio::test]
async fn the_first_submit_button_is_the_main_one() {
    let app = TestApp::new().await;
    for page in all_pages(&app).await {
        let Some((before, _)) = page.html.split_once("type=\"submit\"") else {
            continue;
        };
        let form = before.rsplit("<form").next().unwrap();
        let action = form
            .split("action=\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap();
        for side in ["/cancel", "/resend", "/skip", "/logout"] {
            assert!(
                !action.contains(side),
                "{action} comes first on {}",
                page.path
            );
        }
    }
}

#[tokio::test]
async fn the_pages_keep_the_dom_of_the_upstream_suite() {
    let app = TestApp::new().await;
    let pages = all_pages(&app).await;
    let all: String = pages.iter().map(|page| page.html.as_str()).collect();
    for wanted in [
        "id=\"server-config\"",
        "name=\"signin\"",
        "name=\"home\"",
        "name=\"forgotPassword\"",
        "name=\"signout\"",
        "id=\"username\"",
        "id=\"password\"",
        "id=\"confirm-password\"",
        "name=\"verificationCode\"",
        "id=\"authenticator-code-input\"",
        "name=\"resend\"",
        "id=\"authenticator-options\"",
        "id=\"authenticator-method-options\"",
        "id=\"form-messages\"",
        "id=\"profile-table\"",
        "id=\"claim-email\"",
        "id=\"claim-name\"",
        "id=\"select-authenticator-page-title-header\">Select authenticator<",
        "id=\"page-title-header\">Recover password<",
        "id=\"page-title-header\">Reset password<",
        "id=\"page-title-header\">Challenge email authenticator<",
        "id=\"page-title-header\">Verify using email authenticator<",
    ] {
        assert!(all.contains(wanted), "{wanted}");
    }
    // `#form-messages:first-child`
    assert!(all.contains("<div><ul id=\"form-messages\""));
}

#[tokio::test]
async fn assets_have_names_of_their_own_and_are_kept_for_a_year() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    let page = browser.open("/login").await;
    let mut transferred = 0;
    for (start, media_type) in [
        ("stylesheet\" href=\"", "text/css; charset=utf-8"),
        ("<script src=\"", "text/javascript; charset=utf-8"),
        ("rel=\"icon\" href=\"", "image/svg+xml"),
    ] {
        let href = page.between(start, "\"").unwrap();
        let request = Request::get(href).header(header::ACCEPT_ENCODING, "gzip");
        let asset = app
            .browser()
            .send(request.body(axum::body::Body::empty()).unwrap())
            .await;
        assert_eq!(asset.status, StatusCode::OK);
        assert_eq!(asset.header("content-type"), media_type);
        assert_eq!(
            asset.header("cache-control"),
            "public, max-age=31536000, immutable"
        );
        assert_eq!(asset.header("set-cookie"), "");
        transferred += asset.html.len();
    }
    assert!(
        transferred + page.html.len() < 30 * 1024,
        "{transferred} bytes of assets"
    );
    assert_eq!(
        browser.get("/assets/app.old.css").await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        page.header("content-encoding"),
        "",
        "a page with a token is not compressed"
    );
}

#[tokio::test]
async fn a_code_in_a_link_is_filled_in_here_and_shown_elsewhere() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    let code = browser.reach_code_page().await;
    let state = code.path.split_once('?').unwrap().1;
    let page = browser
        .open(&format!("/login/callback?{state}&otp=654321"))
        .await;
    assert_eq!(page.heading(), "Challenge email authenticator");
    assert!(page.html.contains("value=\"654321\" inputmode"));
    assert_eq!(
        app.engine.count("/challenge/answer"),
        0,
        "GET uses nothing up"
    );
    let page = app
        .browser()
        .open(&format!("/login/callback?{state}&otp=654321"))
        .await;
    assert_eq!(
        page.between("id=\"code-for-elsewhere\">", "<"),
        Some("654321")
    );
    let page = app.browser().get("/login/callback").await;
    assert_eq!(page.location(), "/login?notice=expired");
}

#[tokio::test]
async fn settings_that_cannot_work_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let client = || {
        let builder = regain_sdk::IdxClient::builder(crate::engine::ISSUER).client_id("x");
        builder
            .redirect_uri("http://localhost/login/callback")
            .transport(std::sync::Arc::new(Engine::new()))
            .build()
            .unwrap()
    };
    let clock = || std::sync::Arc::new(regain_sdk::SystemClock);
    let mut wrong = config(dir.path(), "http://localhost:8401/app");
    let problem = regain_web::router_with(wrong.clone(), client(), clock())
        .await
        .unwrap_err();
    assert!(
        problem.to_string().contains("must be an origin"),
        "{problem}"
    );
    wrong.public_url = "http://localhost:8401".parse().unwrap();
    wrong.trusted_proxies = vec!["localhost".to_owned()];
    let problem = regain_web::router_with(wrong.clone(), client(), clock())
        .await
        .unwrap_err();
    assert!(problem.to_string().contains("trusted proxy"), "{problem}");
    wrong.trusted_proxies.clear();
    wrong.data_dir = dir.path().join("file/below");
    std::fs::write(dir.path().join("file"), "").unwrap();
    let problem = regain_web::router_with(wrong, client(), clock())
        .await
        .unwrap_err();
    assert!(problem.to_string().starts_with("cannot use "), "{problem}");
}
