//! Item 21: every name of the vendor's SDKs is understood where it belongs, and no other.

use proptest::prelude::*;
use regain_sdk::testkit::documents;
use regain_sdk::{Answer, Conflict, Error, State};
use serde_json::{Value, json};

use crate::support::{BASE, at, last_body};

const SH: &str = documents::STATE_HANDLE;

/// A page with one form.
fn one(name: &str, path: &str, fields: Vec<Value>, members: Value) -> Value {
    let mut form = documents::form(BASE, name, path, fields);
    if members.get("currentAuthenticator").is_some() {
        form["relatesTo"] = json!(["$.currentAuthenticator"]);
    }
    documents::page(BASE, &[form], members)
}

fn credentials(names: &[&str], key: &str, form: &str) -> Value {
    let fields: Vec<Value> = names.iter().map(|name| json!({ "name": name })).collect();
    let field = json!({ "name": "credentials", "type": "object", "required": true,
                        "form": { "value": fields } });
    let about = json!({ "type": "object", "value": { "key": key, "type": "x" } });
    one(
        form,
        "challenge/answer",
        vec![field],
        json!({ "currentAuthenticator": about }),
    )
}

fn fields(name: &str, names: &[&str]) -> Value {
    one(
        name,
        "enroll",
        names.iter().map(|name| json!({ "name": name })).collect(),
        json!({}),
    )
}

fn nested(form: &str, outer: &str, names: &[&str]) -> Value {
    let inner: Vec<Value> = names.iter().map(|name| json!({ "name": name })).collect();
    let field = json!({ "name": outer, "type": "object", "form": { "value": inner } });
    one(form, "enroll", vec![field], json!({}))
}

const CHALLENGE: &str = "challenge-authenticator";
const ENROLL: &str = "enroll-authenticator";
const WEBAUTHN_VERIFY: &[&str] = &["clientData", "authenticatorData", "signatureData"];
const WEBAUTHN_ENROLL: &[&str] = &["clientData", "attestation", "transports"];
const QUESTION: &[&str] = &["questionKey", "question", "answer"];

/// The page that wants it, what is filled in, and what is posted besides the handle.
fn cases() -> Vec<(Value, Answer, Value)> {
    let form = |pairs: &[(&str, &str)]| Answer::from_form(pairs.iter().copied());
    let passcode = json!({ "credentials": { "passcode": "p" } });
    let identify = json!({ "identifier": "alice" });
    let email = json!({ "authenticator": { "id": "autEM" } });
    let reset = || documents::reset_page(BASE);
    let mut warning = reset();
    warning["remediation"]["value"][0]["name"] = "reenroll-authenticator-warning".into();
    let mut cases = vec![
        (
            documents::recover_page(BASE),
            form(&[("username", "alice")]),
            identify.clone(),
        ),
        (
            documents::recover_page(BASE),
            form(&[("identifier", "alice")]),
            identify.clone(),
        ),
        (
            documents::recover_page(BASE),
            form(&[("identifier", "alice"), ("username", "alice")]),
            identify,
        ),
        (
            documents::sign_in_page(BASE),
            form(&[
                ("username", "alice"),
                ("password", "p"),
                ("rememberMe", "on"),
            ]),
            json!({ "identifier": "alice", "credentials": { "passcode": "p" }, "rememberMe": true }),
        ),
        (
            documents::password_page(BASE),
            form(&[("password", "p")]),
            passcode.clone(),
        ),
        (
            documents::password_page(BASE),
            form(&[("passcode", "p")]),
            passcode.clone(),
        ),
        (reset(), form(&[("password", "p")]), passcode.clone()),
        (reset(), form(&[("newPassword", "p")]), passcode.clone()),
        (
            warning,
            form(&[("newPassword", "p"), ("password", "p")]),
            passcode.clone(),
        ),
        (
            reset(),
            form(&[("passcode", "p"), ("revokeSessions", "true")]),
            json!({ "credentials": { "passcode": "p", "revokeSessions": true } }),
        ),
        (
            reset(),
            form(&[("password", "p"), ("revokeSessions", "false")]),
            json!({ "credentials": { "passcode": "p", "revokeSessions": false } }),
        ),
        (
            documents::code_page(BASE),
            form(&[("verificationCode", " p ")]),
            passcode.clone(),
        ),
        (
            documents::code_page(BASE),
            form(&[("otp", "p"), ("password", "")]),
            passcode.clone(),
        ),
        (
            documents::code_page(BASE),
            form(&[("credentials.passcode", "p")]),
            passcode.clone(),
        ),
        (
            documents::code_page(BASE),
            form(&[("credentials", r#"{"passcode":"p"}"#)]),
            passcode.clone(),
        ),
        (
            documents::code_page(BASE),
            Answer::default().with("credentials", json!({ "passcode": "p" })),
            passcode,
        ),
        (
            credentials(&["totp"], "okta_verify", CHALLENGE),
            form(&[("verificationCode", "p")]),
            json!({ "credentials": { "totp": "p" } }),
        ),
    ];
    for value in ["okta_email", "autEM", "eae1"] {
        cases.push((
            documents::select_page(BASE),
            form(&[("authenticator", value)]),
            email.clone(),
        ));
    }
    let by_value = |name: &str, value: Value| Answer::default().with(name, value);
    let select = || documents::select_page(BASE);
    let with_method = json!({ "authenticator": { "id": "autEM", "methodType": "email" } });
    cases.extend([
        (select(), by_value("authenticator", json!({ "key": "okta_email" })), email.clone()),
        (select(), by_value("authenticators", json!(["phone_number", "okta_email"])), email),
        (
            select(),
            by_value("authenticator", json!({ "id": "autEM", "methodType": "email" })),
            with_method.clone(),
        ),
        (
            select(),
            form(&[("authenticator", "okta_email"), ("methodType", "email")]),
            with_method,
        ),
        (
            nested("authenticator-enrollment-data", "authenticator", &["methodType", "phoneNumber"]),
            form(&[("methodType", "sms"), ("phoneNumber", "+15551234567")]),
            json!({ "authenticator": { "methodType": "sms", "phoneNumber": "+15551234567" } }),
        ),
        (
            nested("select-enrollment-channel", "authenticator", &["channel"]),
            form(&[("channel", "qrcode")]),
            json!({ "authenticator": { "channel": "qrcode" } }),
        ),
        (
            fields("enrollment-channel-data", &["email", "phoneNumber"]),
            form(&[("email", "a@b.test"), ("phoneNumber", "1")]),
            json!({ "email": "a@b.test", "phoneNumber": "1" }),
        ),
        (
            nested("enroll-profile", "userProfile", &["firstName", "lastName", "email", "shoeSize"]),
            form(&[("firstName", "M"), ("lastName", "J"), ("email", "m@j.test"), ("shoeSize", "9")]),
            json!({ "userProfile": { "firstName": "M", "lastName": "J", "email": "m@j.test",
                                     "shoeSize": "9" } }),
        ),
        (
            credentials(QUESTION, "security_question", ENROLL),
            form(&[("question", "Why?"), ("answer", "42")]),
            json!({ "credentials": { "questionKey": "custom", "question": "Why?", "answer": "42" } }),
        ),
        (
            credentials(QUESTION, "security_question", ENROLL),
            form(&[("questionKey", "disliked_food"), ("answer", "42")]),
            json!({ "credentials": { "questionKey": "disliked_food", "answer": "42" } }),
        ),
        (
            credentials(WEBAUTHN_VERIFY, "webauthn", CHALLENGE),
            form(&[("clientData", "c"), ("authenticatorData", "a"), ("signatureData", "s")]),
            json!({ "credentials": { "clientData": "c", "authenticatorData": "a",
                                     "signatureData": "s" } }),
        ),
        (
            credentials(WEBAUTHN_ENROLL, "webauthn", ENROLL),
            form(&[("clientData", "c"), ("attestation", "a"), ("transports", "[]")]),
            json!({ "credentials": { "clientData": "c", "attestation": "a", "transports": "[]" } }),
        ),
    ]);
    cases
}

#[tokio::test]
async fn item_21_every_alias_reaches_the_wire() {
    for (page, answer, mut expected) in cases() {
        let (script, client, outcome) = at(page).await;
        script.always("", |_| {
            Ok(regain_sdk::testkit::reply(
                200,
                &documents::recover_page(BASE),
            ))
        });
        let shown = format!("{answer:?} for {:?}", outcome.transaction.step_name());
        client
            .proceed(outcome.transaction, answer)
            .await
            .unwrap_or_else(|e| panic!("{shown}: {e}"));
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
