//! Headers, methods, origins and paths of `/idp/idx/*` (`idx-wire` §1.2, §1.4, §1.5, §1.7).

use axum::body::Body;
use axum::http::request::Builder;
use axum::http::{Method, Request};
use regain_engine::Endpoint;
use serde_json::json;

use crate::app::{Person, TRUSTED_ORIGIN, TestApp};

fn request(method: Method, path: &str) -> Builder {
    Request::builder().method(method).uri(path)
}

#[tokio::test]
async fn other_methods_are_refused_with_an_envelope() {
    let app = TestApp::start().await;
    for endpoint in Endpoint::ALL {
        for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH] {
            let request = request(method, endpoint.path())
                .body(Body::empty())
                .unwrap();
            app.send(request).await.expect_api_error(405, "E0000022");
        }
    }
    app.close().await;
}

#[tokio::test]
async fn unknown_paths_are_refused_with_an_envelope() {
    let app = TestApp::start().await;
    for path in [
        "/idp/idx/",
        "/idp/idx/enroll",
        "/idp/idx/identify/",
        "//idp/idx/identify",
    ] {
        app.post(path, &json!({}))
            .await
            .expect_api_error(404, "E0000008");
    }
    app.close().await;
}

#[tokio::test]
async fn every_accept_header_is_fine() {
    let app = TestApp::start().await;
    let walk = app.first_page().await;
    let body = json!({"interactionHandle": walk.interaction_handle}).to_string();
    for accept in [
        None,
        Some("*/*"),
        Some("text/html"),
        Some("application/ion+json; okta-version=1.0.0"),
        Some(";;"),
    ] {
        let mut request = request(Method::POST, "/idp/idx/introspect");
        if let Some(accept) = accept {
            request = request.header("accept", accept);
        }
        let page = app
            .send(request.body(Body::from(body.clone())).unwrap())
            .await;
        page.expect_page(200, "identify");
        assert_eq!(page.bytes, walk.page.bytes);
    }
    app.close().await;
}

#[tokio::test]
async fn trusted_pages_may_read_answers_and_others_may_not() {
    let app = TestApp::start().await;
    for (origin, allowed) in [
        (TRUSTED_ORIGIN, true),
        ("http://localhost:8400", true),
        ("http://localhost:8401.evil.example", false),
        ("http://localhost:840", false),
        ("https://localhost:8401", false),
        ("null", false),
    ] {
        let real = request(Method::POST, "/idp/idx/introspect")
            .header("origin", origin)
            .body(Body::from("{\"interactionHandle\":\"x\"}"))
            .unwrap();
        let page = app.send(real).await;
        let granted = page.header("access-control-allow-origin");
        assert_eq!(granted, allowed.then_some(origin), "{origin}");
        let credentials = page.header("access-control-allow-credentials");
        assert_eq!(credentials, allowed.then_some("true"), "{origin}");
        assert_eq!(page.header("vary"), Some("origin"));
        let preflight = request(Method::OPTIONS, "/idp/idx/introspect")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header(
                "access-control-request-headers",
                "x-okta-user-agent-extended",
            )
            .body(Body::empty())
            .unwrap();
        let page = app.send(preflight).await;
        assert_eq!(page.status, if allowed { 204 } else { 403 }, "{origin}");
        if allowed {
            let headers = page.header("access-control-allow-headers").unwrap();
            assert!(headers.contains("x-okta-user-agent-extended"), "{headers}");
        }
    }
    app.close().await;
}

#[tokio::test]
async fn flows_need_no_cookie_and_set_none() {
    let app = TestApp::start().await;
    let login = Person::Active.login();
    let mut walk = app.begin().await;
    // Each answer on the way is checked to carry no `Set-Cookie` (`document::check`).
    walk.as_far_as_reset(login, login).await;
    walk.answer("Marble-Harbour-77").await.interaction_code();
    app.close().await;
}

#[tokio::test]
async fn without_dev_mode_there_is_no_surface_for_developers() {
    let app = TestApp::with(|setup| setup.dev = false).await;
    for (method, path) in [
        (Method::GET, "/dev/mailbox"),
        (Method::GET, "/dev/mailbox/api/messages"),
        (Method::POST, "/dev/clock"),
        (Method::POST, "/dev/reset"),
    ] {
        let request = request(method, path).body(Body::empty()).unwrap();
        app.send(request).await.expect_api_error(404, "E0000008");
    }
    app.close().await;
}
