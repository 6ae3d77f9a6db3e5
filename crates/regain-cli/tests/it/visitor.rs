//! Somebody at an app, over HTTP.

use serde_json::{Value, json};

use crate::program::{Answer, Deployment, call};

pub(crate) const PASSWORD: &str = "Copper-Lantern-42";
pub(crate) const ALICE: &str = "alice@example.com";
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

pub(crate) const INTERACT: &str = "/oauth2/default/v1/interact";
/// How the app begins a flow. The challenge is that of RFC 7636, appendix B.
pub(crate) const BEGIN: &str = "client_id=page&scope=openid%20profile%20offline_access&redirect_uri=http%3A%2F%2Flocalhost%3A8080%2Flogin%2Fcallback\
    &state=s&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";

/// Makes the user and the app.
pub(crate) fn register(deployment: &Deployment) {
    assert!(deployment.create_user(ALICE, PASSWORD).status.success());
    register_app(deployment);
}

pub(crate) fn register_app(deployment: &Deployment) {
    let client = [
        "clients", "create", "--id", "page", "--public", "--label", "Page",
    ];
    let uri = ["--redirect-uri", "http://localhost:8080/login/callback"];
    let made = deployment.run(&[&client[..], &uri].concat());
    assert!(made.status.success());
}

pub(crate) fn interact(origin: &str) -> Answer {
    call(origin, INTERACT, FORM, BEGIN)
}

pub(crate) fn idx(origin: &str, step: &str, body: &Value) -> Answer {
    call(
        origin,
        &format!("/idp/idx/{step}"),
        "application/json",
        &body.to_string(),
    )
}

pub(crate) fn begin(origin: &str) -> Value {
    let handle = interact(origin).json["interaction_handle"].clone();
    let first = idx(origin, "introspect", &json!({"interactionHandle": handle}));
    first.json["stateHandle"].clone()
}

/// Signs in and exchanges the code.
pub(crate) fn sign_in(origin: &str) -> Value {
    sign_in_with(origin, PASSWORD)
}

pub(crate) fn sign_in_with(origin: &str, password: &str) -> Value {
    let done = try_to_sign_in(origin, password);
    let tokens = redeem(origin, &interaction_code(&done.json));
    assert_eq!(tokens.status, 200, "{}", tokens.json);
    tokens.json
}

/// Gives a password, right or wrong.
pub(crate) fn try_to_sign_in(origin: &str, password: &str) -> Answer {
    let body = json!({"stateHandle": begin(origin), "identifier": ALICE,
        "credentials": {"passcode": password}});
    idx(origin, "identify", &body)
}

/// The code with which a flow ended.
pub(crate) fn interaction_code(document: &Value) -> String {
    let values = &document["successWithInteractionCode"]["value"];
    let mut values = values.as_array().unwrap().iter();
    let code = values.find(|value| value["name"] == "interaction_code");
    code.unwrap()["value"].as_str().unwrap().to_owned()
}

pub(crate) fn redeem(origin: &str, code: &str) -> Answer {
    // The verifier of RFC 7636, appendix B.
    let form = format!(
        "grant_type=interaction_code&interaction_code={code}&client_id=page&code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    );
    call(origin, "/oauth2/default/v1/token", FORM, &form)
}

pub(crate) fn refresh(origin: &str, token: &Value) -> Answer {
    let token = token.as_str().unwrap();
    let form = format!("grant_type=refresh_token&client_id=page&refresh_token={token}");
    call(origin, "/oauth2/default/v1/token", FORM, &form)
}

/// The id of the mail among the authenticators to choose from.
pub(crate) fn email_id(document: &Value) -> Value {
    let authenticators = &document["authenticators"]["value"];
    let email = authenticators
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["key"] == "okta_email");
    email.unwrap()["id"].clone()
}
