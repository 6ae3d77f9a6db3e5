//! Bodies that are not what an endpoint takes: refused before anything is looked up.

use regain_engine::Endpoint;
use serde_json::json;

use crate::app::{Person, TestApp};

const BODY_BYTES_MAX: usize = 64 * 1_024;

#[tokio::test]
async fn malformed_json_changes_nothing_anywhere() {
    let app = TestApp::start().await;
    let mut walk = app.begin().await;
    walk.as_far_as_challenge(Person::Active.login()).await;
    app.mail_is_done().await;
    let handle = walk.state_handle.clone();
    let deep = format!(
        "{{\"stateHandle\":\"{handle}\",\"x\":{}{}}}",
        "[".repeat(40),
        "]".repeat(40)
    );
    let wide = format!(
        "{{\"stateHandle\":\"{handle}\",\"x\":[{}1]}}",
        "1,".repeat(1_100)
    );
    let bodies = [
        String::new(),
        "{".to_owned(),
        "null".to_owned(),
        "[]".to_owned(),
        "\"x\"".to_owned(),
        "{}".to_owned(),
        format!("{{\"stateHandle\":\"{handle}\"}} trailing"),
        format!("{{\"stateHandle\":\"{handle}\",}}"),
        format!("{{\"stateHandle\":\"{handle}\",\"stateHandle\":\"{handle}\"}}"),
        format!(
            "{{\"stateHandle\":\"{handle}\",\"credentials\":{{\"passcode\":\"1\",\"passcode\":\"2\"}}}}"
        ),
        format!("{{\"stateHandle\":[\"{handle}\"]}}"),
        format!("{{\"stateHandle\":\"{handle}\",\"x\":1e999}}"),
        format!("{{\"stateHandle\":\"{handle}\",\"x\":\"\\ud800\"}}"),
        format!("stateHandle={handle}"),
        deep,
        wide,
    ];
    for endpoint in Endpoint::ALL {
        for body in &bodies {
            let sent = app.post_raw(endpoint.path(), Some("application/json"), body.clone());
            let page = app.unchanged(body, sent).await;
            page.expect_api_error(400, "E0000003");
            // The cause says where, never what.
            assert!(!page.json.to_string().contains(&handle));
        }
    }
    app.close().await;
}

#[tokio::test]
async fn invalid_utf8_is_malformed() {
    let app = TestApp::start().await;
    let body: &[u8] = b"{\"stateHandle\":\"\xff\xfe\"}";
    app.post_raw("/idp/idx/cancel", Some("application/json"), body)
        .await
        .expect_api_error(400, "E0000003");
    app.close().await;
}

#[tokio::test]
async fn bodies_up_to_the_limit_are_read_and_not_a_byte_more() {
    let app = TestApp::start().await;
    let walk = app.first_page().await;
    for endpoint in Endpoint::ALL {
        let start = format!("{{\"stateHandle\":\"{}\",\"x\":\"", walk.state_handle);
        let filler = BODY_BYTES_MAX - start.len() - 2;
        for (extra, too_large) in [(0, false), (1, true), (1 << 20, true)] {
            let body = format!("{start}{}\"}}", "x".repeat(filler + extra));
            let sent = app.post_raw(endpoint.path(), Some("application/json"), body);
            let page = if endpoint == Endpoint::Cancel && !too_large {
                sent.await // It is a good request.
            } else {
                app.unchanged("a large body", sent).await
            };
            assert_eq!(page.status == 413, too_large, "{endpoint:?} {extra}");
        }
    }
    app.close().await;
}

#[tokio::test]
async fn json_under_all_its_names_is_read() {
    let app = TestApp::start().await;
    let walk = app.first_page().await;
    let body = json!({"interactionHandle": walk.interaction_handle}).to_string();
    for name in [
        None,
        Some("application/json"),
        Some("application/json; charset=utf-8"),
        Some("application/json; okta-version=1.0.0"),
        Some("application/ion+json; okta-version=1.0.0"),
        Some("application/ion+json;okta-version=1.0.0"),
        Some("APPLICATION/VND.OKTA.V1+JSON"),
        Some(""),
    ] {
        let page = app
            .post_raw("/idp/idx/introspect", name, body.clone())
            .await;
        page.expect_page(200, "identify");
    }
    app.close().await;
}

#[tokio::test]
async fn other_content_types_are_refused() {
    let app = TestApp::start().await;
    let mut walk = app.begin().await;
    walk.as_far_as_challenge(Person::Active.login()).await;
    app.mail_is_done().await;
    let body = json!({"stateHandle": walk.state_handle}).to_string();
    for endpoint in Endpoint::ALL {
        for (name, status) in [
            ("text/plain", 415),
            ("application/x-www-form-urlencoded", 415),
            ("multipart/form-data; boundary=x", 415),
            ("application/xml", 415),
            ("application/jsonp", 415),
            ("text/plain; application/json", 415),
            ("application/json; okta-version=2.0.0", 400),
            ("application/ion+json; okta-version=", 400),
        ] {
            let sent = app.post_raw(endpoint.path(), Some(name), body.clone());
            app.unchanged(name, sent)
                .await
                .expect_api_error(status, "E0000021");
        }
    }
    app.close().await;
}

#[tokio::test]
async fn foreign_and_made_up_handles_are_expired_everywhere() {
    let app = TestApp::start().await;
    let mut walk = app.begin().await;
    walk.as_far_as_challenge(Person::Active.login()).await;
    app.mail_is_done().await;
    let id = walk.authenticator_id("okta_email");
    let raised = {
        let mut bytes = walk.state_handle.clone().into_bytes();
        bytes[10] = if bytes[10] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).unwrap()
    };
    let handles = [
        String::new(),
        "02".to_owned(),
        raised,
        walk.state_handle.to_lowercase(),
        format!("{} ", walk.state_handle),
        walk.interaction_handle.clone(),
        walk.stored().await.flow.id.as_str().to_owned(),
        "x".repeat(50_000),
    ];
    for endpoint in Endpoint::ALL {
        for handle in &handles {
            let body = json!({"stateHandle": handle, "identifier": "alice@example.com",
                "credentials": {"passcode": "123456"}, "authenticator": {"id": id}});
            let sent = app.post(endpoint.path(), &body);
            app.unchanged("a foreign handle", sent)
                .await
                .expect_expired();
        }
    }
    app.close().await;
}
