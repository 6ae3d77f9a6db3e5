//! Reading an IDX document: its forms, its references, its messages.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::outcome::{Idp, Message};
use crate::wire::idx::{
    Authenticator, Field, FieldOption, Form, IdxResponse, MessageClass, OptionValue,
};

/// The remediations, in the server's order.
pub(crate) fn remediations(document: &IdxResponse) -> &[Form] {
    document
        .remediation
        .as_ref()
        .map_or(&[], |list| &list.value)
}

/// The first remediation with this name.
pub(crate) fn remediation<'a>(document: &'a IdxResponse, name: &str) -> Option<&'a Form> {
    remediations(document).iter().find(|form| form.name == name)
}

/// An action of the authenticator in play (`resend`, `poll`, `recover`), or a remediation or the
/// `cancel` of that name.
pub(crate) fn action<'a>(document: &'a IdxResponse, name: &str) -> Option<&'a Form> {
    if name == "cancel" {
        return document.cancel.as_ref();
    }
    in_play(document)
        .into_iter()
        .find_map(|authenticator| match name {
            "resend" => authenticator.resend.as_ref(),
            "poll" => authenticator.poll.as_ref(),
            "recover" => authenticator.recover.as_ref(),
            _ => None,
        })
        .or_else(|| remediation(document, name))
}

/// The form that asks whether something has happened elsewhere.
pub(crate) fn poll(document: &IdxResponse) -> Option<&Form> {
    ["poll", "challenge-poll", "enroll-poll"]
        .into_iter()
        .find_map(|name| action(document, name))
}

/// The enrolment in play, then the authenticator in play.
pub(crate) fn in_play(document: &IdxResponse) -> Vec<&Authenticator> {
    [
        &document.current_authenticator_enrollment,
        &document.current_authenticator,
    ]
    .into_iter()
    .filter_map(|object| object.as_ref().map(|object| &object.value))
    .collect()
}

/// The names of everything that is offered.
pub(crate) fn offers(document: &IdxResponse) -> Vec<&str> {
    let mut names: Vec<&str> = remediations(document)
        .iter()
        .map(|form| form.name.as_str())
        .collect();
    for name in ["resend", "poll", "recover", "cancel"] {
        if action(document, name).is_some() && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// The value of the hidden state field of a form, else of the document: the form's own wins,
/// because servers may give a form another handle.
pub(crate) fn state_handle<'a>(document: &'a IdxResponse, form: &'a Form) -> Option<&'a str> {
    form.value
        .iter()
        .flatten()
        .find(|field| field.name.as_deref() == Some("stateHandle"))
        .and_then(|field| field.value.as_ref()?.as_str())
        .or(document.state_handle.as_deref())
}

/// The interaction code of a finished flow.
pub(crate) fn interaction_code(document: &IdxResponse) -> Option<&str> {
    document
        .success_with_interaction_code
        .as_ref()?
        .value
        .iter()
        .flatten()
        .find(|field| field.name.as_deref() == Some("interaction_code"))
        .and_then(|field| field.value.as_ref()?.as_str())
}

/// Where a hosted flow that is finished sends the browser.
pub(crate) fn success_redirect(document: &IdxResponse) -> Option<&str> {
    let older = document
        .extra
        .get("success")
        .and_then(|success| success.get("href")?.as_str());
    older.or_else(|| remediation(document, "success-redirect")?.href.as_deref())
}

/// What a form or an option is about.
pub(crate) fn related<T: DeserializeOwned>(document: &IdxResponse, path: &str) -> Option<T> {
    let root = serde_json::to_value(document).ok()?;
    let found = resolve(&root, path)?;
    // A path to a wrapper means the thing in it.
    let thing = match (
        found.get("type").and_then(Value::as_str),
        found.get("value"),
    ) {
        (Some("object"), Some(value)) => value,
        _ => found,
    };
    serde_json::from_value(thing.clone()).ok()
}

/// Every path of the document that leads nowhere.
pub(crate) fn dangling_reference(document: &IdxResponse) -> Option<String> {
    let mut paths = BTreeSet::new();
    for form in remediations(document) {
        paths.extend(form.relates_to.as_ref().and_then(|r| r.path()));
        collect_paths(form.value.as_deref().unwrap_or_default(), &mut paths);
    }
    if paths.is_empty() {
        return None;
    }
    let root = serde_json::to_value(document).ok()?;
    paths
        .into_iter()
        .find(|path| resolve(&root, path).is_none())
        .map(str::to_owned)
}

fn collect_paths<'a>(fields: &'a [Field], paths: &mut BTreeSet<&'a str>) {
    for field in fields {
        paths.extend(field.relates_to.as_ref().and_then(|r| r.path()));
        if let Some(form) = &field.form {
            collect_paths(&form.value, paths);
        }
        for option in field.options.iter().flatten() {
            paths.extend(option.relates_to.as_ref().and_then(|r| r.path()));
            collect_paths(option_fields(option), paths);
        }
    }
}

/// The fields that an option sends.
pub(crate) fn option_fields(option: &FieldOption) -> &[Field] {
    match &option.value {
        Some(OptionValue::Form { form }) => &form.value,
        Some(OptionValue::Plain(_)) | None => &[],
    }
}

/// Follows `$.authenticators.value[0]`: words and indices, as the vendor's clients read it.
fn resolve<'a>(root: &'a Value, path: &str) -> Option<&'a Value> {
    let mut here = root;
    for part in path
        .strip_prefix('$')?
        .split(['.', '[', ']'])
        .filter(|part| !part.is_empty())
    {
        here = match (here, part.parse::<usize>()) {
            (Value::Array(list), Ok(index)) => list.get(index)?,
            (Value::Object(members), _) => members.get(part)?,
            _ => return None,
        };
    }
    Some(here)
}

/// All messages: those about the page, then those at fields. The same key with the same text
/// comes once.
pub(crate) fn messages(document: &IdxResponse) -> Vec<Message> {
    let mut all = Vec::new();
    for message in document.messages.iter().flat_map(|list| &list.value) {
        push(&mut all, message, None);
    }
    for form in remediations(document) {
        field_messages(form.value.as_deref().unwrap_or_default(), "", &mut all);
    }
    all
}

fn field_messages(fields: &[Field], parent: &str, all: &mut Vec<Message>) {
    for field in fields {
        let name = field.name.as_deref().unwrap_or_default();
        let path = match (parent, name) {
            ("", _) => name.to_owned(),
            (_, "") => parent.to_owned(),
            _ => format!("{parent}.{name}"),
        };
        for message in field.messages.iter().flat_map(|list| &list.value) {
            push(all, message, Some(&path));
        }
        if let Some(form) = &field.form {
            field_messages(&form.value, &path, all);
        }
        for option in field.options.iter().flatten() {
            field_messages(option_fields(option), &path, all);
        }
    }
}

fn push(all: &mut Vec<Message>, wire: &crate::wire::idx::Message, field: Option<&str>) {
    let i18n = wire.i18n.as_ref();
    let message = Message {
        text: wire.message.clone(),
        class: wire.class.clone().unwrap_or(MessageClass::Info),
        key: i18n
            .map(|i18n| i18n.key.clone())
            .filter(|key| !key.is_empty()),
        params: i18n
            .iter()
            .flat_map(|i18n| i18n.params.iter().flatten())
            .map(as_text)
            .collect(),
        field: field.map(str::to_owned),
    };
    let is_known = all
        .iter()
        .any(|other: &Message| other.key == message.key && other.text == message.text);
    if !is_known {
        all.push(message);
    }
}

fn as_text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

impl Idp {
    pub(crate) fn of(form: &Form) -> Self {
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let idp = form.extra.get("idp");
        Self {
            id: text(idp.and_then(|idp| idp.get("id"))),
            name: text(idp.and_then(|idp| idp.get("name"))),
            kind: text(form.extra.get("type")),
            href: form.href.clone().unwrap_or_default(),
        }
    }
}
