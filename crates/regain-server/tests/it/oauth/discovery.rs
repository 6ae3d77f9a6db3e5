//! Discovery and keys.

use axum::body::Body;
use axum::http::{Request, header};
use regain_server::{AppState, Parts, StartError, start};
use regain_types::{MasterKey, Pepper, SystemEntropy};
use tower::ServiceExt as _;

use super::{Tokens, get};
use crate::app::{BASE, TestApp};

#[tokio::test]
async fn each_address_describes_the_server_it_belongs_to() {
    let app = TestApp::start().await;
    for (prefix, issuer, endpoints) in [
        (
            "/oauth2/default",
            format!("{BASE}/oauth2/default"),
            format!("{BASE}/oauth2/default/v1"),
        ),
        ("", BASE.to_owned(), format!("{BASE}/oauth2/v1")),
        ("/oauth2", BASE.to_owned(), format!("{BASE}/oauth2/v1")),
    ] {
        for name in ["openid-configuration", "oauth-authorization-server"] {
            let page = get(
                &app,
                &format!("{prefix}/.well-known/{name}?client_id=x"),
                None,
            )
            .await;
            page.expect_status(200);
            assert_eq!(page.json["issuer"], issuer);
            assert_eq!(page.json["token_endpoint"], format!("{endpoints}/token"));
            assert_eq!(
                page.header("cache-control"),
                Some("max-age=86400, must-revalidate")
            );
            assert_eq!(page.header("pragma"), None);
        }
    }
    app.close().await;
}

#[tokio::test]
async fn an_unknown_server_is_not_found_at_any_endpoint() {
    let app = TestApp::start().await;
    for path in [
        "/.well-known/openid-configuration",
        "/v1/keys",
        "/v1/userinfo",
        "/v1/logout?id_token_hint=x",
    ] {
        let page = get(&app, &format!("/oauth2/nowhere{path}"), None).await;
        page.expect_api_error(404, "E0000008");
    }
    for path in ["/v1/interact", "/v1/token", "/v1/introspect", "/v1/revoke"] {
        let page = super::post(&app, &format!("/oauth2/Default{path}"), None, "a=b").await;
        page.expect_api_error(404, "E0000008");
    }
    get(&app, "/oauth2/default/v1/token", None)
        .await
        .expect_api_error(405, "E0000022");
    app.close().await;
}

#[tokio::test]
async fn both_servers_publish_the_key_that_signs() {
    let app = TestApp::start().await;
    let custom = get(&app, "/oauth2/default/v1/keys", None).await;
    let org = get(&app, "/oauth2/v1/keys", None).await;
    custom.expect_status(200);
    assert_eq!(custom.bytes, org.bytes);
    assert_eq!(
        custom.header("cache-control"),
        Some("max-age=3600, must-revalidate")
    );
    let key = &custom.json["keys"][0];
    for (name, value) in [
        ("kty", "RSA"),
        ("alg", "RS256"),
        ("use", "sig"),
        ("e", "AQAB"),
    ] {
        assert_eq!(key[name], value);
    }
    let mut members: Vec<_> = key
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    members.sort_unstable();
    assert_eq!(
        members,
        ["alg", "e", "kid", "kty", "n", "use"],
        "no private part"
    );
    app.close().await;
}

#[tokio::test]
async fn keys_survive_a_restart_and_do_not_open_under_another_master_key() {
    let app = TestApp::start().await;
    let before = get(&app, "/oauth2/default/v1/keys", None).await;
    let tokens = Tokens::new(&app).await;
    let again = |master_key: MasterKey| {
        AppState::new(Parts {
            settings: app.state.settings().clone(),
            store: app.store.clone(),
            master_key,
            pepper: Pepper::default(),
            transport: app.mailbox.clone(),
            dev: None,
        })
        .unwrap()
    };
    let other = again(MasterKey::random(&mut SystemEntropy));
    assert!(matches!(start(&other).await, Err(StartError::Keys(_))));
    let restarted = regain_server::router(again(app.state.master_key().clone()));
    let send = |path: &str| {
        let request = Request::builder()
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {}", tokens.access));
        restarted
            .clone()
            .oneshot(request.body(Body::empty()).unwrap())
    };
    let keys = send("/oauth2/default/v1/keys").await.unwrap();
    let keys = axum::body::to_bytes(keys.into_body(), 1 << 16)
        .await
        .unwrap();
    assert_eq!(keys, before.bytes);
    assert_eq!(
        send("/oauth2/default/v1/userinfo").await.unwrap().status(),
        200
    );
    app.close().await;
}
