//! The rules that every answer of `/idp/idx/*` keeps (`idx-wire` §1.2, §1.4, §4, §8): clients
//! break where one of them is broken. Every answer that a test sees is held against them.

use regain_wire::idx::{CONTENT_TYPE_ERROR, CONTENT_TYPE_OK};
use serde_json::Value;

use super::{BASE, HTTPS_BASE, Page};

/// Remediations that must say what they are about (`idx-wire` §4.5).
const RELATED: [&str; 6] = [
    "authenticator-verification-data",
    "challenge-authenticator",
    "enroll-authenticator",
    "reenroll-authenticator",
    "reenroll-authenticator-warning",
    "reset-authenticator",
];
/// Members that break a client (`idx-wire` §8.1).
const FORBIDDEN: [&str; 5] = ["error", "headers", "stateToken", "expiresIn", "step"];

/// Holds an answer against the rules.
#[track_caller]
pub(crate) fn check(page: &Page) {
    headers(page);
    let document = &page.json;
    assert!(document.is_object(), "not JSON: {:?}", page.bytes);
    no_null(document, "$");
    if document.get("errorCode").is_some() {
        envelope(page);
        return;
    }
    content_type(page);
    assert_eq!(document["version"], "1.0.0", "{document}");
    for name in FORBIDDEN {
        assert!(document.get(name).is_none(), "{name}: {document}");
    }
    messages_everywhere(document);
    match_status(page);
    objects_with_rel(document, document["stateHandle"].as_str());
    remediations(document);
    whole(document);
}

fn headers(page: &Page) {
    for (name, value) in [
        ("cache-control", "no-cache, no-store"),
        ("pragma", "no-cache"),
        ("expires", "0"),
        ("vary", "origin"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(page.header(name), Some(value), "{name}");
    }
    let id = page.header("x-okta-request-id").expect("a request id");
    assert!(id.len() >= 16, "{id}");
    for name in ["limit", "remaining", "reset"] {
        let figure = page.header(&format!("x-rate-limit-{name}")).expect(name);
        assert!(figure.bytes().all(|byte| byte.is_ascii_digit()), "{figure}");
    }
    for name in ["set-cookie", "www-authenticate", "location", "server"] {
        assert_eq!(page.header(name), None, "{name}");
    }
}

fn content_type(page: &Page) {
    let wanted = if page.status == 200 {
        CONTENT_TYPE_OK
    } else {
        assert!(page.status >= 400, "{}", page.status);
        CONTENT_TYPE_ERROR
    };
    assert_eq!(page.header("content-type"), Some(wanted));
}

/// An error outside of flows: the vendor's envelope.
fn envelope(page: &Page) {
    assert!(page.status >= 400, "{}", page.status);
    let kind = page.header("content-type").unwrap();
    assert!(kind.starts_with("application/json"), "{kind}");
    for name in ["errorCode", "errorSummary", "errorLink", "errorId"] {
        assert!(
            page.json[name]
                .as_str()
                .is_some_and(|text| !text.is_empty())
        );
    }
    for cause in page.json["errorCauses"].as_array().expect("an array") {
        assert!(cause["errorSummary"].is_string());
    }
}

fn no_null(value: &Value, path: &str) {
    match value {
        Value::Null => panic!("null at {path}"),
        Value::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                no_null(value, &format!("{path}[{index}]"));
            }
        }
        Value::Object(members) => {
            for (name, value) in members {
                no_null(value, &format!("{path}.{name}"));
            }
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Calls `visit` with every object of a document.
fn each_object(value: &Value, visit: &mut dyn FnMut(&Value)) {
    match value {
        Value::Array(list) => list.iter().for_each(|value| each_object(value, visit)),
        Value::Object(members) => {
            visit(value);
            members.values().for_each(|value| each_object(value, visit));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn messages_everywhere(document: &Value) {
    each_object(document, &mut |object| {
        let Some(messages) = object.get("messages") else {
            return;
        };
        assert_eq!(messages["type"], "array", "{messages}");
        let list = messages["value"].as_array().expect("a list");
        assert!(!list.is_empty(), "empty messages");
        for message in list {
            assert!(message["message"].as_str().is_some_and(|m| !m.is_empty()));
            assert!(
                message["i18n"]["key"]
                    .as_str()
                    .is_some_and(|k| !k.is_empty())
            );
            let class = message["class"].as_str().unwrap();
            assert!(["ERROR", "INFO"].contains(&class), "{class}");
            for param in message["i18n"]["params"].as_array().into_iter().flatten() {
                assert!(param.is_string(), "{message}");
            }
        }
    });
}

/// 200 carries no error, and an error status always says why.
fn match_status(page: &Page) {
    let mut errors = 0;
    each_object(&page.json, &mut |object| {
        errors += usize::from(object.get("class").is_some_and(|class| class == "ERROR"));
    });
    assert_eq!(page.status == 200, errors == 0, "{}", page.json);
}

fn objects_with_rel(document: &Value, state_handle: Option<&str>) {
    each_object(document, &mut |object| {
        let Some(rel) = object.get("rel") else { return };
        assert_eq!(*rel, serde_json::json!(["create-form"]));
        assert_eq!(object["method"], "POST", "{object}");
        let href = object["href"].as_str().expect("href");
        let name = object["name"].as_str().expect("name");
        let fields = object["value"].as_array().expect("fields");
        assert!(!fields.is_empty());
        if name == "issue" {
            issue(object, href);
            return;
        }
        assert!(path_of(href).starts_with("/idp/idx/"), "{href}");
        assert_eq!(object["accepts"], "application/json; okta-version=1.0.0");
        assert_eq!(
            object["produces"],
            "application/ion+json; okta-version=1.0.0"
        );
        let last = fields.last().unwrap();
        let wanted = serde_json::json!({"name": "stateHandle", "required": true, "visible": false,
            "mutable": false, "value": state_handle.expect("a live document has a handle")});
        assert_eq!(*last, wanted, "{name}");
        if name == "poll" {
            assert!(object["refresh"].as_u64().is_some_and(|ms| ms >= 2_000));
        }
    });
}

/// What follows the org's own origin.
#[track_caller]
pub(super) fn path_of(href: &str) -> &str {
    let mut bases = [BASE, HTTPS_BASE].iter();
    let path = bases.find_map(|base| href.strip_prefix(base));
    path.expect("hrefs are ours")
}

/// The end of the flow (`idx-wire` §4.7).
fn issue(form: &Value, href: &str) {
    assert!(path_of(href).starts_with("/oauth2/"), "{href}");
    assert_eq!(form["accepts"], "application/x-www-form-urlencoded");
    let fields = form["value"].as_array().unwrap();
    let names: Vec<_> = fields.iter().map(|f| f["name"].as_str().unwrap()).collect();
    let public = [
        "grant_type",
        "interaction_code",
        "client_id",
        "code_verifier",
    ];
    let rest: Vec<_> = names
        .iter()
        .copied()
        .filter(|name| *name != "client_secret")
        .collect();
    assert_eq!(rest, public);
    assert!(fields.iter().all(|field| field["required"] == true));
}

fn remediations(document: &Value) {
    let Some(remediation) = document.get("remediation") else {
        return;
    };
    assert_eq!(remediation["type"], "array");
    let forms = remediation["value"].as_array().expect("a list");
    let names: Vec<_> = forms.iter().map(|f| f["name"].as_str().unwrap()).collect();
    let mut unique = names.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), names.len(), "{names:?}");
    for form in forms {
        let name = form["name"].as_str().unwrap();
        assert_eq!(
            RELATED.contains(&name),
            form.get("relatesTo").is_some(),
            "{name}"
        );
        if let Some(path) = form.get("relatesTo") {
            let path = path[0].as_str().expect("a list of one path");
            let target = resolve(document, path);
            assert!(target["value"]["id"].is_string(), "{name}: {path}");
        }
    }
    each_object(document, &mut |object| {
        for option in object["options"].as_array().into_iter().flatten() {
            self::option(document, option);
        }
    });
}

/// A choice: labelled, its target in the document, the id first (`idx-wire` §5.1).
fn option(document: &Value, option: &Value) {
    assert!(
        option["label"]
            .as_str()
            .is_some_and(|label| !label.is_empty())
    );
    let Some(fields) = option["value"]["form"]["value"].as_array() else {
        assert!(option["value"].is_string(), "{option}");
        return;
    };
    assert_eq!(fields[0]["name"], "id", "{option}");
    assert_eq!(fields[0]["mutable"], false, "{option}");
    assert_eq!(fields[0]["required"], true, "{option}");
    let id = fields[0]["value"].as_str().expect("a string");
    assert!(id.starts_with("aut") && id.len() == 20, "{id}");
    let target = resolve(
        document,
        option["relatesTo"].as_str().expect("a plain path"),
    );
    for member in ["key", "type", "id", "displayName", "methods"] {
        assert!(target.get(member).is_some(), "{member}: {target}");
    }
    assert_eq!(target["displayName"], option["label"]);
}

/// Resolves a path as auth-js does: words and numbers in brackets.
fn resolve<'a>(document: &'a Value, path: &str) -> &'a Value {
    let inner = path.strip_prefix("$.").unwrap_or_else(|| panic!("{path}"));
    let mut at = document;
    for part in inner.split(['.', '[', ']']).filter(|part| !part.is_empty()) {
        let next = match part.parse::<usize>() {
            Ok(index) => at.get(index),
            Err(_) => at.get(part),
        };
        at = next.unwrap_or_else(|| panic!("{path} leads nowhere in {document}"));
    }
    at
}

/// What goes together on a document.
fn whole(document: &Value) {
    let live = document.get("stateHandle").is_some();
    let success = document.get("successWithInteractionCode").is_some();
    let forms = document.get("remediation").is_some();
    assert_eq!(live, success || forms, "{document}");
    assert!(!(success && forms), "{document}");
    assert_eq!(document.get("cancel").is_some(), forms, "{document}");
    for name in ["expiresAt", "intent", "app"] {
        assert_eq!(document.get(name).is_some(), live, "{name}: {document}");
    }
    if live {
        assert_eq!(document["intent"], "LOGIN");
        let expires_at = document["expiresAt"].as_str().unwrap();
        assert_eq!(expires_at.len(), "2026-01-02T03:04:05.678Z".len());
        assert!(expires_at.ends_with('Z'), "{expires_at}");
        assert_eq!(document["app"]["value"]["name"], "oidc_client");
    }
    // Go takes it as "one page", and then needs the action (`idx-wire` §8.3).
    let first = document.pointer("/remediation/value/0/name");
    if first.is_some_and(|name| name == "identify")
        && document.get("currentAuthenticator").is_some()
    {
        assert!(
            document
                .pointer("/currentAuthenticator/value/recover")
                .is_some()
        );
    }
    for holder in [
        "currentAuthenticator",
        "currentAuthenticatorEnrollment",
        "recoveryAuthenticator",
        "user",
        "app",
    ] {
        if let Some(object) = document.get(holder) {
            assert_eq!(object["type"], "object", "{holder}");
        }
    }
}

#[test]
fn the_rules_notice_what_clients_break_on() {
    let dangling = serde_json::json!({"remediation": {"type": "array", "value": [
        {"name": "challenge-authenticator", "relatesTo": ["$.currentAuthenticatorEnrollment"]}]}});
    assert!(std::panic::catch_unwind(|| remediations(&dangling)).is_err());
    let null = serde_json::json!({"user": {"type": "object", "value": {"profile": null}}});
    assert!(std::panic::catch_unwind(|| no_null(&null, "$")).is_err());
    let untyped = serde_json::json!({"messages": {"value": [{"message": "x"}]}});
    assert!(std::panic::catch_unwind(|| messages_everywhere(&untyped)).is_err());
    let handleless = serde_json::json!({"rel": ["create-form"], "name": "cancel", "method": "POST",
        "href": format!("{BASE}/idp/idx/cancel"), "value": []});
    assert!(std::panic::catch_unwind(|| objects_with_rel(&handleless, Some("02x"))).is_err());
}
