//! New passwords: when they may be left out, what goes with them, what they end in.

use regain_sdk::testkit::documents;
use regain_sdk::{Error, NewPasswordReason, ResetOptions, Secret, State};
use serde_json::{Value, json};

use crate::support::{BASE, at, last_body, step};

const SH: &str = documents::STATE_HANDLE;

fn expiring(with_skip: bool) -> Value {
    let mut page = documents::reset_page(BASE);
    page["remediation"]["value"][0]["name"] = "reenroll-authenticator-warning".into();
    page["currentAuthenticator"]["value"]["settings"]["daysToExpiry"] = 4.into();
    if with_skip {
        let skip = documents::form(BASE, "skip", "skip", vec![]);
        page["remediation"]["value"]
            .as_array_mut()
            .unwrap()
            .push(skip);
    }
    page
}

/// Item 16.
#[tokio::test]
async fn item_16_skip_is_there_exactly_when_the_server_lists_it() {
    let (script, client, outcome) = at(expiring(true)).await;
    assert!(outcome.features.can_skip);
    let transaction = outcome.transaction.clone();
    let step = step!(outcome, SetPassword);
    assert_eq!(
        (step.reason(), step.days_to_expiry()),
        (NewPasswordReason::ExpiringSoon, Some(4))
    );
    assert!(step.can_skip());
    script.answer("/idp/idx/skip", 200, documents::success(BASE, "code"));
    drop(step.skip().await.unwrap_err());
    assert_eq!(script.paths()[0], "POST /idp/idx/skip");
    // The change is there as well.
    script.answer(
        "/idp/idx/challenge/answer",
        200,
        documents::select_page(BASE),
    );
    let step = step!(client.resume(transaction).unwrap(), SetPassword);
    let new = Secret::from("Copper-Lantern-43");
    let outcome = step.submit(&new, ResetOptions::default()).await.unwrap();
    assert!(outcome.transaction.password_replaced());

    let (script, client, outcome) = at(expiring(false)).await;
    assert!(!outcome.features.can_skip);
    assert!(matches!(
        client.skip(outcome.transaction.clone()).await,
        Err(Error::Unsupported(_))
    ));
    let step = step!(outcome, SetPassword);
    assert!(!step.can_skip());
    assert!(matches!(step.skip().await, Err(Error::Unsupported(_))));
    assert!(script.paths().is_empty());
}

/// Item 17.
#[tokio::test]
async fn item_17_signing_out_elsewhere_reaches_the_wire() {
    let (script, _, outcome) = at(documents::reset_page(BASE)).await;
    let step = step!(outcome, SetPassword);
    assert_eq!(step.reason(), NewPasswordReason::Reset);
    assert_eq!(step.policy().complexity.min_length, 8);
    assert_eq!(step.policy().age.unwrap().history_count, 4);
    assert_eq!(step.identifier(), Some("alice@example.com"));
    script.answer(
        "/idp/idx/challenge/answer",
        200,
        documents::select_page(BASE),
    );
    let options = ResetOptions {
        revoke_other_sessions: true,
    };
    drop(step.submit(&Secret::from("new"), options).await.unwrap());
    let credentials = json!({ "passcode": "new", "revokeSessions": true });
    assert_eq!(
        last_body(&script),
        json!({ "credentials": credentials, "stateHandle": SH })
    );

    let mut page = documents::reset_page(BASE);
    let fields = &mut page["remediation"]["value"][0]["value"][0]["form"]["value"];
    fields.as_array_mut().unwrap().pop();
    let (script, _, outcome) = at(page).await;
    let step = step!(outcome, SetPassword);
    assert!(!step.can_revoke_other_sessions());
    let error = step
        .submit(&Secret::from("new"), options)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::NotAskedNow { key, .. } if key == "revokeSessions"));
    assert!(script.paths().is_empty());
}

/// A password that breaks the policy keeps the step, and nothing counts as replaced.
#[tokio::test]
async fn a_refused_password_replaces_nothing() {
    let (script, _, outcome) = at(documents::reset_page(BASE)).await;
    let key = "password.passwordRequirementsNotMet";
    let page = documents::with_passcode_error(documents::reset_page(BASE), key, "Too short.");
    script.answer("/idp/idx/challenge/answer", 400, page);
    let step = step!(outcome, SetPassword);
    let outcome = step
        .submit(&Secret::from("x"), ResetOptions::default())
        .await
        .unwrap();
    assert!(outcome.rejected && outcome.has_message(key));
    assert!(!outcome.transaction.password_replaced());
    drop(step!(outcome, SetPassword));
}

/// Ends without tokens say what has happened.
#[tokio::test]
async fn the_ends_of_a_recovery_without_sign_in() {
    let ends = [
        (200, "idx.recovery.completed", "INFO", true),
        (
            403,
            "api.users.auth.error.POST_PASSWORD_UPDATE_AUTH_FAILURE",
            "ERROR",
            false,
        ),
    ];
    for (status, key, class, succeeded) in ends {
        let (script, _, outcome) = at(documents::reset_page(BASE)).await;
        script.answer(
            "/idp/idx/challenge/answer",
            status,
            documents::terminal(key, "text", class),
        );
        let step = step!(outcome, SetPassword);
        let outcome = step
            .submit(&Secret::from("new"), ResetOptions::default())
            .await
            .unwrap();
        assert!(outcome.transaction.password_replaced(), "{key}");
        let State::Terminal(end) = outcome.state else {
            panic!("{key}")
        };
        assert_eq!((end.key.as_deref(), end.succeeded), (Some(key), succeeded));
        assert!(!end.can_cancel);
    }
}
