//! `select-authenticator-authenticate` and `-enroll`: choose an authenticator.

use serde_json::{Map, Value};

use super::Base;
use super::method::{MethodChoice, method_choices};
use crate::document;
use crate::wire::idx::{Authenticator, FieldOption, RelatesTo};
use crate::{Error, Outcome};

/// Asks for an authenticator.
#[derive(Clone, Debug)]
pub struct SelectStep {
    pub(crate) base: Box<Base>,
    choices: Vec<Choice>,
}

/// What the authenticator is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SelectPurpose {
    /// Prove who you are.
    Authenticate,
    /// Set it up.
    Enroll,
}

/// One authenticator.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Choice {
    /// What names it in a form of the app: its key, or where several have the same key the id of
    /// its enrolment.
    pub value: String,
    /// `okta_email`, `phone_number`, …
    pub key: Option<String>,
    /// English name.
    pub label: String,
    /// The masked destination, where it may be shown.
    pub destination: Option<String>,
    /// How it can be used; one entry means that there is nothing to choose.
    pub methods: Vec<MethodChoice>,
    /// The authenticator's id (`aut…`).
    pub id: Option<String>,
    /// The id of the enrolment or authenticator that the option refers to.
    pub target_id: Option<String>,
    /// What has to be posted.
    sent: Map<String, Value>,
}

impl SelectStep {
    pub(super) fn new(base: Box<Base>) -> Self {
        let choices = Choice::all(&base);
        Self { base, choices }
    }

    /// What the authenticator is for.
    #[must_use]
    pub fn purpose(&self) -> SelectPurpose {
        match self.base.form.name.as_str() {
            "select-authenticator-enroll" => SelectPurpose::Enroll,
            _ => SelectPurpose::Authenticate,
        }
    }

    /// The authenticators, in the server's order.
    #[must_use]
    pub fn choices(&self) -> &[Choice] {
        &self.choices
    }

    /// Sends the choice: a [`Choice::value`].
    ///
    /// # Errors
    /// [`Error::UnknownInput`] when it is none of the choices, else as every call.
    pub async fn choose(self, value: &str) -> Result<Outcome, Error> {
        let choice = self.find(value)?;
        let mut values = Map::new();
        values.insert(
            "authenticator".to_owned(),
            Value::Object(choice.sent.clone()),
        );
        self.into_raw().submit(values).await
    }

    /// Sends the choice together with the method, `sms` for one.
    ///
    /// # Errors
    /// [`Error::UnknownInput`] when there is no such choice or method, else as every call.
    pub async fn choose_method(self, value: &str, method_type: &str) -> Result<Outcome, Error> {
        let choice = self.find(value)?;
        let sent = choice.with_method(method_type)?;
        let mut values = Map::new();
        values.insert("authenticator".to_owned(), sent);
        self.into_raw().submit(values).await
    }

    fn find(&self, value: &str) -> Result<&Choice, Error> {
        Choice::find(&self.choices, value)
    }
}

impl Choice {
    /// The choices of the form's field `authenticator`.
    pub(crate) fn all(base: &Base) -> Vec<Self> {
        let options = base
            .field("authenticator")
            .and_then(|field| field.options.as_deref());
        let mut choices: Vec<Self> = options
            .unwrap_or_default()
            .iter()
            .map(|option| Self::of(base, option))
            .collect();
        let keys: Vec<_> = choices.iter().map(|choice| choice.key.clone()).collect();
        for (index, choice) in choices.iter_mut().enumerate() {
            let is_alone = keys.iter().filter(|key| **key == choice.key).count() == 1;
            let enrollment = choice.sent.get("enrollmentId").and_then(Value::as_str);
            choice.value = match (&choice.key, enrollment.or(choice.target_id.as_deref())) {
                (Some(key), _) if is_alone => key.clone(),
                (_, Some(id)) => id.to_owned(),
                (_, None) => index.to_string(),
            };
        }
        // Ids may repeat as well; then only the place in the list tells the options apart.
        let values: Vec<_> = choices.iter().map(|choice| choice.value.clone()).collect();
        for (index, choice) in choices.iter_mut().enumerate() {
            if values
                .iter()
                .filter(|value| **value == choice.value)
                .count()
                > 1
            {
                choice.value = format!("{}:{index}", choice.value);
            }
        }
        choices
    }

    /// Finds a choice by its value, or by an id that belongs to it alone.
    pub(crate) fn find<'a>(choices: &'a [Self], value: &str) -> Result<&'a Self, Error> {
        if let Some(choice) = choices.iter().find(|choice| choice.value == value) {
            return Ok(choice);
        }
        let is_meant = |choice: &&Self| {
            let enrollment = choice.sent.get("enrollmentId").and_then(Value::as_str);
            [
                choice.id.as_deref(),
                choice.target_id.as_deref(),
                enrollment,
            ]
            .contains(&Some(value))
        };
        let mut found = choices.iter().filter(is_meant);
        match (found.next(), found.next()) {
            (Some(choice), None) => Ok(choice),
            _ => Err(Error::UnknownInput {
                key: value.to_owned(),
                expected: choices.iter().map(|choice| choice.value.clone()).collect(),
            }),
        }
    }

    /// What is posted for this choice.
    pub(crate) fn sent(&self) -> Value {
        Value::Object(self.sent.clone())
    }

    /// What is posted for this choice with a method.
    pub(crate) fn with_method(&self, method_type: &str) -> Result<Value, Error> {
        if !self
            .methods
            .iter()
            .any(|method| method.value == method_type)
        {
            return Err(Error::UnknownInput {
                key: method_type.to_owned(),
                expected: self
                    .methods
                    .iter()
                    .map(|method| method.value.clone())
                    .collect(),
            });
        }
        let mut sent = self.sent.clone();
        sent.insert("methodType".to_owned(), method_type.into());
        Ok(Value::Object(sent))
    }

    fn of(base: &Base, option: &FieldOption) -> Self {
        let target: Option<Authenticator> = option
            .relates_to
            .as_ref()
            .and_then(RelatesTo::path)
            .and_then(|path| document::related(&base.transaction.0.document, path));
        let fields = document::option_fields(option);
        // The required fields with a value are the id and, where a user has several, the
        // enrolment. A method with a fixed value is not required: the server knows it.
        let sent: Map<String, Value> = fields
            .iter()
            .filter(|field| field.name.as_deref() == Some("id") || field.required == Some(true))
            .filter_map(|field| Some((field.name.clone()?, field.value.clone()?)))
            .collect();
        let method = fields
            .iter()
            .find(|field| field.name.as_deref() == Some("methodType"));
        let target = target.unwrap_or_default();
        Self {
            value: String::new(),
            label: option
                .label
                .clone()
                .or(target.display_name.clone())
                .unwrap_or_default(),
            destination: destination(&target).map(str::to_owned),
            methods: method.map(method_choices).unwrap_or_default(),
            id: sent.get("id").and_then(Value::as_str).map(str::to_owned),
            key: target.key,
            target_id: target.id,
            sent,
        }
    }
}

/// The masked address or number of an enrolment.
pub(super) fn destination(authenticator: &Authenticator) -> Option<&str> {
    let profile = authenticator.profile.as_ref()?;
    profile.email.as_deref().or(profile.phone_number.as_deref())
}
