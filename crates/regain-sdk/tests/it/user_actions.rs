//! A whole recovery in a web app, request by request.

use regain_sdk::testkit::{ScriptedTransport, documents};
use regain_sdk::{ResetOptions, Secret};
use serde_json::json;

use crate::flow::{START, unknown_user, wrong_code};
use crate::support::{
    ACCESS_TOKEN, BASE, CLIENT_ID, Mark, REDIRECT_URI, Signer, client, last_body, script,
    script_keys, script_tokens, step,
};

const SH: &str = documents::STATE_HANDLE;

/// Item 1: what a person does in a web app, one call each, and no request more.
#[tokio::test]
async fn item_1_each_user_action_makes_exactly_its_requests() {
    let script = script();
    script.answer("/v1/interact", 200, documents::interact());
    script.answer("/idp/idx/introspect", 200, documents::sign_in_page(BASE));
    let client = client(&script);
    let mut mark = Mark::new(&script);

    // Opens the sign-in page.
    drop(client.begin().start().await.unwrap());
    let discovery = "GET /oauth2/default/.well-known/openid-configuration";
    assert_eq!(mark.paths(), [discovery, START[0], START[1]]);
    check_start(&script);

    // Submits an address that nobody has, then another one.
    script.answer("/v1/interact", 200, documents::interact());
    script.answer("/idp/idx/introspect", 200, documents::sign_in_page(BASE));
    script.answer("/idp/idx/recover", 200, documents::recover_page(BASE));
    script.answer("/idp/idx/identify", 200, unknown_user());
    let outcome = client
        .recover_password()
        .identifier("alcie")
        .start()
        .await
        .unwrap();
    let steps = ["POST /idp/idx/recover", "POST /idp/idx/identify"];
    assert_eq!(mark.paths(), [START[0], START[1], steps[0], steps[1]]);
    let recover = &script.requests()[5];
    assert_eq!(recover.json(), json!({ "stateHandle": SH }));
    assert_eq!(recover.header("content-type").unwrap(), "application/json");
    assert_eq!(
        recover.header("accept").unwrap(),
        "application/json; okta-version=1.0.0"
    );
    script.answer("/idp/idx/identify", 200, documents::select_page(BASE));
    let outcome = step!(outcome, Identify)
        .submit("alice@example.com")
        .await
        .unwrap();
    assert_eq!(mark.paths(), [steps[1]]);
    let body = json!({ "identifier": "alice@example.com", "stateHandle": SH });
    assert_eq!(last_body(&script), body);

    // Selects the mail.
    script.answer("/idp/idx/challenge", 200, documents::code_page(BASE));
    let outcome = step!(outcome, SelectAuthenticator)
        .choose("okta_email")
        .await
        .unwrap();
    assert_eq!(mark.paths(), ["POST /idp/idx/challenge"]);
    let body = json!({ "authenticator": { "id": "autEM" }, "stateHandle": SH });
    assert_eq!(last_body(&script), body);

    // Types a wrong code, then the right one with a space from the clipboard.
    script.answer("/idp/idx/challenge/answer", 401, wrong_code());
    let outcome = step!(outcome, EnterCode).submit("000000").await.unwrap();
    assert_eq!(mark.paths(), ["POST /idp/idx/challenge/answer"]);
    script.answer(
        "/idp/idx/challenge/answer",
        200,
        documents::reset_page(BASE),
    );
    let outcome = step!(outcome, EnterCode)
        .submit(" 123 456\n")
        .await
        .unwrap();
    assert_eq!(mark.paths(), ["POST /idp/idx/challenge/answer"]);
    let body = json!({ "credentials": { "passcode": "123456" }, "stateHandle": SH });
    assert_eq!(last_body(&script), body);

    // Types a new password.
    script.answer(
        "/idp/idx/challenge/answer",
        200,
        documents::success(BASE, "the-code"),
    );
    script_tokens(&script, Signer::issuer(), |_| {});
    script_keys(&script);
    let new = Secret::from("N3w passw0rd ");
    let outcome = step!(outcome, SetPassword)
        .submit(&new, ResetOptions::default())
        .await
        .unwrap();
    let end = [
        "POST /oauth2/default/v1/token",
        "GET /oauth2/default/v1/keys",
    ];
    assert_eq!(
        mark.paths(),
        ["POST /idp/idx/challenge/answer", end[0], end[1]]
    );
    let requests = script.requests();
    let [.., answer, token, _] = &requests[..] else {
        panic!()
    };
    let body = json!({ "credentials": { "passcode": "N3w passw0rd " }, "stateHandle": SH });
    assert_eq!(answer.json(), body, "passwords are sent as they are");
    assert_eq!(token.param("grant_type").unwrap(), "interaction_code");
    assert_eq!(token.param("interaction_code").unwrap(), "the-code");
    assert_eq!(token.param("redirect_uri").unwrap(), REDIRECT_URI);
    assert_eq!(token.param("code_verifier").unwrap().len(), 43);

    // Opens the home page.
    let tokens = outcome.tokens().unwrap();
    let about = json!({ "sub": "00u1", "email": "alice@example.com" });
    script.answer("/v1/userinfo", 200, about.clone());
    let subject = tokens.id.as_ref().unwrap().subject();
    let claims = client.userinfo(&tokens.access, subject).await.unwrap();
    assert_eq!(mark.paths(), ["GET /oauth2/default/v1/userinfo"]);
    assert_eq!(json!(claims), about);
    let bearer = format!("Bearer {ACCESS_TOKEN}");
    assert_eq!(
        script
            .requests()
            .last()
            .unwrap()
            .header("authorization")
            .unwrap(),
        bearer
    );
}

fn check_start(script: &ScriptedTransport) {
    let requests = script.requests();
    let [_, interact, introspect] = &requests[..] else {
        panic!()
    };
    assert_eq!(interact.param("client_id").unwrap(), CLIENT_ID);
    assert_eq!(interact.param("redirect_uri").unwrap(), REDIRECT_URI);
    assert_eq!(interact.param("scope").unwrap(), "openid email");
    assert_eq!(interact.param("code_challenge_method").unwrap(), "S256");
    assert_eq!(interact.param("code_challenge").unwrap().len(), 43);
    assert_eq!(interact.param("nonce").unwrap().len(), 64);
    assert_eq!(interact.param("state").unwrap().len(), 22);
    assert_eq!(interact.param("client_secret"), None);
    assert_eq!(
        interact.header("content-type").unwrap(),
        "application/x-www-form-urlencoded"
    );
    assert_eq!(
        introspect.json(),
        json!({ "interactionHandle": "IH-script" })
    );
    for name in ["content-type", "accept"] {
        let ion = "application/ion+json; okta-version=1.0.0";
        assert_eq!(introspect.header(name).unwrap(), ion, "{name}");
    }
}
