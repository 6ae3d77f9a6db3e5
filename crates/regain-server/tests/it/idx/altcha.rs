//! `POST /api/v1/altcha`, and `identify` where a start costs proof of work (M-03).

use axum::body::Body;
use axum::http::{Method, Request, header};
use regain_engine::ProofOfWork;
use serde_json::json;

use crate::app::work::solve;
use crate::app::{Page, Person, TestApp, Walk};

const CHALLENGE: &str = "/api/v1/altcha";
const IDENTIFY: &str = "/idp/idx/identify";

async fn app() -> TestApp {
    TestApp::with(|setup| setup.policy.recovery.proof_of_work = ProofOfWork::Always).await
}

/// On the page of the name.
async fn recovering(app: &TestApp) -> Walk<'_> {
    let mut walk = app.begin().await;
    walk.introspect().await;
    walk.act("recover").await;
    walk
}

/// Posts a name as the Sign-In Widget does.
async fn identify(walk: &Walk<'_>, login: &str, token: Option<&str>) -> Page {
    let mut body = json!({"stateHandle": walk.state_handle, "identifier": login});
    if let Some(token) = token {
        body["captchaVerify"] = json!({"captchaId": "altcha", "captchaToken": token});
    }
    let request = Request::builder()
        .method(Method::POST)
        .uri(IDENTIFY)
        .header(header::CONTENT_TYPE, "application/json")
        .header(
            "x-okta-user-agent-extended",
            "okta-auth-js/7.14.5 okta-signin-widget-7.49.0",
        );
    let body = Body::from(body.to_string());
    walk.app.send(request.body(body).unwrap()).await
}

async fn challenge(walk: &Walk<'_>) -> Page {
    let body = json!({"stateHandle": walk.state_handle});
    walk.app.call(Method::POST, CHALLENGE, body).await
}

#[tokio::test]
async fn m_03_the_widget_s_captcha_leads_to_the_choice() {
    let app = app().await;
    for person in [Person::Active, Person::Unknown] {
        let walk = recovering(&app).await;
        let page = identify(&walk, person.login(), None).await;
        page.expect_page(200, "identify-recovery");
        assert_eq!(page.top_keys(), ["regain.proof.of.work"]);
        let captcha = &page.json["captcha"]["value"];
        assert_eq!(captcha["type"], "ALTCHA");
        let form = &captcha["challengeUrlForm"];
        let href = form["href"].as_str().unwrap();
        assert!(href.ends_with(CHALLENGE), "{href}");
        assert_eq!(form["method"], "POST");
        assert_eq!(form.get("rel"), None, "it is no action of the document");
        let fields = &page.json["remediation"]["value"][0]["value"];
        assert_eq!(fields[0]["value"], person.login(), "typed once is enough");
        assert_eq!(fields[1]["name"], "captchaVerify");
        assert_eq!(fields[1]["relatesTo"], "$.captcha");

        let first = app.unchanged("a challenge", challenge(&walk)).await;
        let second = app.unchanged("another", challenge(&walk)).await;
        first.expect_status(200);
        assert_ne!(first.json["salt"], second.json["salt"]);
        let token = solve(&second.json);
        identify(&walk, person.login(), Some(&token))
            .await
            .expect_page(200, "select-authenticator-authenticate");
        challenge(&walk).await.expect_api_error(404, "E0000008");
    }
    app.close().await;
}

#[tokio::test]
async fn m_03_a_client_that_cannot_do_the_work_gets_429_and_nothing_changes() {
    let app = app().await;
    for person in [Person::Active, Person::Unknown] {
        let mut walk = recovering(&app).await;
        let refused = walk.post(IDENTIFY, json!({"identifier": person.login()}));
        app.unchanged("no work", refused)
            .await
            .expect_page(429, "identify-recovery")
            .expect_top(429, "tooManyRequests");
        challenge(&walk).await.expect_api_error(404, "E0000008");
    }
    app.close().await;
}

#[tokio::test]
async fn m_03_a_solution_is_taken_once_even_at_the_same_moment() {
    let app = app().await;
    let walk = recovering(&app).await;
    let login = Person::Active.login();
    identify(&walk, login, None).await;
    let (one, two) = (challenge(&walk).await, challenge(&walk).await);
    let (one, two) = (solve(&one.json), solve(&two.json));
    let (first, second) = tokio::join!(
        identify(&walk, login, Some(&one)),
        identify(&walk, login, Some(&two))
    );
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400], "who comes second finds another page");
    // Over again in the same flow: neither pays a second start.
    app.clock.advance(10);
    let mut walk = walk;
    walk.introspect().await;
    walk.act("cancel").await;
    walk.act("recover").await;
    for token in [one, two] {
        let page = identify(&walk, login, Some(&token)).await;
        page.expect_page(200, "identify-recovery");
        assert!(page.json.get("captcha").is_some());
    }
    app.close().await;
}

#[tokio::test]
async fn m_03_a_challenge_needs_a_flow_that_demands_one() {
    let app = app().await;
    let walk = recovering(&app).await;
    challenge(&walk).await.expect_api_error(404, "E0000008");
    let body = json!({"stateHandle": "02nobody"});
    app.call(Method::POST, CHALLENGE, body)
        .await
        .expect_api_error(404, "E0000008");
    identify(&walk, Person::Active.login(), None).await;
    challenge(&walk).await.expect_status(200);
    app.clock.advance(60 * 60);
    challenge(&walk).await.expect_api_error(404, "E0000008");
    app.close().await;
}
