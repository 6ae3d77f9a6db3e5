//! What keeps other sites, other browsers and other people out.

use axum::body::Body;
use http::{Request, StatusCode, header};

use crate::browser::{Browser, Form, Page, TestApp};
use crate::engine::{CODE, PASSWORD};

/// Every route that takes a form.
const FORMS: [&str; 12] = [
    "/login",
    "/recover-password",
    "/select-authenticator",
    "/select-authenticator/skip",
    "/verify-authenticator/okta_email",
    "/challenge-authenticator/okta_email",
    "/challenge-authenticator/email",
    "/challenge-authenticator/okta_password",
    "/challenge-authenticator/resend",
    "/reset-password",
    "/cancel",
    "/logout",
];

async fn post(browser: &mut Browser, path: &str, body: &str) -> Page {
    let form =
        Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    browser
        .send(form.body(Body::from(body.to_owned())).unwrap())
        .await
}

#[tokio::test]
async fn no_form_is_taken_without_the_browsers_own_token() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    browser.open("/login").await;
    let foreign = app.browser().open("/login").await.form("login-form");
    let foreign_token = &foreign
        .pairs
        .iter()
        .find(|(name, _)| name == "csrf")
        .unwrap()
        .1;
    let before = app.engine.paths().len();
    for path in FORMS {
        for body in [
            "username=a&password=b".to_owned(),
            format!("csrf={foreign_token}&username=a"),
        ] {
            let page = post(&mut browser, path, &body).await;
            assert_eq!(page.status, StatusCode::FORBIDDEN, "{path} {body}");
            assert_eq!(page.heading(), "Please send that again");
        }
    }
    assert_eq!(
        app.engine.paths().len(),
        before,
        "nothing reached the engine"
    );
}

#[tokio::test]
async fn forms_that_the_browser_says_came_from_elsewhere_are_refused() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    let form = browser
        .open("/recover-password")
        .await
        .form("password-recover-form");
    let form = form.with("username", "alice@example.com");
    let cases = [
        (Some("https://evil.example"), None),
        (Some("null"), Some("cross-site")),
        (None, Some("same-site")),
        (None, Some("none")),
    ];
    for (origin, site) in cases {
        browser.headers.clear();
        if let Some(origin) = origin {
            browser.headers.insert("origin", origin.parse().unwrap());
        }
        if let Some(site) = site {
            browser
                .headers
                .insert("sec-fetch-site", site.parse().unwrap());
        }
        assert_eq!(
            browser.post(&form).await.status,
            StatusCode::FORBIDDEN,
            "{origin:?} {site:?}"
        );
    }
    // What browsers send from a page with `Referrer-Policy: no-referrer`.
    browser.headers.clear();
    browser.headers.insert("origin", "null".parse().unwrap());
    browser
        .headers
        .insert("sec-fetch-site", "same-origin".parse().unwrap());
    assert_eq!(browser.post(&form).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn bodies_that_are_no_forms_of_ours_are_refused() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    let form = browser
        .open("/recover-password")
        .await
        .form("password-recover-form");
    let huge = form.clone().with("username", &"a".repeat(17 * 1024));
    assert_eq!(
        browser.post(&huge).await.status,
        StatusCode::PAYLOAD_TOO_LARGE
    );
    let repeated = Form {
        pairs: [
            form.pairs.clone(),
            vec![("username".to_owned(), "a".to_owned()); 2],
        ]
        .concat(),
        ..form.clone()
    };
    assert_eq!(
        browser.post(&repeated).await.status,
        StatusCode::BAD_REQUEST
    );
    for media_type in [
        "application/json",
        "text/plain",
        "multipart/form-data; boundary=x",
    ] {
        let request = Request::post("/login").header(header::CONTENT_TYPE, media_type);
        let page = browser
            .send(request.body(Body::from(form.body())).unwrap())
            .await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{media_type}");
    }
    let long = format!("/login?x={}", "a".repeat(9_000));
    assert_eq!(browser.get(&long).await.status, StatusCode::URI_TOO_LONG);
}

#[tokio::test]
async fn the_headers_of_a_page() {
    let app = TestApp::new().await;
    let page = app.browser().get("/recover-password").await;
    let mut lines: Vec<String> = page
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .map(|line| match line.split_once("regain_app=") {
            Some((start, rest)) => format!("{start}regain_app=…{}", &rest[43..]),
            None => line,
        })
        .map(|line| match line.split_once("regain_app_device=") {
            Some((start, rest)) => format!("{start}regain_app_device=…{}", &rest[32..]),
            None => line,
        })
        .filter(|line| !line.starts_with("content-length"))
        .collect();
    lines.sort();
    insta::assert_snapshot!(lines.join("\n"), @r"
    cache-control: no-store
    content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self' http://engine.test:8400; base-uri 'none'; frame-ancestors 'none'
    content-type: text/html; charset=utf-8
    cross-origin-opener-policy: same-origin
    cross-origin-resource-policy: same-origin
    permissions-policy: camera=(), geolocation=(), microphone=(), payment=(), usb=()
    referrer-policy: no-referrer
    set-cookie: regain_app=…; Path=/; HttpOnly; SameSite=Lax
    set-cookie: regain_app_device=…; Path=/; HttpOnly; SameSite=Lax; Max-Age=34560000
    x-content-type-options: nosniff
    x-frame-options: DENY
    x-robots-tag: noindex
    ");
}

#[tokio::test]
async fn over_https_the_cookie_is_secure_and_host_bound() {
    let app = TestApp::at("https://app.example").await;
    let page = app.browser().get("/login").await;
    let cookie = page.header("set-cookie");
    assert!(cookie.starts_with("__Host-regain_app="), "{cookie}");
    assert!(
        cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure"),
        "{cookie}"
    );
    assert_eq!(
        page.header("strict-transport-security"),
        "max-age=31536000; includeSubDomains"
    );
}

#[tokio::test]
async fn every_answer_has_the_headers_and_flow_pages_are_never_stored() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    let code = browser.reach_code_page().await;
    let mut paths = vec![
        code.path.clone(),
        "/nowhere".to_owned(),
        "/terminal".to_owned(),
    ];
    paths.extend(["/", "/login", "/login/callback?error=x"].map(str::to_owned));
    for path in paths {
        let page = browser.get(&path).await;
        assert_eq!(page.header("cache-control"), "no-store", "{path}");
        assert_eq!(page.header("x-frame-options"), "DENY", "{path}");
        assert!(
            page.header("content-security-policy")
                .contains("default-src 'none'"),
            "{path}"
        );
    }
    let refused = post(&mut browser, "/login", "").await;
    assert_eq!(refused.header("cache-control"), "no-store");
}

#[tokio::test]
async fn what_people_type_and_servers_say_is_escaped() {
    let app = TestApp::new().await;
    app.engine.set(|mood| mood.tells_unknown_users = true);
    let mut browser = app.browser();
    let page = browser.recover("\"><script>alert(1)</script>").await;
    assert!(!page.html.contains("<script>alert"));
    assert!(page.message().contains("&#60;script&#62;"));
    let page = browser
        .get("/login/callback?error=%3Cb%3E&error_description=%3Cscript%3E")
        .await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    assert_eq!(page.message(), "&#60;b&#62;: &#60;script&#62;");
    let page = browser
        .get("/login?notice=%3Cscript%3E&mistake=%3Cscript%3E")
        .await;
    assert!(!page.html.contains("<script>"));
}

#[tokio::test]
async fn the_engine_learns_who_sits_at_the_browser() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    browser
        .headers
        .insert("user-agent", "Test/1.0".parse().unwrap());
    browser
        .headers
        .insert("accept-language", "de-AT".parse().unwrap());
    browser
        .headers
        .insert("x-forwarded-for", "203.0.113.9".parse().unwrap());
    browser.recover("alice@example.com").await;
    let sent = |name| app.engine.header("/v1/interact", name);
    assert_eq!(
        sent("x-forwarded-for").as_deref(),
        Some("192.0.2.7"),
        "the peer is no trusted proxy"
    );
    assert_eq!(
        sent("x-okta-user-agent-extended").as_deref(),
        Some("Test/1.0")
    );
    assert_eq!(sent("accept-language").as_deref(), Some("de-AT"));
}

#[tokio::test]
async fn the_engine_knows_a_device_again_and_no_two_are_one() {
    // G-07: the name stays over visits, also when the browser's own does not.
    let app = TestApp::new().await;
    let mut browser = app.browser();
    browser.recover("alice@example.com").await;
    let sent = || app.engine.header("/v1/interact", "x-device-token").unwrap();
    let first = sent();
    assert_eq!(first.len(), 32, "as much as servers take");
    browser.cookie = None;
    browser.recover("alice@example.com").await;
    assert_eq!(sent(), first);
    app.browser().recover("alice@example.com").await;
    assert_ne!(sent(), first);
    browser.device = Some("regain_app_device=made-up".to_owned());
    browser.recover("alice@example.com").await;
    assert_eq!(sent().len(), 32, "what is none of ours is replaced");
}

#[tokio::test]
async fn an_advanced_form_cannot_be_replayed() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    let code = browser.reach_code_page().await;
    let form = code
        .form("challenge-authenticator-form")
        .with("verificationCode", CODE);
    let reset = browser.submit(form.clone()).await;
    let answers = app.engine.count("/challenge/answer");
    // The same form leads on, one without its turn is refused; neither is sent again.
    assert_eq!(browser.post(&form).await.location(), reset.path);
    let without = form.with("turn", "");
    assert_eq!(browser.post(&without).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(app.engine.count("/challenge/answer"), answers);
}

#[tokio::test]
async fn signing_out_needs_the_token_too() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    browser.sign_in("alice@example.com", PASSWORD).await;
    assert_eq!(
        post(&mut browser, "/logout", "").await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(browser.get("/logout").await.status, StatusCode::NOT_FOUND);
    assert!(
        browser
            .open("/")
            .await
            .html
            .contains("id=\"profile-table\"")
    );
}
