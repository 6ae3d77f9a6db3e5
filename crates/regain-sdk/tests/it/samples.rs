//! Recorded responses: nothing is lost, and each one leads somewhere.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use proptest::prelude::*;
use regain_sdk::wire::idx::IdxResponse;
use regain_sdk::{Error, State, Step};
use serde_json::Value;

use crate::support::{BASE, at, client, script, script_from};
use regain_sdk::testkit::documents;

const SAMPLES: usize = 70;

fn samples() -> BTreeMap<String, Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples");
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            let text = std::fs::read_to_string(&path).unwrap();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            all.insert(name, serde_json::from_str(&text).unwrap());
        }
    }
    all
}

/// The first place where two values differ.
fn difference(left: &Value, right: &Value, here: &str) -> Option<String> {
    match (left, right) {
        (Value::Object(left), Value::Object(right)) => {
            let names = left.keys().chain(right.keys());
            names
                .into_iter()
                .find_map(|name| match (left.get(name), right.get(name)) {
                    (Some(left), Some(right)) => difference(left, right, &format!("{here}/{name}")),
                    (left, right) => Some(format!("{here}/{name}: {left:?} or {right:?}")),
                })
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            let pairs = left.iter().zip(right).enumerate();
            let mut found =
                pairs.map(|(i, (left, right))| difference(left, right, &format!("{here}/{i}")));
            found.find_map(|found| found)
        }
        _ if left == right => None,
        _ => Some(format!("{here}: {left} or {right}")),
    }
}

#[test]
fn every_sample_decodes_and_encodes_to_the_same_value() {
    let samples = samples();
    assert!(samples.len() >= SAMPLES, "only {} samples", samples.len());
    let mut lost = Vec::new();
    for (name, sample) in samples {
        let document: IdxResponse =
            serde_json::from_value(sample.clone()).unwrap_or_else(|e| panic!("{name}: {e}"));
        let again = serde_json::to_value(document).unwrap();
        lost.extend(difference(&again, &sample, "").map(|it| format!("{name}{it}")));
    }
    assert_eq!(lost, [""; 0]);
}

/// Where a recording leads, in a few words.
async fn leads_to(name: &str, sample: Value) -> String {
    let script = script();
    script.answer("/v1/interact", 200, documents::interact());
    let status = match name
        .strip_prefix("error-")
        .and_then(|rest| rest.split_once('-'))
    {
        Some((status, _)) => status.parse().unwrap_or(400),
        None => 200,
    };
    script.answer("/idp/idx/introspect", status, sample);
    match client(&script).begin().exchange(false).start().await {
        Ok(outcome) => {
            let sign = if outcome.rejected { "refused " } else { "" };
            match outcome.state {
                State::Pending(step) => format!("{sign}{}", words(&step)),
                State::Success(grant) => {
                    let text = format!("{grant:?}");
                    format!("Success {}", text.split('(').next().unwrap())
                }
                State::Terminal(end) => {
                    let end_is = if end.succeeded { "good" } else { "bad" };
                    let code = if end.code.is_some() { " with code" } else { "" };
                    format!("Terminal {end_is}{code} {}", end.key.unwrap_or_default())
                }
                other => format!("{other:?}"),
            }
        }
        Err(Error::Expired { .. }) => "Expired".to_owned(),
        Err(Error::RateLimited { scope, .. }) => format!("RateLimited {}", scope.is_some()),
        Err(Error::Protocol(e)) => format!("Protocol {}", e.problem),
        Err(e) => format!("{e:?}"),
    }
}

fn words(step: &Step) -> String {
    let key = step.authenticator_key().unwrap_or("-");
    match step {
        Step::Identify(step) => format!("Identify password:{}", step.wants_password()),
        Step::SelectAuthenticator(step) => {
            let values = step.choices().iter().map(|choice| choice.value.as_str());
            format!(
                "{:?} of {}",
                step.purpose(),
                values.collect::<Vec<_>>().join(",")
            )
        }
        Step::ChooseMethod(step) => {
            let values = step.choices().into_iter().map(|choice| choice.value);
            format!(
                "ChooseMethod {key} {}",
                values.collect::<Vec<_>>().join(",")
            )
        }
        Step::EnterCode(step) => {
            let can = (step.can_resend(), step.poll_interval().is_some());
            format!(
                "EnterCode {key} {:?} resend:{} poll:{}",
                step.destination(),
                can.0,
                can.1
            )
        }
        Step::EnterPassword(step) => {
            format!("EnterPassword recover:{}", step.can_recover_password())
        }
        Step::SetPassword(step) => {
            let (min, skip) = (step.policy().complexity.min_length, step.can_skip());
            format!("SetPassword {:?} min:{min} skip:{skip}", step.reason())
        }
        other => format!("{} {key}", other.name()),
    }
}

#[tokio::test]
async fn every_sample_leads_to_its_state() {
    let mut found = String::new();
    for (name, sample) in samples() {
        writeln!(found, "{name}: {}", leads_to(&name, sample).await).unwrap();
    }
    let expected =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/states.txt"))
            .unwrap();
    assert_eq!(found, expected);
}

/// Any JSON, with names of the protocol now and then.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z$.\\[\\]0-9]{0,12}".prop_map(Value::from),
        prop::sample::select(WORDS).prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 96, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((prop::sample::select(WORDS), inner), 0..6).prop_map(|members| {
                members
                    .into_iter()
                    .map(|(k, v)| (k.to_owned(), v))
                    .collect()
            }),
        ]
    })
}

const WORDS: &[&str] = &[
    "authenticator",
    "challenge-authenticator",
    "credentials",
    "currentAuthenticator",
    "form",
    "href",
    "id",
    "identifier",
    "identify",
    "messages",
    "methodType",
    "name",
    "okta_email",
    "okta_password",
    "options",
    "passcode",
    "poll",
    "refresh",
    "rel",
    "relatesTo",
    "remediation",
    "required",
    "resend",
    "reset-authenticator",
    "select-authenticator-authenticate",
    "stateHandle",
    "successWithInteractionCode",
    "type",
    "value",
    "version",
    "1.0.0",
    "$.user",
    "key",
    "expiresAt",
    "i18n",
    "message",
    "settings",
    "complexity",
];

/// A recording with some of its members replaced by anything.
fn damaged() -> impl Strategy<Value = Value> {
    let all: Vec<Value> = samples().into_values().collect();
    let edits = prop::collection::vec((any::<prop::sample::Index>(), json()), 1..4);
    (prop::sample::select(all), edits).prop_map(|(mut sample, edits)| {
        for (index, value) in edits {
            let mut pointers = Vec::new();
            collect(&sample, "", &mut pointers);
            let pointer = index.get(&pointers).clone();
            *sample.pointer_mut(&pointer).unwrap() = value;
        }
        sample
    })
}

fn collect(value: &Value, here: &str, pointers: &mut Vec<String>) {
    pointers.push(here.to_owned());
    match value {
        Value::Array(list) => {
            for (index, one) in list.iter().enumerate() {
                collect(one, &format!("{here}/{index}"), pointers);
            }
        }
        Value::Object(members) => {
            for (name, one) in members {
                let name = name.replace('~', "~0").replace('/', "~1");
                collect(one, &format!("{here}/{name}"), pointers);
            }
        }
        _ => {}
    }
}

/// Walks over whatever a document offers; every way ends in a value, never in a panic.
fn survives(document: &Value) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let script = script_from(document.clone());
        let client = client(&script);
        let outcome = client
            .recover_password()
            .identifier("alice")
            .via("okta_email")
            .code("1")
            .new_password("x")
            .auto_select_single(true)
            .exchange(false)
            .start()
            .await;
        if let Ok(outcome) = outcome {
            let text = format!("{outcome:?}");
            assert!(!text.is_empty());
            let transaction = outcome.transaction.clone();
            for name in transaction.offers() {
                drop(
                    client
                        .form(&transaction, name)
                        .unwrap()
                        .submit(serde_json::Map::new())
                        .await,
                );
            }
            let answer = regain_sdk::Answer::from_form([("passcode", "1"), ("username", "a")]);
            drop(client.proceed(transaction.clone(), answer).await);
            drop(client.resume(transaction));
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_json_document_is_survived(document in json()) {
        survives(&document);
    }

    #[test]
    fn a_damaged_document_is_survived(document in damaged()) {
        survives(&document);
    }
}

#[tokio::test]
async fn a_page_that_was_stored_says_the_same_again() {
    let (_, client, outcome) = at(documents::code_page(BASE)).await;
    let again = client.resume(outcome.transaction.clone()).unwrap();
    assert_eq!(again.features, outcome.features);
    assert_eq!(again.step().unwrap().name(), outcome.step().unwrap().name());
}
