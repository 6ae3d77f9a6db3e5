//! Setting a client up, and what it tells about itself and the browser.

use regain_sdk::testkit::{ScriptedTransport, documents};
use regain_sdk::{ClientAuth, ConfigError, IdxClient, RequestContext, Secret};

use crate::support::{BASE, ISSUER, builder, client, script_from};

fn build(issuer: &str) -> Result<IdxClient, ConfigError> {
    IdxClient::builder(issuer)
        .client_id("id")
        .redirect_uri("https://app.example.com/cb")
        .build()
}

#[test]
fn mistakes_are_found_before_the_first_call() {
    let bad = [
        "",
        "id.example.com",
        "ftp://id.example.com",
        "https://",
        "https://a/?x=1",
        "https://a/#x",
    ];
    for issuer in bad {
        let error = build(issuer).unwrap_err();
        assert!(
            matches!(error, ConfigError::Url { what: "issuer", .. }),
            "{issuer}: {error:?}"
        );
    }
    assert!(matches!(
        build("https://acme-admin.okta.com"),
        Err(ConfigError::AdminHost(_))
    ));
    let builder = || IdxClient::builder(ISSUER);
    let error = builder().client_id("id").build().unwrap_err();
    assert_eq!(error, ConfigError::Missing("redirect_uri"));
    let error = builder()
        .redirect_uri("https://app.example.com/cb")
        .build()
        .unwrap_err();
    assert_eq!(error, ConfigError::Missing("client_id"));
    let error = builder()
        .client_id("id")
        .redirect_uri("cb")
        .build()
        .unwrap_err();
    assert!(matches!(
        error,
        ConfigError::Url {
            what: "redirect_uri",
            ..
        }
    ));
    // Apps may register URIs of their own scheme.
    assert!(
        builder()
            .client_id("id")
            .redirect_uri("com.example.app:/cb")
            .build()
            .is_ok()
    );
}

/// The bases for each way to write an issuer.
#[tokio::test]
async fn endpoints_follow_from_the_issuer() {
    let cases = [
        (
            "https://id.example.com",
            "/oauth2/v1/interact",
            "/idp/idx/introspect",
        ),
        (
            "https://id.example.com/",
            "/oauth2/v1/interact",
            "/idp/idx/introspect",
        ),
        (
            "https://id.example.com/oauth2",
            "/oauth2/v1/interact",
            "/idp/idx/introspect",
        ),
        (
            "https://id.example.com/oauth2/aus1",
            "/oauth2/aus1/v1/interact",
            "/idp/idx/introspect",
        ),
        (
            "https://id.example.com/t/oauth2/x",
            "/t/oauth2/x/v1/interact",
            "/t/idp/idx/introspect",
        ),
    ];
    for (issuer, interact, introspect) in cases {
        let script = ScriptedTransport::for_issuer(issuer);
        script.answer("/v1/interact", 200, documents::interact());
        script.answer("/idp/idx/introspect", 200, documents::sign_in_page(BASE));
        let client = IdxClient::builder(issuer)
            .client_id("id")
            .redirect_uri("https://a.example/cb");
        drop(
            client
                .transport(script.clone())
                .build()
                .unwrap()
                .begin()
                .start()
                .await
                .unwrap(),
        );
        let paths = script.paths();
        assert_eq!(paths[1], format!("POST {interact}"), "{issuer}");
        assert_eq!(paths[2], format!("POST {introspect}"), "{issuer}");
    }
}

#[test]
fn the_variables_of_the_vendors_clients_are_understood() {
    let vars = |names: &[(&str, &str)]| {
        IdxClient::from_vars(
            names
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned())),
        )
    };
    let all = [
        ("OKTA_IDX_ISSUER", ISSUER),
        ("OKTA_IDX_CLIENTID", "0oa1"),
        ("OKTA_IDX_CLIENTSECRET", "s"),
        ("OKTA_IDX_SCOPES", "openid, email"),
        ("OKTA_IDX_REDIRECTURI", "https://app.example.com/cb"),
        ("HOME", "/"),
    ];
    assert!(vars(&all).is_ok());
    assert_eq!(
        vars(&all[1..]).unwrap_err(),
        ConfigError::Missing("OKTA_IDX_ISSUER")
    );
}

fn context() -> RequestContext {
    RequestContext {
        forwarded_for: Some("203.0.113.9".to_owned()),
        user_agent: Some("Browser/1\r\nX-Evil: 1".to_owned()),
        device_token: Some("device-1".to_owned()),
        accept_language: Some("de-AT".to_owned()),
        solves_work: false,
    }
}

/// Servers ask for proof of work whoever says there that it can be done.
#[tokio::test]
async fn whoever_can_do_proof_of_work_says_so() {
    for (browser, told) in [
        (Some("Mozilla/5.0 (X11)"), "Mozilla/5.0 (X11) altcha"),
        (
            None,
            concat!("regain-sdk/", env!("CARGO_PKG_VERSION"), " altcha"),
        ),
    ] {
        let script = script_from(documents::sign_in_page(BASE));
        let context = RequestContext {
            user_agent: browser.map(str::to_owned),
            solves_work: true,
            ..RequestContext::default()
        };
        let client = builder(&script).build().unwrap().with_context(context);
        drop(client.begin().start().await.unwrap());
        for request in script.requests() {
            assert_eq!(request.header("x-okta-user-agent-extended").unwrap(), told);
        }
    }
}

#[tokio::test]
async fn the_browser_is_named_where_servers_look_for_it() {
    let script = script_from(documents::sign_in_page(BASE));
    let client = builder(&script).build().unwrap();
    let browser = RequestContext {
        user_agent: Some("Mozilla/5.0 (X11) Firefox/140.0".to_owned()),
        ..RequestContext::default()
    };
    drop(client.with_context(browser).begin().start().await.unwrap());
    for request in script.requests() {
        let named = request.header("x-okta-user-agent-extended").unwrap();
        assert_eq!(named, "Mozilla/5.0 (X11) Firefox/140.0");
        assert!(
            request
                .header("user-agent")
                .unwrap()
                .starts_with("regain-sdk/")
        );
    }
}

/// The address and the device count only with a secret; a line break gets nowhere.
#[tokio::test]
async fn what_is_known_of_the_browser_is_forwarded() {
    let auths = [
        ClientAuth::Public,
        ClientAuth::SecretPost(Secret::from("s3cret")),
        ClientAuth::SecretBasic(Secret::from("s3cret")),
    ];
    for auth in auths {
        let script = script_from(documents::sign_in_page(BASE));
        let client = builder(&script).client_auth(auth.clone()).build().unwrap();
        drop(
            client
                .with_context(context())
                .begin()
                .start()
                .await
                .unwrap(),
        );
        let requests = script.requests();
        let is_confidential = !matches!(auth, ClientAuth::Public);
        for request in &requests {
            assert_eq!(request.header("x-forwarded-for").is_some(), is_confidential);
            assert_eq!(request.header("x-device-token").is_some(), is_confidential);
            assert_eq!(request.header("accept-language").unwrap(), "de-AT");
            let agent = request.header("user-agent").unwrap();
            assert!(
                agent.starts_with("regain-sdk/"),
                "the browser's cannot stand in a header"
            );
            assert_eq!(request.header("x-evil"), None);
            let extended = request.header("x-okta-user-agent-extended").unwrap();
            assert!(extended.starts_with("regain-sdk/"));
        }
        let interact = &requests[1];
        let is_post = matches!(auth, ClientAuth::SecretPost(_));
        assert_eq!(interact.param("client_secret").is_some(), is_post, "{auth}");
        let basic = interact.header("authorization");
        let is_basic = matches!(auth, ClientAuth::SecretBasic(_));
        assert_eq!(basic.is_some(), is_basic, "{auth}");
        if let Some(basic) = basic {
            assert_eq!(basic, "Basic MG9hMWV4YW1wbGU6czNjcmV0");
        }
        assert!(
            requests[2].header("authorization").is_none(),
            "IDX calls need no secret"
        );
    }
}

/// One request of a browser does not change what the next one says.
#[tokio::test]
async fn a_context_belongs_to_one_clone() {
    let script = script_from(documents::sign_in_page(BASE));
    let client = client(&script);
    drop(client.with_context(context()));
    drop(client.begin().start().await.unwrap());
    assert!(
        script
            .requests()
            .iter()
            .all(|seen| seen.header("accept-language").is_none())
    );
}
