//! From the names of an app's form to the members of a request body.

use serde_json::{Map, Value, json};

use super::flag;
use crate::step::Choice;
use crate::wire::idx::Field;
use crate::{Conflict, Error, RawForm, document};

/// Names that are known, with the places on the wire that they can mean, in order.
/// Source: `client-sdk` reference §5.
const NAMES: [(&str, &[&str]); 28] = [
    ("answer", &["credentials.answer"]),
    ("attestation", &["credentials.attestation"]),
    ("authenticator", &["authenticator"]),
    ("authenticatorData", &["credentials.authenticatorData"]),
    ("authenticators", &["authenticator"]),
    ("channel", &["authenticator.channel"]),
    ("clientData", &["credentials.clientData"]),
    ("credentials", &["credentials"]),
    ("email", &["email", "userProfile.email"]),
    ("firstName", &["userProfile.firstName"]),
    ("identifier", &["identifier"]),
    ("lastName", &["userProfile.lastName"]),
    ("methodType", &["authenticator.methodType"]),
    ("newPassword", &["credentials.passcode"]),
    ("otp", &["credentials.passcode"]),
    ("passcode", &["credentials.passcode"]),
    ("password", &["credentials.passcode"]),
    ("phoneNumber", &["authenticator.phoneNumber", "phoneNumber"]),
    ("question", &["credentials.question"]),
    ("questionKey", &["credentials.questionKey"]),
    ("rememberMe", &["rememberMe"]),
    ("revokeSessions", &["credentials.revokeSessions"]),
    ("signatureData", &["credentials.signatureData"]),
    ("transports", &["credentials.transports"]),
    ("username", &["identifier"]),
    ("userProfile", &["userProfile"]),
    (
        "verificationCode",
        &["credentials.passcode", "credentials.totp"],
    ),
    ("consent", &["consent"]),
];

/// Names that mean something at the beginning of a flow only.
const NAMES_OF_START: [&str; 13] = [
    "acrValues",
    "activationToken",
    "codeChallenge",
    "codeChallengeMethod",
    "enableLegacyMode",
    "maxAge",
    "nonce",
    "recoveryToken",
    "remediators",
    "scopes",
    "shouldProceedWithEmailAuthenticator",
    "useGenericRemediator",
    "withCredentials",
];

/// Fits values into one form.
pub(super) struct Resolver<'a> {
    form: &'a RawForm,
    fields: &'a [Field],
}

impl<'a> Resolver<'a> {
    pub(super) fn new(form: &'a RawForm) -> Self {
        Self {
            form,
            fields: form.base.form.value.as_deref().unwrap_or_default(),
        }
    }

    /// The body of the request, without what the form adds by itself.
    pub(super) fn resolve(&self, values: &[(String, Value)]) -> Result<Map<String, Value>, Error> {
        let mut placed: Vec<(&str, String, Value)> = Vec::new();
        for (key, value) in values {
            let is_empty = value.is_null() || value.as_str() == Some("");
            let path = match self.path_of(key) {
                Ok(_) | Err(Error::NotAskedNow { .. }) if is_empty => continue,
                path => path?,
            };
            let value = self.typed(key, &path, value)?;
            match placed.iter().find(|(_, other, _)| *other == path) {
                Some((_, _, other)) if *other == value => {}
                Some((first, _, _)) => {
                    let (first, second) = ((*first).to_owned(), key.clone());
                    return Err(Conflict::Values { first, second }.into());
                }
                None => placed.push((key, path, value)),
            }
        }
        self.body(placed)
    }

    /// The place on the wire that a name means in this form.
    fn path_of(&self, key: &str) -> Result<String, Error> {
        if let Some((_, paths)) = NAMES.iter().find(|(name, _)| *name == key) {
            let path = paths.iter().find(|path| self.has(path) && self.suits(key));
            return path
                .map(|path| (*path).to_owned())
                .ok_or_else(|| self.not_asked(key));
        }
        if NAMES_OF_START.contains(&key) {
            return Err(self.not_asked(key));
        }
        let attribute = format!("userProfile.{key}");
        if self.has(key) {
            Ok(key.to_owned())
        } else if self.has(&attribute) {
            Ok(attribute)
        } else {
            let expected = self.expected();
            Err(Error::UnknownInput {
                key: key.to_owned(),
                expected,
            })
        }
    }

    fn not_asked(&self, key: &str) -> Error {
        Error::NotAskedNow {
            key: key.to_owned(),
            step: self.form.name().to_owned(),
        }
    }

    /// Whether a name for passcodes suits the kind of passcode that the form wants: a new
    /// password is never sent to a challenge, and a code never to a password field.
    fn suits(&self, key: &str) -> bool {
        let name = self.form.name();
        let authenticator = self
            .form
            .base
            .authenticator
            .as_ref()
            .and_then(|a| a.key.as_deref());
        let sets_password = name.starts_with("reset-") || name.starts_with("reenroll-");
        let takes_password = sets_password
            || matches!(name, "identify" | "enroll-profile")
            || authenticator == Some("okta_password");
        match key {
            "password" => takes_password,
            "newPassword" => sets_password,
            "verificationCode" => !takes_password,
            "otp" => !takes_password && authenticator != Some("okta_verify"),
            _ => true,
        }
    }

    /// Whether the form has a field at this place.
    fn has(&self, path: &str) -> bool {
        let (name, inner) = path.split_once('.').unwrap_or((path, ""));
        let Some(field) = self
            .fields
            .iter()
            .find(|field| field.name.as_deref() == Some(name))
        else {
            return false;
        };
        let is_named = |field: &Field| field.name.as_deref() == Some(inner);
        let in_form = || field.form.iter().flat_map(|form| &form.value).any(is_named);
        let in_options = || {
            let options = field.options.iter().flatten();
            options.flat_map(document::option_fields).any(is_named)
        };
        !path.contains('.') || in_form() || in_options()
    }

    /// The names that this form takes.
    fn expected(&self) -> Vec<String> {
        let names = NAMES.iter().map(|(name, _)| *name);
        let known = names
            .filter(|name| self.path_of(name).is_ok())
            .map(str::to_owned);
        let plain = self.form.fields().filter_map(|field| field.name.clone());
        let mut all: Vec<String> = known.chain(plain).collect();
        all.sort();
        all.dedup();
        all
    }

    /// The value in the type of its field.
    fn typed(&self, key: &str, path: &str, value: &Value) -> Result<Value, Error> {
        let is_boolean = self.kind(path) == Some("boolean");
        match (path, value) {
            _ if is_boolean => flag(key, value).map(Value::Bool),
            ("authenticator", value) => self.authenticator(key, value),
            ("credentials" | "userProfile", Value::String(text)) => serde_json::from_str(text)
                .ok()
                .filter(Value::is_object)
                .ok_or_else(|| Error::UnknownInput {
                    key: key.to_owned(),
                    expected: vec!["a JSON object".to_owned()],
                }),
            (_, Value::String(code)) if matches!(key, "verificationCode" | "otp") => Ok(code
                .chars()
                .filter(|c| !c.is_whitespace())
                .collect::<String>()
                .into()),
            (_, value) => Ok(value.clone()),
        }
    }

    fn kind(&self, path: &str) -> Option<&str> {
        let (name, inner) = path.split_once('.').unwrap_or((path, ""));
        let field = self
            .fields
            .iter()
            .find(|field| field.name.as_deref() == Some(name))?;
        if inner.is_empty() {
            return field.kind.as_deref();
        }
        let fields = &field.form.as_ref()?.value;
        fields
            .iter()
            .find(|field| field.name.as_deref() == Some(inner))?
            .kind
            .as_deref()
    }

    /// A key, an id, an object, or a list of these in the order of preference.
    fn authenticator(&self, key: &str, value: &Value) -> Result<Value, Error> {
        let choices = Choice::all(&self.form.base);
        match value {
            Value::Object(members) if members.contains_key("id") => {
                let mut literal = members.clone();
                literal.remove("key");
                Ok(Value::Object(literal))
            }
            Value::Object(members) => {
                let name = members
                    .get("key")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                let mut sent = Choice::find(&choices, name)?.sent();
                for extra in ["methodType", "phoneNumber", "channel"] {
                    if let (Some(value), Some(sent)) = (members.get(extra), sent.as_object_mut()) {
                        sent.insert(extra.to_owned(), value.clone());
                    }
                }
                Ok(sent)
            }
            Value::Array(list) => {
                let mut found = list
                    .iter()
                    .filter_map(|one| self.authenticator(key, one).ok());
                found.next().ok_or_else(|| Error::UnknownInput {
                    key: key.to_owned(),
                    expected: choices.iter().map(|choice| choice.value.clone()).collect(),
                })
            }
            value => Ok(Choice::find(&choices, value.as_str().unwrap_or_default())?.sent()),
        }
    }

    /// Puts the values into one object.
    fn body(&self, mut placed: Vec<(&str, String, Value)>) -> Result<Map<String, Value>, Error> {
        // Whole objects first, so that single members are added to them.
        placed.sort_by_key(|(_, path, _)| path.contains('.'));
        let mut body = Map::new();
        for (key, path, value) in placed {
            match path.split_once('.') {
                None => {
                    body.insert(path, value);
                }
                Some((outer, inner)) => {
                    let object = body.entry(outer).or_insert_with(|| json!({}));
                    let Value::Object(members) = object else {
                        return Err(self.not_asked(key));
                    };
                    members.insert(inner.to_owned(), value);
                }
            }
        }
        if let Some(Value::Object(credentials)) = body.get_mut("credentials")
            && credentials.contains_key("question")
        {
            credentials
                .entry("questionKey")
                .or_insert_with(|| "custom".into());
        }
        Ok(body)
    }
}
