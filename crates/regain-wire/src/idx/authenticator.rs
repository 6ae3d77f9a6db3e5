//! Authenticators and enrolments as documents show them (§4.6).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Form;

/// An authenticator of the org, or a user's enrolment in one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Authenticator {
    /// Masked destination; absent before a proof (E-03).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<Profile>,
    /// Send the code again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resend: Option<Form>,
    /// Ask whether the proof came in elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poll: Option<Form>,
    /// Start password recovery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recover: Option<Form>,
    /// What this kind of authenticator needs besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contextual_data: Option<ContextualData>,
    /// `password`, `email`, `phone`, `app`, …
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// `okta_password`, `okta_email`, `phone_number`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// `aut…` for an authenticator, else the enrolment's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// English name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// How it can be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub methods: Option<Vec<Method>>,
    /// The password policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<PasswordSettings>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// One way of using an authenticator.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Method {
    /// `email`, `password`, `sms`, `voice`, …
    #[serde(default, rename = "type", skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// A masked destination.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// `a***e@example.com`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// `+1 XXX-XXX-0364`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<String>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// What an authenticator's page needs besides its form.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContextualData {
    /// Whether the mail has a link; the widget assumes true when it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub use_email_magic_link: Option<bool>,
    /// What an authenticator app reads, while it is set up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qrcode: Option<QrPicture>,
    /// The same as people type it: base32.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared_secret: Option<String>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// A picture within the document.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct QrPicture {
    /// Always `embedded`.
    pub method: String,
    /// A data URL.
    pub href: String,
    /// The picture's media type.
    #[serde(rename = "type")]
    pub kind: String,
}

/// The password policy as the widget's and the web app's live checklist reads it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PasswordSettings {
    /// What a password must hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complexity: Option<Complexity>,
    /// How often and how soon it may change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age: Option<Age>,
    /// Days until the password expires; only with the warning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days_to_expiry: Option<u32>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// Rules on the characters of a password. Zero, false and absent mean that a rule is off; the
/// server writes every one, because the Java client wants them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Complexity {
    /// Fewest characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_length: Option<u32>,
    /// Fewest lower-case letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_lower_case: Option<u32>,
    /// Fewest upper-case letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_upper_case: Option<u32>,
    /// Fewest digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_number: Option<u32>,
    /// Fewest symbols of ASCII punctuation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_symbol: Option<u32>,
    /// No part of the username of four characters or more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclude_username: Option<bool>,
    /// Profile attributes that must not occur: `firstName`, `lastName`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclude_attributes: Option<Vec<String>>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// Rules on a password's age.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Age {
    /// Minutes before a password may be changed again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_age_minutes: Option<u32>,
    /// How many earlier passwords cannot be used again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history_count: Option<u32>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}
