//! Pages with what is filled in under the vendor's names, and what that posts.

use regain_sdk::Answer;
use regain_sdk::testkit::documents;
use serde_json::{Value, json};

use crate::support::BASE;

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
pub(crate) fn cases() -> Vec<(Value, Answer, Value)> {
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
