//! Recovery from its beginning: which requests it makes, and what it does with values.

use regain_sdk::testkit::{ScriptedTransport, documents};
use regain_sdk::{
    Conflict, Error, Feature, Flow, Grant, ResetOptions, Secret, State, authenticator_key,
};
use serde_json::json;

use crate::support::{
    ACCESS_TOKEN, BASE, CLIENT_ID, Mark, REDIRECT_URI, Signer, at, builder, client, last_body,
    script, script_from, script_keys, script_recovery, script_tokens, step,
};

const SH: &str = documents::STATE_HANDLE;
const START: [&str; 2] = [
    "POST /oauth2/default/v1/interact",
    "POST /idp/idx/introspect",
];

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

fn unknown_user() -> serde_json::Value {
    let text = "There is no account with the Username alcie.";
    documents::with_message(
        documents::recover_page(BASE),
        "idx.unknown.user",
        text,
        "INFO",
    )
}

fn wrong_code() -> serde_json::Value {
    let key = "api.authn.error.PASSCODE_INVALID";
    documents::with_passcode_error(documents::code_page(BASE), key, "Invalid code. Try again.")
}

/// Item 2.
#[tokio::test]
async fn item_2_recovery_with_everything_up_front_reaches_tokens() {
    let script = script();
    script_recovery(&script);
    script_tokens(&script, Signer::issuer(), |_| {});
    script_keys(&script);
    let outcome = client(&script)
        .recover_password()
        .identifier("alice@example.com")
        .via(authenticator_key::EMAIL)
        .code("123456")
        .new_password("Copper-Lantern-43")
        .revoke_other_sessions(true)
        .start()
        .await
        .unwrap();
    let tokens = outcome.tokens().expect("tokens");
    assert_eq!(tokens.access.expose(), ACCESS_TOKEN);
    assert_eq!(
        tokens.refresh.as_ref().unwrap().expose(),
        "refresh-token-text"
    );
    let id = tokens.id.as_ref().unwrap();
    assert_eq!(
        (id.subject(), id.text("email")),
        ("00u1", Some("alice@example.com"))
    );
    assert!(outcome.transaction.password_replaced());
    assert!(outcome.unused.is_empty());
}

/// Values stop where the server asks for something else, and say so.
#[tokio::test]
async fn values_without_a_step_are_named() {
    let script = script();
    script_recovery(&script);
    let outcome = client(&script)
        .recover_password()
        .identifier("alice@example.com")
        .code("123456")
        .new_password("Copper-Lantern-43")
        .revoke_other_sessions(true)
        .start()
        .await
        .unwrap();
    assert_eq!(
        outcome.unused,
        ["code", "new_password", "revoke_other_sessions"]
    );
    assert_eq!(
        outcome.step().unwrap().name(),
        "select-authenticator-authenticate"
    );
}

/// A single choice sends a mail: it is made only when that was asked for.
#[tokio::test]
async fn a_single_authenticator_is_chosen_only_on_demand() {
    let script = script();
    script_recovery(&script);
    let recovery = client(&script)
        .recover_password()
        .identifier("alice@example.com");
    let outcome = recovery.auto_select_single(true).start().await.unwrap();
    assert_eq!(outcome.step().unwrap().name(), "challenge-authenticator");
}

/// A refusal stops the run: the password is not tried on the page of the wrong code.
#[tokio::test]
async fn a_refusal_stops_the_run() {
    let script = script_from(documents::code_page(BASE));
    script.answer("/idp/idx/challenge/answer", 401, wrong_code());
    let recovery = client(&script).recover_password().token("recovery-token");
    let outcome = recovery
        .code("000000")
        .new_password("x")
        .start()
        .await
        .unwrap();
    assert!(outcome.rejected);
    assert_eq!(outcome.unused, ["new_password"]);
    assert_eq!(
        script.requests()[1].param("recovery_token").unwrap(),
        "recovery-token"
    );
    assert_eq!(script.paths().len(), 4);
}

/// A server that repeats a satisfiable step forever does not make the client repeat it.
#[tokio::test]
async fn one_call_posts_a_bounded_number_of_forms() {
    let script = script_from(documents::identifier_first_page(BASE));
    let page = documents::password_page(BASE);
    let select = documents::select_page(BASE);
    script.always("/idp/idx/identify", move |_| {
        Ok(regain_sdk::testkit::reply(200, &page))
    });
    script.always("/idp/idx/recover", move |_| {
        Ok(regain_sdk::testkit::reply(200, &select))
    });
    let same = documents::select_page(BASE);
    script.always("/idp/idx/challenge", move |_| {
        Ok(regain_sdk::testkit::reply(200, &same))
    });
    let client = builder(&script).auto_steps_max(5).build().unwrap();
    let recovery = client
        .recover_password()
        .identifier("alice")
        .auto_select_single(true);
    drop(recovery.start().await.unwrap());
    assert_eq!(script.paths().len(), 3 + 5);
}

/// Identifier-first: the password page leads to recovery, once.
#[tokio::test]
async fn identifier_first_recovery_goes_over_the_password_page() {
    let script = script_from(documents::identifier_first_page(BASE));
    script.answer("/idp/idx/identify", 200, documents::password_page(BASE));
    script.answer("/idp/idx/recover", 200, documents::select_page(BASE));
    let recovery = client(&script).recover_password().identifier("alice");
    let outcome = recovery.start().await.unwrap();
    assert_eq!(
        outcome.step().unwrap().name(),
        "select-authenticator-authenticate"
    );
    assert_eq!(
        script.paths()[3..],
        ["POST /idp/idx/identify", "POST /idp/idx/recover"]
    );
}

/// Recovery that the server does not offer is an error, and no sign-in by accident.
#[tokio::test]
async fn recovery_that_is_not_offered_is_unsupported() {
    let mut page = documents::sign_in_page(BASE);
    page.as_object_mut().unwrap().remove("currentAuthenticator");
    let script = script_from(page);
    let recovery = client(&script).recover_password().identifier("alice");
    let error = recovery.start().await.unwrap_err();
    assert!(
        matches!(error, Error::Unsupported(Feature::RecoverPassword)),
        "{error:?}"
    );
    assert_eq!(script.paths().len(), 3);
}

/// Item 4.
#[tokio::test]
async fn item_4_unknown_user_is_the_same_step_with_the_servers_message() {
    let script = script_from(documents::recover_page(BASE));
    script.answer("/idp/idx/identify", 200, unknown_user());
    let recovery = client(&script)
        .recover_password()
        .identifier("alcie")
        .via("okta_email");
    let outcome = recovery.start().await.unwrap();
    assert!(outcome.rejected);
    assert!(outcome.has_message("idx.unknown.user"));
    assert_eq!(
        outcome.messages[0].text,
        "There is no account with the Username alcie."
    );
    assert!(!outcome.messages[0].is_error());
    assert_eq!(outcome.unused, ["via"]);
    assert_eq!(step!(outcome, Identify).name(), "identify-recovery");
}

/// Item 9: going back and typing another address never continues the old account.
#[tokio::test]
async fn item_9_a_corrected_address_never_continues_the_old_account() {
    let script = script();
    script_recovery(&script);
    let client = client(&script);
    let first = client.recover_password().identifier("alice@example.com");
    let open = first.via("okta_email").start().await.unwrap().transaction;
    let mut mark = Mark::new(&script);

    let second = || {
        client
            .recover_password()
            .identifier("bob@example.com")
            .open(open.clone())
    };
    let error = second().start().await.unwrap_err();
    assert!(
        matches!(error, Error::Conflict(Conflict::Identifier)),
        "{error:?}"
    );
    assert!(mark.paths().is_empty());

    let script_second = |page| {
        script.answer("/v1/interact", 200, documents::interact());
        script.answer("/idp/idx/introspect", 200, page);
        script.answer("/idp/idx/cancel", 200, documents::sign_in_page(BASE));
    };
    script_second(documents::recover_page(BASE));
    script.answer("/idp/idx/identify", 200, documents::select_page(BASE));
    let outcome = second().replace_open(true).start().await.unwrap();
    assert_ne!(outcome.transaction.id(), open.id());
    assert_eq!(outcome.transaction.identifier(), Some("bob@example.com"));
    let paths = mark.paths();
    assert_eq!(
        paths,
        [
            START[0],
            START[1],
            "POST /idp/idx/cancel",
            "POST /idp/idx/identify"
        ]
    );

    // The same address goes on where it was, without a request.
    let same = client
        .recover_password()
        .identifier("alice@example.com")
        .open(open.clone());
    let outcome = same.start().await.unwrap();
    assert_eq!(outcome.transaction.id(), open.id());
    assert!(outcome.unused.is_empty());
    assert!(mark.paths().is_empty());
}

/// Item 12.
#[tokio::test]
async fn item_12_another_flow_on_an_open_transaction_is_a_conflict() {
    let script = script();
    script_recovery(&script);
    let client = client(&script);
    let recovery = client.recover_password().identifier("alice@example.com");
    let open = recovery.start().await.unwrap().transaction;
    let mut mark = Mark::new(&script);
    let error = client
        .sign_in()
        .open(open.clone())
        .start()
        .await
        .unwrap_err();
    let expected = Conflict::Flow {
        saved: Flow::Recover,
        asked: Flow::SignIn,
    };
    assert!(matches!(error, Error::Conflict(conflict) if conflict == expected));
    let answer = regain_sdk::Answer::from_form([("flow", "authenticate"), ("password", "x")]);
    let error = client.proceed(open, answer).await.unwrap_err();
    assert!(matches!(error, Error::Conflict(conflict) if conflict == expected));
    assert!(mark.paths().is_empty());
}

/// The transaction of the sign-in page may become that of a recovery.
#[tokio::test]
async fn an_open_page_becomes_a_recovery() {
    let (script, client, outcome) = at(documents::sign_in_page(BASE)).await;
    script.answer("/idp/idx/recover", 200, documents::recover_page(BASE));
    script.answer("/idp/idx/identify", 200, documents::select_page(BASE));
    let recovery = client
        .recover_password()
        .identifier("alice")
        .open(outcome.transaction);
    let outcome = recovery.start().await.unwrap();
    assert_eq!(outcome.transaction.flow(), Flow::Recover);
    assert_eq!(
        script.paths(),
        ["POST /idp/idx/recover", "POST /idp/idx/identify"]
    );
}

/// The code instead of tokens, and the exchange by hand.
#[tokio::test]
async fn the_code_can_be_had_instead_of_tokens() {
    let script = script_from(documents::success(BASE, "the-code"));
    script_tokens(&script, Signer::issuer(), |_| {});
    script_keys(&script);
    let client = client(&script);
    let outcome = client.begin().exchange(false).start().await.unwrap();
    let State::Success(Grant::Code(code)) = &outcome.state else {
        panic!("{outcome:?}")
    };
    assert_eq!(code.expose(), "the-code");
    let tokens = client.exchange(&outcome.transaction, code).await.unwrap();
    assert_eq!(tokens.scopes, ["openid", "email"]);
}
