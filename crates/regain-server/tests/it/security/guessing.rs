//! Limits over all flows (G-01 to G-10, M-02), over HTTP and at the same moment.

use std::path::Path;

use axum::body::Body;
use axum::http::{Request, header};
use regain_engine::EndUser;
use regain_types::TokenHash;
use serde_json::{Value, json};

use crate::app::socket::at_once;
use crate::app::{PASSWORD, Page, Person, TRUSTED_ORIGIN, TestApp, Walk};

const ANSWER: &str = "/idp/idx/challenge/answer";
const IDENTIFY: &str = "/idp/idx/identify";

fn with_status(pages: &[Page], status: u16) -> usize {
    pages.iter().filter(|page| page.status == status).count()
}

fn wrong_answer(walk: &Walk<'_>) -> Value {
    json!({"stateHandle": walk.state_handle, "credentials": {"passcode": "x"}})
}

/// Without the developer's surface, so that volume is limited; addresses may ask for more.
pub(super) async fn counting() -> TestApp {
    TestApp::with(|setup| {
        setup.dev = false;
        setup.address_limits.requests_per_minute = 100_000;
        setup.address_limits.starts_per_hour = 100_000;
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t_g1_of_two_hundred_guesses_at_once_over_forty_flows_ten_are_compared() {
    let app = TestApp::start().await;
    let server = app.listen().await;
    for person in [Person::Active, Person::Unknown] {
        let mut walks = Vec::new();
        for _ in 0..40 {
            let mut walk = app.begin().await;
            walk.as_far_as_challenge(person.login()).await;
            walks.push(walk);
        }
        let mut told = 0;
        for _ in 0..5 {
            let bodies = walks.iter().map(wrong_answer).collect();
            let pages = at_once(server.address, ANSWER, bodies).await;
            assert_eq!(with_status(&pages, 401) + with_status(&pages, 429), 40);
            told += with_status(&pages, 401);
        }
        assert_eq!(told, 10, "{person:?}");
        // Right or wrong: a short code is not looked at any more, and a resend helps.
        let right = walks[0].derived_code().await;
        let walk = &mut walks[0];
        walk.answer(&right).await.expect_top(429, "tooManyRequests");
        let text = &walk.page.json["messages"]["value"][0]["message"];
        assert_eq!(text, "Too many wrong codes. Ask for a new one.");
        let waiting = walk.page.header("retry-after");
        assert_eq!(waiting, None, "a new code helps, no waiting");
        app.clock.advance(31);
        walk.act("resend").await.expect_status(200);
        assert_eq!(walk.derived_code().await.len(), 12);
    }
    app.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t_g3_of_a_spray_at_once_not_one_more_than_the_budget_is_compared() {
    let app = TestApp::with(|setup| setup.policy.limits.org_short_wrong_24h = 20).await;
    let server = app.listen().await;
    let mut walks = Vec::new();
    for number in 0..60 {
        let mut walk = app.begin().await;
        let name = format!("somebody-{number}@example.com");
        walk.as_far_as_challenge(&name).await;
        walks.push(walk);
    }
    let mut told = 0;
    for _ in 0..3 {
        let bodies = walks.iter().map(wrong_answer).collect();
        let pages = at_once(server.address, ANSWER, bodies).await;
        told += with_status(&pages, 401);
    }
    assert_eq!(told, 20);
    let rows = app.audit().await;
    let started = rows
        .iter()
        .filter(|row| row.name == "security.attack.start");
    assert_eq!(started.count(), 1);
    // Everybody gets in with a long code.
    let mut walk = app.begin().await;
    walk.as_far_as_challenge(Person::Active.login()).await;
    let code = app.code_for(Person::Active.login()).await;
    assert_eq!(code.len(), 12);
    walk.answer(&code)
        .await
        .expect_page(200, "reset-authenticator");
    app.close().await;
}

async fn wrong_password(app: &TestApp, login: &str) -> Page {
    let mut walk = app.first_page().await;
    let who = json!({"identifier": login, "credentials": {"passcode": "wrong"}});
    walk.remediate("identify", who).await.clone()
}

#[tokio::test]
async fn t_e5_limits_are_spent_alike_for_somebody_and_for_nobody() {
    let app = counting().await;
    let mut seen = Vec::new();
    for person in [Person::Active, Person::Unknown, Person::Locked] {
        let mut said = Vec::new();
        for _ in 0..7 {
            let mut walk = app.begin().await;
            let page = walk.recover(person.login()).await;
            said.push((page.status, page.header("retry-after").map(str::to_owned)));
            if page.status == 200 {
                walk.choose_email().await.expect_status(200);
            } else {
                walk.page.expect_top(429, "tooManyRequests");
                walk.page.expect_page(429, "identify-recovery");
            }
        }
        for _ in 0..6 {
            let page = wrong_password(&app, person.login()).await;
            said.push((page.status, page.header("retry-after").map(str::to_owned)));
        }
        seen.push(said);
    }
    let statuses: Vec<u16> = seen[0].iter().map(|(status, _)| *status).collect();
    let expected = [
        200, 200, 200, 200, 200, 429, 429, 401, 401, 401, 401, 429, 429,
    ];
    assert_eq!(statuses, expected);
    assert_eq!(seen[0][5].1.as_deref(), Some("900"));
    assert_eq!(seen[0][11].1.as_deref(), Some("1"));
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0], seen[2]);
    app.leave_mail().await;
}

fn from_a_page(path: &str, body: &Value, cookie: Option<&str>) -> Request<Body> {
    let request = Request::post(path)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ORIGIN, TRUSTED_ORIGIN);
    let request = match cookie {
        Some(cookie) => request.header(header::COOKIE, cookie),
        None => request,
    };
    request.body(Body::from(body.to_string())).unwrap()
}

async fn sign_in_from(app: &TestApp, password: &str, cookie: Option<&str>) -> Page {
    let walk = app.begin().await;
    let body = json!({"stateHandle": walk.state_handle, "identifier": Person::Active.login(),
        "credentials": {"passcode": password}});
    app.send(from_a_page(IDENTIFY, &body, cookie)).await
}

#[tokio::test]
async fn t_g8_a_browser_that_signed_in_waits_for_nobody_else_s_mistakes() {
    let app = TestApp::start().await;
    let planted = "regain_dt=planted-by-somebody-else-long-before";
    let page = sign_in_from(&app, PASSWORD, Some(planted)).await;
    page.expect_status(200);
    let set = page.header("set-cookie").expect("a device").to_owned();
    let (cookie, rules) = set.split_once("; ").unwrap();
    assert_eq!(rules, "Path=/; HttpOnly; Max-Age=7776000; SameSite=Lax");
    let token = cookie.strip_prefix("regain_dt=").unwrap();
    assert!(token.len() >= 43, "T-T2: a new one, not the planted");
    for _ in 0..4 {
        let page = sign_in_from(&app, "wrong", None).await;
        page.expect_status(401);
        assert_eq!(page.header("set-cookie"), None);
    }
    for stranger in [None, Some(planted)] {
        let page = sign_in_from(&app, PASSWORD, stranger).await;
        page.expect_top(429, "tooManyRequests");
        assert_eq!(page.header("retry-after"), Some("1"));
    }
    let page = sign_in_from(&app, PASSWORD, Some(cookie)).await;
    page.expect_status(200);
    assert_eq!(page.header("set-cookie"), Some(set.as_str()), "for longer");
    app.close().await;
}

#[tokio::test]
async fn an_app_names_the_device_of_its_user() {
    let app = TestApp::start().await;
    let sign_in = async |device: &str, password: &str| {
        let device = TokenHash::of(device);
        let walk = app
            .begin_for(|flow| {
                flow.confidential = true;
                flow.end_user = Some(EndUser {
                    device: Some(device),
                    ..EndUser::default()
                });
            })
            .await;
        let body = json!({"stateHandle": walk.state_handle, "identifier": Person::Active.login(),
            "credentials": {"passcode": password}});
        app.post(IDENTIFY, &body).await
    };
    let page = sign_in("laptop", PASSWORD).await;
    page.expect_status(200);
    assert_eq!(page.header("set-cookie"), None, "the app keeps the name");
    for _ in 0..4 {
        sign_in("a stranger's", "wrong").await.expect_status(401);
    }
    sign_in("a stranger's", PASSWORD).await.expect_status(429);
    sign_in("laptop", PASSWORD).await.expect_status(200);
    app.close().await;
}

/// Whoever compares a credential needs a pass, and only the gate makes one (G-10).
#[test]
fn t_g6_every_comparison_of_a_credential_stands_behind_the_gate() {
    let engine = Path::new(env!("CARGO_MANIFEST_DIR")).join("../regain-engine/src");
    let mut files = Vec::new();
    let mut folders = vec![engine.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.ends_with("tests.rs") {
                files.push((path.clone(), std::fs::read_to_string(path).unwrap()));
            }
        }
    }
    let places = |text: &str| {
        let mut places: Vec<String> = files
            .iter()
            .filter(|(_, source)| source.contains(text))
            .map(|(path, _)| path.strip_prefix(&engine).unwrap().display().to_string())
            .collect();
        places.sort();
        places
    };
    // The gate alone makes passes; every place that asks it is known.
    assert_eq!(places("Ok(Pass {"), ["limits/gate.rs"]);
    let asks = [
        "authenticators/enroll.rs",
        "authenticators/proof.rs",
        "intents/sign_in.rs",
        "limits/gate.rs",
        "steps/repeated.rs",
    ];
    assert_eq!(places("attempt_gate("), asks);
    // What compares takes a pass.
    assert_eq!(places("Need::VerifyPassword {"), ["intents/sign_in.rs"]);
    assert_eq!(places("fn verify_password("), ["intents/sign_in.rs"]);
    assert_eq!(places("matches_code("), ["authenticators/email/mod.rs"]);
    for (file, function) in [
        ("intents/sign_in.rs", "fn verify_password("),
        ("authenticators/email/mod.rs", "fn judge("),
        ("authenticators/password/mod.rs", "fn judge("),
        ("authenticators/totp/enroll.rs", "fn confirm("),
        ("authenticators/totp/mod.rs", "fn judge("),
    ] {
        let source = std::fs::read_to_string(engine.join(file)).unwrap();
        let signature = source.split_once(function).unwrap().1;
        let signature = signature.split_once('{').unwrap().0;
        assert!(signature.contains("&Pass"), "{file} {function}");
    }
}
