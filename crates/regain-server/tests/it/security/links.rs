//! T-L1 to T-L6: the link in a mail.

use axum::body::Body;
use axum::http::{Method, Request};
use regain_engine::{EndUser, LinkTarget};
use regain_mail::MailboxMessage;
use serde_json::json;

use crate::app::{BASE, HTTPS_BASE, Page, Person, Setup, TestApp, Walk};

const CALLBACK: &str = "http://localhost:8401/login/callback";
/// As scanners of mails call themselves.
const SCANNERS: [&str; 20] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 SafeLinks",
    "Barracuda Sentinel (EE)",
    "BitdefenderScan/1.0",
    "Cisco IronPort",
    "Cloudmark/1.0",
    "FireEye ETP",
    "Fortinet FortiMail",
    "GoogleImageProxy",
    "Googlebot/2.1 (+http://www.google.com/bot.html)",
    "MailScanner/5",
    "Mimecast URL Protect",
    "Microsoft Office Protocol Discovery",
    "Outlook-iOS/2.0",
    "Proofpoint URL Defense",
    "SkypeUriPreview Preview/0.5",
    "Slackbot-LinkExpanding 1.0",
    "Sophos Email",
    "Symantec Email Security.cloud",
    "Trend Micro WTP",
    "WhatsApp/2.23",
];

/// A flow of an app that takes links, at the page of the code.
async fn at_code(app: &TestApp) -> Walk<'_> {
    let mut walk = app
        .begin_for(|flow| flow.email_verification_uri = Some(CALLBACK.to_owned()))
        .await;
    walk.as_far_as_challenge(Person::Active.login()).await;
    walk
}

async fn newest(app: &TestApp) -> MailboxMessage {
    app.mail_is_done().await;
    app.mail_to(Person::Active.login()).await
}

/// The link of the newest mail: its path and query.
async fn link(app: &TestApp) -> String {
    let link = newest(app).await.link.unwrap();
    link.strip_prefix(BASE).unwrap().to_owned()
}

async fn open(app: &TestApp, method: Method, path: &str, headers: &[(&str, &str)]) -> Page {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    app.send(request.body(Body::empty()).unwrap()).await
}

async fn get(app: &TestApp, path: &str) -> Page {
    open(app, Method::GET, path, &[]).await
}

fn text(page: &Page) -> String {
    String::from_utf8(page.bytes.clone()).unwrap()
}

/// Where the button of a link's page leads.
fn button(page: &Page) -> String {
    let html = text(page);
    let (_, rest) = html.split_once("id=\"continue\" href=\"").unwrap();
    let href = rest.split_once('"').unwrap().0;
    href.replace("&amp;", "&").replace("&#38;", "&")
}

#[tokio::test]
async fn t_l1_whoever_opens_a_link_uses_nothing_up() {
    let app = TestApp::start().await;
    let mut walk = at_code(&app).await;
    let link = link(&app).await;
    let before = app.store.fingerprint().unwrap();
    for agent in SCANNERS {
        for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
            open(&app, method, &link, &[("user-agent", agent)]).await;
        }
        let ranged = [("user-agent", agent), ("range", "bytes=0-10")];
        open(&app, Method::GET, &link, &ranged).await;
        let prefetch = [("user-agent", agent), ("sec-purpose", "prefetch")];
        open(&app, Method::GET, &link, &prefetch)
            .await
            .expect_status(200);
    }
    assert_eq!(app.store.fingerprint().unwrap(), before);
    let code = walk.derived_code().await;
    walk.answer(&code)
        .await
        .expect_page(200, "reset-authenticator");
    app.close().await;
}

#[tokio::test]
async fn t_l2_a_link_alone_shows_the_code_and_gives_nothing() {
    let app = TestApp::start().await;
    let walk = at_code(&app).await;
    let link = link(&app).await;
    let page = get(&app, &link).await;
    page.expect_status(200);
    let code = walk.derived_code().await;
    assert!(text(&page).contains(&format!("id=\"code\">{code}</p>")));
    assert!(page.headers.get("set-cookie").is_none());
    assert_eq!(
        button(&page),
        format!("{CALLBACK}?state=state-of-the-app&otp={code}")
    );
    for handle in [&walk.state_handle, &walk.interaction_handle] {
        assert!(!text(&page).contains(handle.as_str()));
    }
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
        open(&app, method, &link, &[]).await.expect_status(405);
    }
    app.close().await;
}

#[tokio::test]
async fn t_l3_of_code_and_link_the_second_is_always_dead() {
    let app = TestApp::start().await;
    let mut walk = at_code(&app).await;
    let first = link(&app).await;
    // The code of the link, in the flow that asked.
    let code = button(&get(&app, &first).await)
        .split("otp=")
        .nth(1)
        .unwrap()
        .to_owned();
    walk.answer(&code)
        .await
        .expect_page(200, "reset-authenticator");
    let used = get(&app, &first).await;
    used.expect_status(410);
    assert!(text(&used).contains("It was used already."));
    assert!(!text(&used).contains(&code));
    // Of another flow it opens nothing.
    let mut other = at_code(&app).await;
    other
        .answer(&code)
        .await
        .expect_page(401, "challenge-authenticator");
    app.leave_mail().await;
}

#[tokio::test]
async fn t_l3_a_newer_mail_replaces_the_link_and_time_ends_it() {
    let app = TestApp::start().await;
    let mut walk = at_code(&app).await;
    let first = link(&app).await;
    app.advance(31);
    walk.act("resend").await.expect_status(200);
    let second = link(&app).await;
    assert_ne!(first, second);
    let replaced = get(&app, &first).await;
    replaced.expect_status(410);
    assert!(text(&replaced).contains("There is a newer mail"));
    get(&app, &second).await.expect_status(200);
    app.advance(5 * 60);
    let expired = get(&app, &second).await;
    expired.expect_status(410);
    assert!(text(&expired).contains("too old"));
    app.close().await;
}

#[tokio::test]
async fn t_l3_a_cancel_ends_the_link() {
    let app = TestApp::start().await;
    let mut walk = at_code(&app).await;
    let link = link(&app).await;
    walk.act("cancel").await.expect_page(200, "identify");
    let over = get(&app, &link).await;
    over.expect_status(410);
    assert!(!text(&over).contains("id=\"code\""));
    app.close().await;
}

#[tokio::test]
async fn t_l3_what_nobody_sent_is_no_link() {
    let app = TestApp::start().await;
    let walk = at_code(&app).await;
    let link = link(&app).await;
    let (path, token) = link.split_once("?token=").unwrap();
    let flow = walk.stored().await.flow;
    let ids: Vec<&str> = token.split('.').collect();
    let flipped = if token.ends_with('A') { "B" } else { "A" };
    for wrong in [
        path.to_owned(),
        format!("{path}?token="),
        format!("{path}?token={}", &token[..token.len() - 1]),
        format!("{path}?token={}{flipped}", &token[..token.len() - 1]),
        format!("{path}?token={token}.x"),
        format!("{path}?token={token}&token={token}"),
        format!("{path}?token={}.{}.", ids[0], ids[1]),
        format!("{path}?token={}", flow.id.as_str()),
        format!("/email/verify/somebody-else?token={token}"),
        format!("{path}?token=%00%ff"),
    ] {
        let page = get(&app, &wrong).await;
        page.expect_status(404);
        assert!(!text(&page).contains("id=\"code\""), "{wrong}");
    }
    let (keys, org) = (app.state.keys(), app.org());
    assert!(LinkTarget::read(token, keys, org).is_some());
    app.close().await;
}

#[tokio::test]
async fn t_l4_no_request_says_where_links_lead() {
    const EVIL: &str = "evil.example";
    let app = TestApp::start().await;
    let hostile: [(&str, &str); 9] = [
        ("host", EVIL),
        ("host", "localhost:8400@evil.example"),
        ("x-forwarded-host", EVIL),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-port", "4443"),
        ("x-forwarded-prefix", "/evil"),
        ("forwarded", "host=evil.example;proto=https"),
        ("x-original-url", "https://evil.example/"),
        ("x-rewrite-url", "https://evil.example/"),
    ];
    for (name, value) in hostile {
        let mut walk = app
            .begin_for(|flow| flow.email_verification_uri = Some(CALLBACK.to_owned()))
            .await;
        walk.recover(Person::Active.login()).await;
        let id = walk.authenticator_id("okta_email");
        let body = json!({"stateHandle": walk.state_handle, "authenticator": {"id": id}});
        let request = Request::builder()
            .method(Method::POST)
            .uri("/idp/idx/challenge")
            .header("content-type", "application/json")
            .header(name, value)
            .body(Body::from(body.to_string()))
            .unwrap();
        app.send(request).await;
        let mail = newest(&app).await;
        let link = mail.link.clone().unwrap();
        assert!(
            link.starts_with(&format!("{BASE}/email/verify/")),
            "{name}: {link}"
        );
        assert!(
            !format!("{}{}", mail.text, mail.html).contains("evil"),
            "{name}"
        );
    }
    app.close().await;
}

#[tokio::test]
async fn t_l5_the_page_keeps_its_link_to_itself() {
    let app = TestApp::start().await;
    let _walk = at_code(&app).await;
    let link = link(&app).await;
    let page = get(&app, &link).await;
    let header = |name: &str| page.headers[name].to_str().unwrap().to_owned();
    assert_eq!(header("referrer-policy"), "no-referrer");
    assert_eq!(header("x-robots-tag"), "noindex");
    assert!(header("cache-control").contains("no-store"));
    let policy = header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'; style-src 'nonce-"),
        "{policy}"
    );
    assert!(
        !policy.contains("unsafe") && !policy.contains("http"),
        "{policy}"
    );
    // Each answer has a nonce of its own.
    let again = get(&app, &link).await;
    assert_ne!(again.headers["content-security-policy"], policy);
    let html = text(&page);
    assert!(html.contains("history.replaceState(null, \"\", location.pathname)"));
    let token = link.split_once("?token=").unwrap().1;
    assert!(!html.contains(token));
    app.close().await;
}

#[tokio::test]
async fn t_l6_what_hostile_requests_say_is_inert_on_the_page_and_in_the_mail() {
    const HOSTILE: &str = "<script>alert(1)</script>\"'&https://evil.example/";
    let app = TestApp::start().await;
    let mut walk = app
        .begin_for(|flow| {
            flow.email_verification_uri = Some(CALLBACK.to_owned());
            flow.label = HOSTILE.to_owned();
            flow.state = Some(HOSTILE.to_owned());
            flow.end_user = Some(EndUser {
                address: Some(HOSTILE.to_owned()),
                user_agent: Some(HOSTILE.to_owned()),
                device: None,
            });
        })
        .await;
    walk.as_far_as_challenge(Person::Active.login()).await;
    let link = link(&app).await;
    let page = get(&app, &link).await;
    page.expect_status(200);
    let html = text(&page);
    assert!(!html.contains("<script>alert"), "{html}");
    assert_eq!(html.matches("<script").count(), 1);
    assert!(!html.contains("href=\"https://evil"), "{html}");
    assert!(button(&page).starts_with(&format!("{CALLBACK}?state=%3Cscript%3E")));
    app.close().await;
}

#[tokio::test]
async fn who_asked_is_shown_where_it_is_known() {
    let app = TestApp::start().await;
    let mut walk = app
        .begin_for(|flow| {
            flow.email_verification_uri = Some(CALLBACK.to_owned());
            flow.began_by = Some(EndUser {
                address: Some("203.0.113.7".to_owned()),
                user_agent: Some("Mozilla/5.0 (X11; Linux x86_64) Firefox/149.0".to_owned()),
                device: None,
            });
        })
        .await;
    walk.as_far_as_challenge(Person::Active.login()).await;
    let page = get(&app, &link(&app).await).await;
    let html = text(&page);
    for known in ["203.0.113.7", "Firefox, Linux", "Test app"] {
        assert!(html.contains(known), "{known}: {html}");
    }
    app.close().await;
}

#[tokio::test]
async fn an_app_without_a_page_for_links_has_mails_without_one() {
    let app = TestApp::start().await;
    let mut walk = app.begin().await;
    walk.as_far_as_challenge(Person::Active.login()).await;
    let data = "/currentAuthenticatorEnrollment/value/contextualData/useEmailMagicLink";
    assert_eq!(walk.page.json.pointer(data), Some(&json!(false)));
    assert_eq!(newest(&app).await.link, None);
    let linked = at_code(&app).await;
    assert_eq!(linked.page.json.pointer(data), Some(&json!(true)));
    app.close().await;
}

#[tokio::test]
async fn links_are_https_where_the_engine_is() {
    let app = TestApp::with(|setup: &mut Setup| HTTPS_BASE.clone_into(&mut setup.public_url)).await;
    let mut walk = app
        .begin_for(|flow| flow.email_verification_uri = Some(CALLBACK.to_owned()))
        .await;
    walk.as_far_as_challenge(Person::Active.login()).await;
    let link = newest(&app).await.link.unwrap();
    assert!(
        link.starts_with(&format!("{HTTPS_BASE}/email/verify/")),
        "{link}"
    );
    app.close().await;
}

#[tokio::test]
async fn a_tab_that_waits_is_told_where_the_flow_went() {
    let app = TestApp::start().await;
    let mut walk = at_code(&app).await;
    let poll = json!({"stateHandle": walk.state_handle});
    let same = app.post("/idp/idx/challenge/poll", &poll).await;
    same.expect_page(200, "challenge-authenticator");
    let code = walk.derived_code().await;
    walk.answer(&code)
        .await
        .expect_page(200, "reset-authenticator");
    let moved = app.post("/idp/idx/challenge/poll", &poll).await;
    moved.expect_page(200, "reset-authenticator");
    app.leave_mail().await;
}
