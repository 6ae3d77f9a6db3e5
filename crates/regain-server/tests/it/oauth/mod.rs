//! `/oauth2/*` and discovery: a file per endpoint, with a client that begins each flow at
//! `interact` and ends it at `token`.

mod authentication;
mod discovery;
mod interact;
mod introspect;
mod logout;
mod refresh;
mod revoke;
mod token;
mod userinfo;

use axum::body::Body;
use axum::http::{Method, Request, header};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::app::{PASSWORD, PUBLIC, Page, Person, REDIRECT_URI, TestApp, Walk};

/// The example of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const CUSTOM: &str = "/oauth2/default";
const SCOPE: &str = "openid profile email offline_access";

type Fields = Vec<(&'static str, String)>;

/// Posts a body as it is, as a form.
async fn post(app: &TestApp, path: &str, authorization: Option<&str>, body: &str) -> Page {
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    if let Some(authorization) = authorization {
        request = request.header(header::AUTHORIZATION, authorization);
    }
    app.send(request.body(Body::from(body.to_owned())).unwrap())
        .await
}

/// Posts fields as a form.
async fn post_form(app: &TestApp, path: &str, fields: &[(&str, String)]) -> Page {
    post(app, path, None, &encoded(fields)).await
}

async fn get(app: &TestApp, path: &str, authorization: Option<&str>) -> Page {
    let mut request = Request::builder().uri(path);
    if let Some(authorization) = authorization {
        request = request.header(header::AUTHORIZATION, authorization);
    }
    app.send(request.body(Body::empty()).unwrap()).await
}

fn encoded(fields: &[(&str, String)]) -> String {
    let pairs: Vec<String> = fields
        .iter()
        .map(|(name, value)| {
            let value: Vec<String> = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
            format!("{name}={}", value.concat())
        })
        .collect();
    pairs.join("&")
}

fn basic(text: &str) -> String {
    format!("Basic {}", STANDARD.encode(text))
}

/// Fields with one of them replaced or added; `None` leaves it out.
fn with(fields: &Fields, name: &'static str, value: Option<&str>) -> Fields {
    let mut changed: Fields = fields
        .iter()
        .filter(|(known, _)| *known != name)
        .cloned()
        .collect();
    changed.extend(value.map(|value| (name, value.to_owned())));
    changed
}

/// What the public client posts to `interact`.
fn interact_fields() -> Fields {
    vec![
        ("client_id", PUBLIC.to_owned()),
        ("scope", SCOPE.to_owned()),
        ("redirect_uri", REDIRECT_URI.to_owned()),
        ("code_challenge", CHALLENGE.to_owned()),
        ("code_challenge_method", "S256".to_owned()),
        ("state", "s-1".to_owned()),
        ("nonce", "n-1".to_owned()),
    ]
}

/// What it posts to `token` at the end.
fn token_fields(code: &str) -> Fields {
    vec![
        ("grant_type", "interaction_code".to_owned()),
        ("interaction_code", code.to_owned()),
        ("client_id", PUBLIC.to_owned()),
        ("code_verifier", VERIFIER.to_owned()),
        ("redirect_uri", REDIRECT_URI.to_owned()),
    ]
}

/// Begins a flow and signs in: the interaction code.
async fn signed_in(app: &TestApp, server: &str, fields: &Fields) -> String {
    let begun = post_form(app, &format!("{server}/v1/interact"), fields).await;
    begun.expect_status(200);
    let handle = begun.json["interaction_handle"].as_str().unwrap();
    let mut walk = Walk::new(app, handle.to_owned(), String::new());
    walk.introspect().await.expect_status(200);
    let login = Person::Active.login();
    let who = json!({"identifier": login, "credentials": {"passcode": PASSWORD}});
    walk.remediate("identify", who).await.interaction_code()
}

/// Tokens of the public client at the custom server.
struct Tokens {
    access: String,
    id: String,
    refresh: String,
}

impl Tokens {
    async fn new(app: &TestApp) -> Self {
        let code = signed_in(app, CUSTOM, &interact_fields()).await;
        let page = post_form(app, "/oauth2/default/v1/token", &token_fields(&code)).await;
        Self::of(&page)
    }

    #[track_caller]
    fn of(page: &Page) -> Self {
        page.expect_status(200);
        let text = |name: &str| page.json[name].as_str().unwrap().to_owned();
        Self {
            access: text("access_token"),
            id: text("id_token"),
            refresh: text("refresh_token"),
        }
    }
}

/// Uses a refresh token of the public client.
async fn renew(app: &TestApp, refresh_token: &str) -> Page {
    let fields = [
        ("grant_type", "refresh_token".to_owned()),
        ("refresh_token", refresh_token.to_owned()),
        ("client_id", PUBLIC.to_owned()),
    ];
    post_form(app, "/oauth2/default/v1/token", &fields).await
}

/// Asks about a token, as the public client.
async fn introspected(app: &TestApp, token: &str) -> Value {
    let fields = [
        ("token", token.to_owned()),
        ("client_id", PUBLIC.to_owned()),
    ];
    let page = post_form(app, "/oauth2/default/v1/introspect", &fields).await;
    page.expect_status(200);
    page.json
}

async fn is_active(app: &TestApp, token: &str) -> bool {
    introspected(app, token).await["active"] == true
}

/// Asserts an OAuth error (`idx-wire` §1.8 b).
#[track_caller]
fn expect_error(page: &Page, status: u16, error: &str) {
    page.expect_status(status);
    assert_eq!(page.json["error"], error, "{}", page.json);
    let description = page.json["error_description"].as_str();
    assert!(
        description.is_some_and(|text| !text.is_empty()),
        "{}",
        page.json
    );
    assert_eq!(page.json.as_object().unwrap().len(), 2, "{}", page.json);
    assert_eq!(page.header("content-type"), Some("application/json"));
    assert_eq!(page.header("cache-control"), Some("no-cache, no-store"));
}

/// What a token says, without asking whether it is right.
fn claims(token: &str) -> Value {
    let claims = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
}
