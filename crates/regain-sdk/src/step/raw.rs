//! Any form, field by field.

use serde_json::{Map, Value};

use super::Base;
use crate::outcome::Message;
use crate::wire::idx::{Authenticator, Field, NestedForm};
use crate::{Error, Outcome, document};

/// A form as the server sent it: for steps that this version has no struct for, and for pages
/// that are drawn from the form.
#[derive(Clone, Debug)]
pub struct RawForm {
    pub(crate) base: Box<Base>,
}

impl RawForm {
    /// The remediation's or action's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.base.form.name
    }

    /// The transaction that the form belongs to.
    #[must_use]
    pub fn transaction(&self) -> &crate::Transaction {
        &self.base.transaction
    }

    /// Where it is posted; or for a form with method `GET`, where to send the browser.
    #[must_use]
    pub fn href(&self) -> Option<&str> {
        self.base.form.href.as_deref()
    }

    /// The HTTP method: `POST` unless the server says another.
    #[must_use]
    pub fn method(&self) -> &str {
        self.base.form.method.as_deref().unwrap_or("POST")
    }

    /// The fields that can be filled in. Those with a fixed value are not among them: they are
    /// sent by themselves.
    pub fn fields(&self) -> impl Iterator<Item = &Field> {
        self.base
            .form
            .value
            .iter()
            .flatten()
            .filter(|field| field.mutable != Some(false))
    }

    /// What the form is about.
    #[must_use]
    pub fn authenticator(&self) -> Option<&Authenticator> {
        self.base.authenticator.as_ref()
    }

    /// What the server says about its fields.
    #[must_use]
    pub fn messages(&self) -> Vec<Message> {
        document::messages(&self.base.transaction.0.document)
    }

    /// Posts the form. Fixed and preset values are added; everything in `values` must be a field
    /// of the form.
    ///
    /// # Errors
    /// [`Error::UnknownInput`] for a name that the form does not have, [`Error::MissingInput`]
    /// for a required field without a value, else as every call. A refusal by the server is no
    /// error: the outcome is `rejected`.
    pub async fn submit(self, values: Map<String, Value>) -> Result<Outcome, Error> {
        let fields = self.base.form.value.as_deref().unwrap_or_default();
        let mut missing = Vec::new();
        let body = fill(fields, values, "", &mut missing)?;
        if !missing.is_empty() {
            return Err(Error::MissingInput {
                step: self.name().to_owned(),
                fields: missing,
            });
        }
        let base = *self.base;
        base.client
            .clone()
            .post_form(base.transaction, &base.form, body)
            .await
    }
}

/// Completes `values` with what the form fixes and presets.
fn fill(
    fields: &[Field],
    mut values: Map<String, Value>,
    parent: &str,
    missing: &mut Vec<String>,
) -> Result<Map<String, Value>, Error> {
    let path_of = |name: &str| {
        if parent.is_empty() {
            name.to_owned()
        } else {
            format!("{parent}.{name}")
        }
    };
    let mut body = Map::new();
    for field in fields {
        let Some(name) = field.name.as_deref() else {
            continue;
        };
        let given = values.remove(name);
        let path = path_of(name);
        let is_required = field.required == Some(true);
        let missing_before = missing.len();
        let value = match (&field.form, field.mutable == Some(false)) {
            (Some(form), _) if field.options.is_none() => {
                nested(form, given, (&path, is_required), missing)?
            }
            (_, true) => Some(field.value.clone().unwrap_or_else(|| Value::from(""))),
            (_, false) => given.or_else(|| field.value.clone().filter(|value| !value.is_null())),
        };
        match value {
            Some(value) => drop(body.insert(name.to_owned(), value)),
            None if is_required && missing.len() == missing_before => missing.push(path),
            None => {}
        }
    }
    match values.keys().next() {
        Some(key) => Err(Error::UnknownInput {
            key: path_of(key),
            expected: fields
                .iter()
                .filter_map(|field| field.name.as_deref())
                .map(path_of)
                .collect(),
        }),
        None => Ok(body),
    }
}

/// The object of a field with a form of its own; `None` if there is nothing to put into it.
fn nested(
    form: &NestedForm,
    given: Option<Value>,
    (path, is_required): (&str, bool),
    missing: &mut Vec<String>,
) -> Result<Option<Value>, Error> {
    let given = match given {
        Some(Value::Object(members)) => members,
        Some(other) => return Ok(Some(other)),
        None => Map::new(),
    };
    let is_given = !given.is_empty();
    let mut missing_inside = Vec::new();
    let body = fill(&form.value, given, path, &mut missing_inside)?;
    // An optional object that is left out misses nothing.
    if is_given || is_required {
        missing.append(&mut missing_inside);
    }
    Ok((!body.is_empty()).then_some(Value::Object(body)))
}
