//! What clients are strict about, on every document of every state (`idx-wire` §8, §10.6).

use crate::harness::*;
use regain_engine::{Input, Notice, Policy, SignInMode, SingleAuthenticator};
use serde_json::Value;

/// Every document that a person can come by, with and without messages.
fn every_document() -> Vec<(String, Value)> {
    let mut all = Vec::new();
    for mode in [SignInMode::OnePage, SignInMode::IdentifierFirst] {
        for single in [SingleAuthenticator::Select, SingleAuthenticator::Verify] {
            for prevention in [true, false] {
                let mut policy = Policy {
                    sign_in_mode: mode,
                    ..Policy::default()
                };
                policy.enumeration_prevention = prevention;
                policy.recovery.single_authenticator = single;
                policy.recovery.revoke_sessions = regain_engine::RevokeSessions::Ask;
                walk(&policy, &mut all);
                policy.recovery.proof_of_work = regain_engine::ProofOfWork::Always;
                work_page(&policy, &mut all);
            }
        }
    }
    all
}

fn walk(policy: &Policy, all: &mut Vec<(String, Value)>) {
    let mut shell = Shell::new(policy.clone());
    shell.begin(0);
    keep(&shell, "first page", &[], all);
    keep(
        &shell,
        "wrong password",
        &[Notice::AuthenticationFailed],
        all,
    );
    if policy.sign_in_mode == SignInMode::IdentifierFirst {
        shell.take(0, identify("alice"));
        keep(
            &shell,
            "password page",
            &[Notice::AuthenticationFailed],
            all,
        );
        shell.take(0, Input::Recover);
    } else {
        shell.take(0, Input::Recover);
        keep(&shell, "recover page", &[], all);
        shell.take(0, identify("alice"));
    }
    keep(&shell, "choice", &[], all);
    shell.take(0, select(&shell.email_id()));
    keep(&shell, "code page", &[], all);
    keep(&shell, "wrong code", &[Notice::CodeInvalid], all);
    keep(&shell, "too many", &[Notice::TooManyRequests], all);
    let code = shell.last_code();
    shell.take(0, answer(&code));
    keep(&shell, "new password", &[], all);
    keep(&shell, "common password", &[Notice::PasswordCommon], all);
    shell.take(0, answer(NEW_PASSWORD));
    keep(&shell, "success", &[], all);
}

fn work_page(policy: &Policy, all: &mut Vec<(String, Value)>) {
    let mut shell = Shell::new(policy.clone());
    shell.solves_work = true;
    shell.begin(0);
    if policy.sign_in_mode == SignInMode::IdentifierFirst {
        shell.take(0, identify("alice"));
        shell.take(0, Input::Recover);
    } else {
        shell.take(0, Input::Recover);
        shell.take(0, identify("alice"));
    }
    assert!(shell.flow(0).work.is_some());
    keep(&shell, "work", &[Notice::WorkNeeded], all);
}

fn keep(shell: &Shell, page: &str, notices: &[Notice], all: &mut Vec<(String, Value)>) {
    let document = serde_json::to_value(shell.document(0, notices)).unwrap();
    all.push((page.to_owned(), document));
}

fn visit(value: &Value, see: &mut impl FnMut(&Value)) {
    see(value);
    match value {
        Value::Object(members) => members.values().for_each(|member| visit(member, see)),
        Value::Array(list) => list.iter().for_each(|member| visit(member, see)),
        _ => {}
    }
}

/// `$.a.b[0]`, as auth-js reads it.
fn resolves(document: &Value, path: &str) -> bool {
    let mut at = document;
    for part in path.trim_start_matches("$.").split('.') {
        let (name, index) = match part.split_once('[') {
            Some((name, index)) => (
                name,
                Some(index.trim_end_matches(']').parse::<usize>().unwrap()),
            ),
            None => (part, None),
        };
        let next = at.get(name).and_then(|member| match index {
            Some(index) => member.get(index),
            None => Some(member),
        });
        match next {
            Some(next) => at = next,
            None => return false,
        }
    }
    true
}

#[test]
fn nothing_is_null_and_every_reference_resolves() {
    for (page, document) in every_document() {
        visit(&document, &mut |value| {
            assert!(!value.is_null(), "{page}: a null");
            let path = match value.get("relatesTo") {
                Some(Value::String(path)) => Some(path),
                Some(Value::Array(paths)) => paths[0].as_str().map(|_| match &paths[0] {
                    Value::String(path) => path,
                    _ => unreachable!(),
                }),
                _ => None,
            };
            if let Some(path) = path {
                assert!(resolves(&document, path), "{page}: {path}");
            }
        });
    }
}

#[test]
fn every_action_can_be_posted_by_every_client() {
    for (page, document) in every_document() {
        visit(&document, &mut |value| {
            let Some(rel) = value.get("rel") else { return };
            let name = value["name"].as_str().unwrap();
            assert!(!rel.as_array().unwrap().is_empty(), "{page}: {name}");
            assert_eq!(value["method"], "POST", "{page}: {name}");
            assert!(
                value["href"]
                    .as_str()
                    .unwrap()
                    .starts_with("https://id.example.com/")
            );
            assert!(
                value["accepts"].is_string(),
                "{page}: {name}: Go's content type"
            );
            let fields = value["value"].as_array().unwrap();
            let hidden = fields.last().unwrap();
            if name != "issue" {
                assert_eq!(hidden["name"], "stateHandle", "{page}: {name}");
                assert_eq!(hidden["value"], document["stateHandle"], "{page}: {name}");
                assert_eq!(hidden["mutable"], false, "{page}: {name}");
            }
        });
    }
}

#[test]
fn options_are_forms_with_the_id_first() {
    for (page, document) in every_document() {
        visit(&document, &mut |value| {
            let Some(options) = value.get("options").and_then(Value::as_array) else {
                return;
            };
            for option in options.iter().filter(|option| option["value"].is_object()) {
                let first = &option["value"]["form"]["value"][0];
                assert_eq!(first["name"], "id", "{page}");
                assert!(first["value"].is_string(), "{page}");
                assert!(
                    option["relatesTo"].is_string(),
                    "{page}: Java and Go want a string"
                );
                assert_eq!(option["label"], "Email", "{page}");
            }
        });
    }
}

#[test]
fn terminal_has_no_remediation() {
    for (page, document) in every_document() {
        let live = document.get("remediation").is_some();
        assert_eq!(live, document.get("cancel").is_some(), "{page}");
        assert_ne!(live, page == "success", "{page}");
        if live {
            assert!(
                !document["remediation"]["value"]
                    .as_array()
                    .unwrap()
                    .is_empty(),
                "{page}"
            );
            assert_eq!(document["remediation"]["type"], "array", "{page}");
        }
    }
}

#[test]
fn messages_stand_where_clients_look() {
    for (page, document) in every_document() {
        let first = &document["remediation"]["value"][0]["value"][0]["form"]["value"];
        let at_field = first
            .as_array()
            .into_iter()
            .flatten()
            .any(|field| field.get("messages").is_some_and(|m| m["type"] == "array"));
        match page.as_str() {
            "wrong code" | "common password" => {
                assert!(at_field && document.get("messages").is_none(), "{page}");
            }
            "wrong password" | "too many" => {
                assert!(
                    !at_field && document["messages"]["type"] == "array",
                    "{page}"
                );
            }
            _ => {}
        }
    }
}

#[test]
fn the_new_password_field_has_the_label_that_go_looks_for() {
    let documents = every_document();
    let (_, reset) = documents
        .iter()
        .find(|(page, _)| page == "new password")
        .unwrap();
    let form = &reset["remediation"]["value"][0]["value"][0]["form"]["value"];
    assert_eq!(form[0]["label"], "New password");
    assert_eq!(form[1]["label"], "Sign me out of all other devices");
    assert_eq!(reset["recoveryAuthenticator"]["value"]["type"], "password");
    assert!(reset["currentAuthenticator"]["value"]["settings"]["complexity"].is_object());
}

#[test]
fn waiting_documents_are_stable() {
    let mut shell = Shell::new(Policy::default());
    shell.walk_to_code_page(0, "alice");
    let first = serde_json::to_string(&shell.document(0, &[])).unwrap();
    shell.wait(8);
    assert!(matches!(shell.take(0, Input::Poll), Came::Shown(_)));
    assert_eq!(
        serde_json::to_string(&shell.document(0, &[])).unwrap(),
        first
    );
}
