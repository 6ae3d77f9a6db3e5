//! The documents of sign-in and recovery, in the shape of the protocol, for scripts.
//!
//! `base` is the origin of the server, without a slash at the end.

use serde_json::{Value, json};

/// The state handle of every document here.
pub const STATE_HANDLE: &str = "02.id.script";

/// A discovery document.
#[must_use]
pub fn discovery(issuer: &str) -> Value {
    let oauth = if issuer.contains("/oauth2") {
        issuer.to_owned()
    } else {
        format!("{issuer}/oauth2")
    };
    json!({
        "issuer": issuer,
        "token_endpoint": format!("{oauth}/v1/token"),
        "userinfo_endpoint": format!("{oauth}/v1/userinfo"),
        "jwks_uri": format!("{oauth}/v1/keys"),
        "end_session_endpoint": format!("{oauth}/v1/logout"),
        "code_challenge_methods_supported": ["S256"],
    })
}

/// The answer of `interact`.
#[must_use]
pub fn interact() -> Value {
    json!({ "interaction_handle": "IH-script" })
}

/// The first page with username and password.
#[must_use]
pub fn sign_in_page(base: &str) -> Value {
    let identify = form(
        base,
        "identify",
        "identify",
        vec![
            json!({ "name": "identifier", "label": "Username", "required": true }),
            json!({ "name": "credentials", "type": "object", "required": true, "form": { "value": [
            { "name": "passcode", "label": "Password", "secret": true },
        ] } }),
            json!({ "name": "rememberMe", "type": "boolean", "label": "Keep me signed in" }),
        ],
    );
    let mut password = password(None);
    merge(
        &mut password,
        json!({ "recover": form(base, "recover", "recover", vec![]) }),
    );
    page(
        base,
        &[identify],
        json!({ "currentAuthenticator": object(password) }),
    )
}

/// The first page with the username alone.
#[must_use]
pub fn identifier_first_page(base: &str) -> Value {
    let field = json!({ "name": "identifier", "label": "Username", "required": true });
    page(
        base,
        &[form(base, "identify", "identify", vec![field])],
        json!({}),
    )
}

/// The page that asks for the password, in the identifier-first profile.
#[must_use]
pub fn password_page(base: &str) -> Value {
    let challenge = about(
        "$.currentAuthenticatorEnrollment",
        credentials(
            base,
            "challenge-authenticator",
            &[json!({ "name": "passcode", "label": "Password", "secret": true })],
        ),
    );
    let mut password = password(None);
    merge(
        &mut password,
        json!({ "recover": form(base, "recover", "recover", vec![]), "id": "lae1" }),
    );
    page(
        base,
        &[challenge],
        json!({ "currentAuthenticatorEnrollment": object(password) }),
    )
}

/// "Whose password?"
#[must_use]
pub fn recover_page(base: &str) -> Value {
    let field = json!({ "name": "identifier", "label": "Username", "required": true });
    page(
        base,
        &[form(base, "identify-recovery", "identify", vec![field])],
        json!({}),
    )
}

/// "Whose password?", where the answer costs proof of work.
#[must_use]
pub fn work_page(base: &str) -> Value {
    let name =
        json!({ "name": "identifier", "label": "Username", "required": true, "value": "alice" });
    let work = json!({ "name": "captchaVerify", "type": "object", "required": true, "relatesTo": "$.captcha",
        "form": { "value": [
            { "name": "captchaId", "required": true, "visible": false, "mutable": false, "value": "work1" },
            { "name": "captchaToken", "required": true, "visible": false, "hint": "captcha" },
        ] } });
    let handle = json!({ "name": "stateHandle", "required": true, "visible": false, "mutable": false,
        "value": STATE_HANDLE });
    let captcha = json!({ "id": "work1", "name": "ALTCHA", "type": "ALTCHA", "siteKey": "altcha",
        "challengeUrlForm": { "name": "challenge", "method": "POST", "value": [handle],
            "href": format!("{base}/api/v1/altcha"),
            "accepts": "application/json; okta-version=1.0.0" } });
    page(
        base,
        &[form(
            base,
            "identify-recovery",
            "identify",
            vec![name, work],
        )],
        json!({ "captcha": { "type": "object", "value": captcha } }),
    )
}

/// The choice of an authenticator, with the mail as the only one.
#[must_use]
pub fn select_page(base: &str) -> Value {
    page(base, &[select_email(base)], recovery_context())
}

/// "Enter the code from the mail."
#[must_use]
pub fn code_page(base: &str) -> Value {
    let mut poll = form(base, "poll", "challenge/poll", vec![]);
    merge(&mut poll, json!({ "refresh": 4000 }));
    let challenge = about(
        "$.currentAuthenticatorEnrollment",
        credentials(
            base,
            "challenge-authenticator",
            &[json!({ "name": "passcode", "label": "Enter code" })],
        ),
    );
    let mut email = email_enrollment();
    merge(
        &mut email,
        json!({
            "profile": { "email": "a***e@example.com" },
            "resend": form(base, "resend", "challenge/resend", vec![]),
            "poll": poll,
            "contextualData": { "useEmailMagicLink": false },
        }),
    );
    let mut context = recovery_context();
    merge(
        &mut context,
        json!({ "currentAuthenticatorEnrollment": object(email) }),
    );
    page(base, &[challenge, select_email(base)], context)
}

/// "Choose a new password."
#[must_use]
pub fn reset_page(base: &str) -> Value {
    let reset = about(
        "$.currentAuthenticator",
        credentials(
            base,
            "reset-authenticator",
            &[
                json!({ "name": "passcode", "label": "New password", "secret": true }),
                json!({ "name": "revokeSessions", "type": "boolean",
                "label": "Sign me out of all other devices" }),
            ],
        ),
    );
    let settings = json!({
        "complexity": { "minLength": 8, "minLowerCase": 1, "minUpperCase": 1, "minNumber": 1,
                        "minSymbol": 0, "excludeUsername": true, "excludeAttributes": [] },
        "age": { "minAgeMinutes": 0, "historyCount": 4 },
    });
    let mut context = recovery_context();
    merge(
        &mut context,
        json!({ "currentAuthenticator": object(password(Some(settings))) }),
    );
    page(base, &[reset], context)
}

/// The end of a flow: the code for the tokens.
#[must_use]
pub fn success(base: &str, interaction_code: &str) -> Value {
    page(
        base,
        &[],
        json!({ "successWithInteractionCode": {
        "rel": ["create-form"], "name": "issue", "method": "POST",
        "href": format!("{base}/oauth2/default/v1/token"),
        "accepts": "application/x-www-form-urlencoded",
        "value": [
            { "name": "grant_type", "required": true, "value": "interaction_code" },
            { "name": "interaction_code", "required": true, "value": interaction_code },
        ],
    } }),
    )
}

/// An end without anything to fill in: one message, and no way back.
#[must_use]
pub fn terminal(key: &str, text: &str, class: &str) -> Value {
    json!({ "version": "1.0.0", "messages": messages(key, text, class) })
}

/// The same page with a message about the whole of it.
#[must_use]
pub fn with_message(mut page: Value, key: &str, text: &str, class: &str) -> Value {
    merge(&mut page, json!({ "messages": messages(key, text, class) }));
    page
}

/// The same page with a message at the passcode of its first form.
#[must_use]
pub fn with_passcode_error(mut page: Value, key: &str, text: &str) -> Value {
    if let Some(field) = page.pointer_mut("/remediation/value/0/value/0/form/value/0") {
        merge(field, json!({ "messages": messages(key, text, "ERROR") }));
    }
    page
}

/// One message in its list.
#[must_use]
pub fn messages(key: &str, text: &str, class: &str) -> Value {
    json!({ "type": "array", "value": [
        { "message": text, "i18n": { "key": key, "params": [] }, "class": class },
    ] })
}

/// A form with the hidden state handle at its end.
#[must_use]
pub fn form(base: &str, name: &str, path: &str, mut fields: Vec<Value>) -> Value {
    fields.push(
        json!({ "name": "stateHandle", "required": true, "value": STATE_HANDLE,
                        "visible": false, "mutable": false }),
    );
    json!({
        "rel": ["create-form"], "name": name, "href": format!("{base}/idp/idx/{path}"),
        "method": "POST", "produces": "application/ion+json; okta-version=1.0.0",
        "value": fields, "accepts": "application/json; okta-version=1.0.0",
    })
}

/// A document around some forms, with further members.
#[must_use]
pub fn page(base: &str, forms: &[Value], members: Value) -> Value {
    let mut page = json!({
        "version": "1.0.0", "stateHandle": STATE_HANDLE, "expiresAt": "2126-01-02T03:04:05.678Z",
        "intent": "LOGIN", "cancel": form(base, "cancel", "cancel", vec![]),
        "app": object(json!({ "name": "oidc_client", "label": "My App", "id": "0oa1example" })),
    });
    if !forms.is_empty() {
        merge(
            &mut page,
            json!({ "remediation": { "type": "array", "value": forms } }),
        );
    }
    merge(&mut page, members);
    page
}

fn credentials(base: &str, name: &str, fields: &[Value]) -> Value {
    form(
        base,
        name,
        "challenge/answer",
        vec![json!({
            "name": "credentials", "type": "object", "required": true, "form": { "value": fields },
        })],
    )
}

fn about(path: &str, mut form: Value) -> Value {
    merge(&mut form, json!({ "relatesTo": [path] }));
    form
}

fn select_email(base: &str) -> Value {
    form(
        base,
        "select-authenticator-authenticate",
        "challenge",
        vec![json!({
            "name": "authenticator", "type": "object", "options": [{
                "label": "Email",
                "value": { "form": { "value": [
                    { "name": "id", "required": true, "value": "autEM", "mutable": false },
                    { "name": "methodType", "required": false, "value": "email", "mutable": false },
                ] } },
                "relatesTo": "$.authenticatorEnrollments.value[0]",
            }],
        })],
    )
}

fn recovery_context() -> Value {
    json!({
        "authenticatorEnrollments": { "type": "array", "value": [email_enrollment()] },
        "recoveryAuthenticator": object(password(None)),
        "user": object(json!({ "identifier": "alice@example.com" })),
    })
}

fn email_enrollment() -> Value {
    json!({ "type": "email", "key": "okta_email", "id": "eae1", "displayName": "Email",
            "methods": [{ "type": "email" }] })
}

fn password(settings: Option<Value>) -> Value {
    let mut password = json!({ "type": "password", "key": "okta_password", "id": "autPW",
                               "displayName": "Password", "methods": [{ "type": "password" }] });
    if let Some(settings) = settings {
        merge(&mut password, json!({ "settings": settings }));
    }
    password
}

fn object(value: Value) -> Value {
    let mut object = json!({ "type": "object" });
    merge(&mut object, Value::from_iter([("value", value)]));
    object
}

fn merge(target: &mut Value, members: Value) {
    if let (Some(target), Value::Object(members)) = (target.as_object_mut(), members) {
        target.extend(members);
    }
}
