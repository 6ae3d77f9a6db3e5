//! Item 21: every name of the vendor's SDKs is understood where it belongs, and no other.

use proptest::prelude::*;
use regain_sdk::testkit::documents;
use regain_sdk::{Answer, Conflict, Error, State};

use crate::support::{BASE, at, last_body};

const SH: &str = documents::STATE_HANDLE;

const CHALLENGE: &str = "challenge-authenticator";

#[tokio::test]
async fn item_21_every_alias_reaches_the_wire() {
    for (page, answer, mut expected) in crate::answer_cases::cases() {
        let (script, client, outcome) = at(page).await;
        script.always("", |_| {
            Ok(regain_sdk::testkit::reply(
                200,
                &documents::recover_page(BASE),
            ))
        });
        let shown = format!("{answer:?} for {:?}", outcome.transaction.step_name());
        let result = client.proceed(outcome.transaction, answer).await;
        assert!(result.is_ok(), "{shown}: {result:?}");
        expected["stateHandle"] = SH.into();
        assert_eq!(last_body(&script), expected, "{shown}");
    }
}

/// The commands of §5 that are no fields.
#[tokio::test]
async fn item_21_commands_are_understood() {
    let mut page = documents::code_page(BASE);
    let skip = documents::form(BASE, "skip", "skip", vec![]);
    page["remediation"]["value"]
        .as_array_mut()
        .unwrap()
        .push(skip);
    let cases = [
        (vec![("resend", "true")], "POST /idp/idx/challenge/resend"),
        (
            vec![("startPolling", "true")],
            "POST /idp/idx/challenge/poll",
        ),
        (vec![("skip", "on")], "POST /idp/idx/skip"),
        (vec![("step", "skip")], "POST /idp/idx/skip"),
        (
            vec![("step", CHALLENGE), ("otp", "1")],
            "POST /idp/idx/challenge/answer",
        ),
        (
            vec![("otp", "1"), ("resend", "false")],
            "POST /idp/idx/challenge/answer",
        ),
        (
            vec![("authenticator", "okta_email")],
            "POST /idp/idx/challenge",
        ),
        (
            vec![("actions", "currentAuthenticatorEnrollment-resend")],
            "POST /idp/idx/challenge/resend",
        ),
        (vec![("actions", "cancel")], "POST /idp/idx/cancel"),
        (vec![("autoRemediate", "false")], "POST /idp/idx/introspect"),
        (
            vec![("stateHandle", SH), ("otp", "1")],
            "POST /idp/idx/challenge/answer",
        ),
        (
            vec![("flow", "proceed"), ("otp", "1")],
            "POST /idp/idx/challenge/answer",
        ),
        (
            vec![("flow", "resetPassword"), ("otp", "1")],
            "POST /idp/idx/challenge/answer",
        ),
    ];
    for (pairs, expected) in cases {
        let (script, client, outcome) = at(page.clone()).await;
        script.always("", |_| {
            Ok(regain_sdk::testkit::reply(
                200,
                &documents::recover_page(BASE),
            ))
        });
        let shown = format!("{pairs:?}");
        let outcome = client
            .proceed(outcome.transaction, Answer::from_form(pairs))
            .await;
        assert!(outcome.is_ok(), "{shown}: {outcome:?}");
        assert_eq!(script.paths(), [expected], "{shown}");
    }
}

#[tokio::test]
async fn item_21_the_state_and_the_exchange_option() {
    let (script, client, outcome) = at(documents::code_page(BASE)).await;
    script.answer(
        "/idp/idx/challenge/answer",
        200,
        documents::success(BASE, "the-code"),
    );
    let state = outcome.transaction.id().to_string();
    let pairs = [
        ("state", state.as_str()),
        ("otp", "1"),
        ("exchangeCodeForTokens", "false"),
    ];
    let outcome = client
        .proceed(outcome.transaction, Answer::from_form(pairs))
        .await
        .unwrap();
    assert!(matches!(
        outcome.state,
        State::Success(regain_sdk::Grant::Code(_))
    ));
}

/// Refused before anything is sent.
#[tokio::test]
async fn item_21_what_does_not_belong_here_is_refused() {
    let not_asked = [
        ("password", "x"),
        ("newPassword", "x"),
        ("username", "x"),
        ("rememberMe", "on"),
        ("revokeSessions", "true"),
        ("answer", "x"),
        ("channel", "sms"),
        ("firstName", "M"),
        ("recoveryToken", "x"),
        ("activationToken", "x"),
        ("scopes", "x"),
        ("maxAge", "1"),
        ("acrValues", "x"),
        ("nonce", "x"),
        ("codeChallenge", "x"),
        ("codeChallengeMethod", "x"),
        ("withCredentials", "true"),
        ("useGenericRemediator", "true"),
        ("remediators", "x"),
        ("enableLegacyMode", "true"),
        ("flow", "register"),
    ];
    let (script, client, outcome) = at(documents::code_page(BASE)).await;
    for (name, value) in not_asked {
        let answer = Answer::from_form([(name, value), ("otp", "1")]);
        let error = client
            .proceed(outcome.transaction.clone(), answer)
            .await
            .unwrap_err();
        assert!(
            matches!(&error, Error::NotAskedNow { key, .. } if key == name),
            "{name}: {error:?}"
        );
    }
    let unknown = [
        ("verificationcode", "1"),
        ("code", "1"),
        ("credentials.passcod", "1"),
        ("user_name", "x"),
        ("Password", "x"),
        ("", "x"),
        ("credentials.", "x"),
        (".", "x"),
    ];
    for (name, value) in unknown {
        let answer = Answer::from_form([(name, value)]);
        let error = client
            .proceed(outcome.transaction.clone(), answer)
            .await
            .unwrap_err();
        let Error::UnknownInput { key, expected } = &error else {
            panic!("{name}: {error:?}")
        };
        assert_eq!(key, name);
        assert!(
            expected.iter().any(|name| name == "verificationCode"),
            "{expected:?}"
        );
    }
    let conflicts = [
        vec![("otp", "1"), ("verificationCode", "2")],
        vec![("state", "AAAAAAAAAAAAAAAAAAAAAA"), ("otp", "1")],
        vec![("stateHandle", "02.other"), ("otp", "1")],
        vec![("resend", "true"), ("skip", "true")],
    ];
    for pairs in conflicts {
        let shown = format!("{pairs:?}");
        let answer = Answer::from_form(pairs);
        let error = client
            .proceed(outcome.transaction.clone(), answer)
            .await
            .unwrap_err();
        assert!(matches!(error, Error::Conflict(_)), "{shown}: {error:?}");
    }
    let missing = client
        .proceed(outcome.transaction.clone(), Answer::default())
        .await;
    assert!(
        matches!(missing, Err(Error::MissingInput { fields, .. }) if fields == ["credentials"])
    );
    let both = Answer::from_form([("resend", "true"), ("otp", "1")]);
    let error = client
        .proceed(outcome.transaction.clone(), both)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::NotAskedNow { key, .. } if key == "otp"));
    let step = Answer::from_form([("step", "nope")]);
    let error = client
        .proceed(outcome.transaction.clone(), step)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::UnknownInput { key, .. } if key == "nope"));
    assert!(script.paths().is_empty());
}

#[test]
fn a_conflict_of_values_names_both() {
    let conflict = Conflict::Values {
        first: "otp".to_owned(),
        second: "code".to_owned(),
    };
    assert_eq!(
        conflict.to_string(),
        r#""otp" and "code" have different values"#
    );
}

const KNOWN: &[&str] = &[
    "username",
    "identifier",
    "password",
    "passcode",
    "newPassword",
    "verificationCode",
    "otp",
    "credentials",
    "revokeSessions",
    "rememberMe",
    "authenticator",
    "authenticators",
    "methodType",
    "phoneNumber",
    "email",
    "channel",
    "firstName",
    "lastName",
    "questionKey",
    "question",
    "answer",
    "clientData",
    "attestation",
    "transports",
    "authenticatorData",
    "signatureData",
    "skip",
    "resend",
    "startPolling",
    "step",
    "actions",
    "activationToken",
    "recoveryToken",
    "stateHandle",
    "flow",
    "autoRemediate",
    "exchangeCodeForTokens",
    "maxAge",
    "acrValues",
    "nonce",
    "scopes",
    "state",
    "codeChallenge",
    "codeChallengeMethod",
    "withCredentials",
];

/// Every name of §5 is known on every page: it is taken or not asked for, never unknown.
#[tokio::test]
async fn item_21_no_name_of_the_dictionary_is_unknown() {
    let (script, client, outcome) = at(documents::reset_page(BASE)).await;
    for name in KNOWN {
        let answer = Answer::from_form([(*name, "")]);
        match client.proceed(outcome.transaction.clone(), answer).await {
            Err(Error::UnknownInput { key, .. }) if key == *name && *name != "actions" => {
                panic!("{name} is unknown");
            }
            _ => {}
        }
    }
    drop(script);
}

proptest! {
    /// A name with a mistake in it is refused, and nothing is sent.
    #[test]
    fn item_21_every_misspelt_name_is_refused(
        name in prop::sample::select(KNOWN),
        index in any::<prop::sample::Index>(),
        letter in "[a-z]",
    ) {
        let mut letters: Vec<char> = name.chars().collect();
        letters.insert(index.index(letters.len() + 1), letter.chars().next().unwrap());
        let misspelt: String = letters.into_iter().collect();
        prop_assume!(!KNOWN.contains(&misspelt.as_str()));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (script, client, outcome) = at(documents::code_page(BASE)).await;
            let answer = Answer::from_form([(misspelt.as_str(), "x")]);
            let error = client.proceed(outcome.transaction, answer).await.unwrap_err();
            assert!(matches!(error, Error::UnknownInput { key, .. } if key == misspelt));
            assert!(script.paths().is_empty());
        });
    }
}
