//! Signing in, in both profiles.

use regain_sdk::testkit::documents;
use regain_sdk::{Flow, IdentifyPurpose, Secret};
use serde_json::json;

use crate::support::{
    BASE, Signer, at, client, last_body, script_from, script_keys, script_tokens, step,
};

const SH: &str = documents::STATE_HANDLE;

#[tokio::test]
async fn one_page_sign_in_is_one_form() {
    let script = script_from(documents::sign_in_page(BASE));
    script.answer("/idp/idx/identify", 200, documents::success(BASE, "code"));
    script_tokens(&script, Signer::issuer(), |_| {});
    script_keys(&script);
    let sign_in = client(&script)
        .authenticate()
        .identifier("alice")
        .password("pw");
    let outcome = sign_in.remember_me(true).start().await.unwrap();
    assert!(outcome.tokens().is_some());
    assert!(outcome.unused.is_empty());
    assert!(!outcome.transaction.password_replaced());
    let body = json!({ "identifier": "alice", "credentials": { "passcode": "pw" },
                       "rememberMe": true, "stateHandle": SH });
    assert_eq!(script.requests()[3].json(), body);
}

#[tokio::test]
async fn identifier_first_sign_in_is_two_forms() {
    let script = script_from(documents::identifier_first_page(BASE));
    script.answer("/idp/idx/identify", 200, documents::password_page(BASE));
    script.answer(
        "/idp/idx/challenge/answer",
        200,
        documents::success(BASE, "code"),
    );
    let sign_in = client(&script).sign_in().identifier("alice").password("pw");
    let outcome = sign_in.exchange(false).start().await.unwrap();
    assert_eq!(outcome.transaction.flow(), Flow::SignIn);
    assert_eq!(
        script.paths()[3..],
        ["POST /idp/idx/identify", "POST /idp/idx/challenge/answer"]
    );
    let body = json!({ "credentials": { "passcode": "pw" }, "stateHandle": SH });
    assert_eq!(last_body(&script), body);
}

#[tokio::test]
async fn a_wrong_password_shows_the_page_again() {
    let script = script_from(documents::sign_in_page(BASE));
    let page = documents::sign_in_page(BASE);
    let page = documents::with_message(page, "errors.E0000004", "Authentication failed", "ERROR");
    script.answer("/idp/idx/identify", 401, page);
    let sign_in = client(&script)
        .sign_in()
        .identifier("alice")
        .password("wrong");
    let outcome = sign_in.start().await.unwrap();
    assert!(outcome.rejected && outcome.has_message("errors.E0000004"));
    assert!(outcome.features.can_recover_password);
    let step = step!(outcome, Identify);
    assert_eq!(step.purpose(), IdentifyPurpose::SignIn);
    assert!(step.wants_password() && step.can_remember());
    script.answer("/idp/idx/identify", 200, documents::success(BASE, "code"));
    drop(
        step.submit_with_password("alice", &Secret::from("right"), false)
            .await,
    );
    let body = json!({ "identifier": "alice", "credentials": { "passcode": "right" },
                       "rememberMe": false, "stateHandle": SH });
    assert_eq!(script.requests()[4].json(), body);
}

/// A form without the checkbox takes no "remember me"; that is said, not swallowed.
#[tokio::test]
async fn remember_me_without_a_field_is_unused() {
    let mut page = documents::sign_in_page(BASE);
    page["remediation"]["value"][0]["value"]
        .as_array_mut()
        .unwrap()
        .remove(2);
    let script = script_from(page);
    script.answer("/idp/idx/identify", 200, documents::select_page(BASE));
    let sign_in = client(&script).sign_in().identifier("alice").password("pw");
    assert_eq!(
        sign_in.remember_me(true).start().await.unwrap().unused,
        ["remember_me"]
    );
    let body = json!({ "identifier": "alice", "credentials": { "passcode": "pw" },
                       "stateHandle": SH });
    assert_eq!(last_body(&script), body);
}

/// Half of what the page asks for is not sent.
#[tokio::test]
async fn a_username_alone_is_not_sent_where_the_page_wants_both() {
    let script = script_from(documents::sign_in_page(BASE));
    let outcome = client(&script)
        .sign_in()
        .identifier("alice")
        .start()
        .await
        .unwrap();
    assert_eq!(outcome.unused, ["identifier"]);
    assert_eq!(script.paths().len(), 3);
    let error = step!(outcome, Identify).submit("alice").await.unwrap_err();
    let expected = ["credentials"];
    assert!(matches!(error, regain_sdk::Error::MissingInput { fields, .. } if fields == expected));
    assert_eq!(script.paths().len(), 3);
}

/// A password for sign-in is not taken for a new one, nor the other way round.
#[tokio::test]
async fn passwords_go_to_their_own_step_only() {
    let script = script_from(documents::reset_page(BASE));
    let sign_in = client(&script)
        .sign_in()
        .identifier("alice")
        .password("pw")
        .start()
        .await;
    assert_eq!(sign_in.unwrap().unused, ["identifier", "password"]);
    let (script, client, outcome) = at(documents::password_page(BASE)).await;
    let sign_in = client
        .sign_in()
        .new_password("new")
        .open(outcome.transaction);
    assert_eq!(sign_in.start().await.unwrap().unused, ["new_password"]);
    assert!(script.paths().is_empty());
}

/// "Forgot password?" on the page of the password.
#[tokio::test]
async fn the_password_page_leads_to_recovery() {
    let (script, _, outcome) = at(documents::password_page(BASE)).await;
    script.answer("/idp/idx/recover", 200, documents::select_page(BASE));
    let step = step!(outcome, EnterPassword);
    assert!(step.can_recover_password());
    let outcome = step.recover_password().await.unwrap();
    assert_eq!(
        step!(outcome, SelectAuthenticator).choices()[0].label,
        "Email"
    );
}
