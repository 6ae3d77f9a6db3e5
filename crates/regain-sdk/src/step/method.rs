//! `authenticator-verification-data`: choose how to use the authenticator.

use serde_json::{Map, json};

use super::Base;
use crate::wire::idx::{Field, OptionValue};
use crate::{Error, Outcome};

/// Asks for a method: text message or call, or simply "send the mail".
#[derive(Clone, Debug)]
pub struct MethodStep {
    pub(crate) base: Box<Base>,
}

/// A way of using an authenticator.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MethodChoice {
    /// `email`, `sms`, `voice`, …
    pub value: String,
    /// What people call it.
    pub label: String,
}

impl MethodStep {
    /// The masked destination, where it may be shown.
    #[must_use]
    pub fn destination(&self) -> Option<&str> {
        super::select::destination(self.base.authenticator.as_ref()?)
    }

    /// The methods.
    #[must_use]
    pub fn choices(&self) -> Vec<MethodChoice> {
        self.base
            .nested("authenticator", "methodType")
            .map(method_choices)
            .unwrap_or_default()
    }

    /// Sends the chosen method.
    ///
    /// # Errors
    /// [`Error::UnknownInput`] when it is none of [`MethodStep::choices`], else as every call.
    pub async fn choose(self, method_type: &str) -> Result<Outcome, Error> {
        let choices = self.choices();
        if !choices.iter().any(|choice| choice.value == method_type) {
            return Err(Error::UnknownInput {
                key: method_type.to_owned(),
                expected: choices.into_iter().map(|choice| choice.value).collect(),
            });
        }
        let mut values = Map::new();
        values.insert(
            "authenticator".to_owned(),
            json!({ "methodType": method_type }),
        );
        self.into_raw().submit(values).await
    }
}

/// What a field `methodType` lets one choose: its options, or its fixed value.
pub(super) fn method_choices(field: &Field) -> Vec<MethodChoice> {
    let fixed = field.value.as_ref().and_then(|value| value.as_str());
    let fixed = fixed.map(|value| MethodChoice {
        value: value.to_owned(),
        label: field.label.clone().unwrap_or_else(|| value.to_owned()),
    });
    let options = field
        .options
        .iter()
        .flatten()
        .filter_map(|option| match &option.value {
            Some(OptionValue::Plain(value)) => Some(MethodChoice {
                value: value.as_str()?.to_owned(),
                label: option.label.clone().unwrap_or_default(),
            }),
            Some(OptionValue::Form { .. }) | None => None,
        });
    fixed.into_iter().chain(options).collect()
}
