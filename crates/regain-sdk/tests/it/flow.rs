//! Recovery from its beginning: which requests it makes, and what it does with values.

use regain_sdk::testkit::documents;
use regain_sdk::{Conflict, Error, Feature, Flow, Grant, State, authenticator_key};

use crate::support::{
    ACCESS_TOKEN, BASE, Mark, Signer, at, builder, client, script, script_from, script_keys,
    script_recovery, script_tokens, step,
};

pub(crate) const START: [&str; 2] = [
    "POST /oauth2/default/v1/interact",
    "POST /idp/idx/introspect",
];

pub(crate) fn unknown_user() -> serde_json::Value {
    let text = "There is no account with the Username alcie.";
    documents::with_message(
        documents::recover_page(BASE),
        "idx.unknown.user",
        text,
        "INFO",
    )
}

pub(crate) fn wrong_code() -> serde_json::Value {
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

/// A refused `recover` is posted once, although the page offers it again.
#[tokio::test]
async fn a_refused_recovery_is_not_tried_again() {
    let script = script_from(documents::password_page(BASE));
    let text = "Reset password is not allowed at this time.";
    let key = "oie.selfservice.reset.password.not.allowed";
    let page = documents::with_message(documents::password_page(BASE), key, text, "ERROR");
    script.always("/idp/idx/recover", move |_| {
        Ok(regain_sdk::testkit::reply(403, &page))
    });
    let outcome = client(&script).recover_password().start().await.unwrap();
    assert!(outcome.rejected && outcome.has_message(key));
    assert_eq!(script.paths()[3..], ["POST /idp/idx/recover"]);
}

/// The way to a new password is open once `recover` was accepted, whatever the page shows.
#[tokio::test]
async fn recovery_is_begun_once() {
    let mut select = documents::select_page(BASE);
    select
        .as_object_mut()
        .unwrap()
        .remove("recoveryAuthenticator");
    let script = script_from(documents::password_page(BASE));
    script.answer("/idp/idx/recover", 200, select);
    script.answer("/idp/idx/challenge", 200, documents::code_page(BASE));
    let recovery = client(&script)
        .recover_password()
        .via(authenticator_key::EMAIL);
    assert!(recovery.start().await.unwrap().unused.is_empty());
    assert_eq!(
        script.paths()[3..],
        ["POST /idp/idx/recover", "POST /idp/idx/challenge"]
    );
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
