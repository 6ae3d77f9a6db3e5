//! Actions and remediations: what the client may post next, field by field (§4.3 to §4.5).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Collection, Message};

/// A `rel` object: a remediation, an action such as `cancel`, or the final `issue` form.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Form {
    /// Non-empty, or auth-js makes no action of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rel: Vec<String>,
    /// The remediation's or action's name.
    #[serde(default)]
    pub name: String,
    /// Where on the document the thing stands that this form is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relates_to: Option<RelatesTo>,
    /// Absolute URL to post to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub href: Option<String>,
    /// Upper-case HTTP method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Media type of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub produces: Option<String>,
    /// Polling interval in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh: Option<u64>,
    /// The fields, the hidden state handle last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Vec<Field>>,
    /// Media type of the request; the Go client sends it as its `Content-Type`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepts: Option<String>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// A reference into the document: remediations carry a list of one path, options a plain path.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RelatesTo {
    /// `["$.currentAuthenticator"]`.
    List(Vec<String>),
    /// `"$.authenticators.value[0]"`.
    Path(String),
}

impl RelatesTo {
    /// The path that clients resolve: the first of the list.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::List(paths) => paths.first().map(String::as_str),
            Self::Path(path) => Some(path),
        }
    }
}

/// One field of a form.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Field {
    /// The member of the request body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// English label; Go and gen3 match some of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// `string` when absent; `object` for fields with a form or options.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// False when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required: Option<bool>,
    /// A preset value; with `mutable: false` the client sends it back as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// True when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visible: Option<bool>,
    /// True when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mutable: Option<bool>,
    /// Show it as a password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<bool>,
    /// Shortest value that clients accept, in characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_length: Option<u32>,
    /// Longest value that clients accept, in characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_length: Option<u32>,
    /// `captcha` or `webauthn`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Nested fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<NestedForm>,
    /// Choices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub options: Option<Vec<FieldOption>>,
    /// Where on the document the field's subject stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relates_to: Option<RelatesTo>,
    /// What was wrong with this field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messages: Option<Collection<Message>>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// The fields below an object field.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NestedForm {
    /// The nested fields.
    #[serde(default)]
    pub value: Vec<Field>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// One choice of a field.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldOption {
    /// English label; the Go client finds authenticators by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// A scalar, or a form whose first field is `id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<OptionValue>,
    /// What the choice stands for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relates_to: Option<RelatesTo>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// The value of a choice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OptionValue {
    /// `{"form":{"value":[…]}}`.
    Form {
        /// The fields that the choice sends.
        form: NestedForm,
    },
    /// A plain value, or a shape that this version does not know.
    Plain(Value),
}
