//! The document itself (§4.1, §4.2).

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::{Authenticator, Captcha, Form};

/// Every answer of `/idp/idx/*`, success or error.
///
/// Members that are absent are left out, never `null`: auth-js dereferences them.
///
/// A reader needs the forms and the messages; what stands around them only decorates a page. So
/// a user, an app or an authenticator of a shape that this version does not know is kept in
/// `extra` as it is, while a form of such a shape makes the document unreadable.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", remote = "Self")]
pub struct IdxResponse {
    /// Always `1.0.0`; clients know an IDX error by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The flow's handle; constant for the whole flow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_handle: Option<String>,
    /// When the flow ends, `2026-01-02T03:04:05.678Z`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// `LOGIN` in embedded flows, recovery included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<String>,
    /// What the user can do; the first one is what a page shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remediation: Option<Collection<Form>>,
    /// Messages about the whole page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messages: Option<Collection<Message>>,
    /// The org's authenticator in play.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_authenticator: Option<Object<Authenticator>>,
    /// The user's enrolment in play.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_authenticator_enrollment: Option<Object<Authenticator>>,
    /// The authenticator that is being enrolled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enrollment_authenticator: Option<Object<Authenticator>>,
    /// The password authenticator, while a password is being recovered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery_authenticator: Option<Object<Authenticator>>,
    /// The org's authenticators that this step can use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authenticators: Option<Collection<Authenticator>>,
    /// The user's enrolments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authenticator_enrollments: Option<Collection<Authenticator>>,
    /// The user; before a proof only what was typed (E-03).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Object<User>>,
    /// What has to be solved before a form goes through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub captcha: Option<Object<Captcha>>,
    /// Ends the flow and starts it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel: Option<Form>,
    /// The app that asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<Object<App>>,
    /// The end of an embedded flow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success_with_interaction_code: Option<Form>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Serialize for IdxResponse {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for IdxResponse {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut members = Map::deserialize(deserializer)?;
        let mut unknown = Map::new();
        set_aside::<Object<App>>(&mut members, "app", &mut unknown);
        set_aside::<Object<User>>(&mut members, "user", &mut unknown);
        set_aside::<Object<Captcha>>(&mut members, "captcha", &mut unknown);
        for name in [
            "currentAuthenticator",
            "currentAuthenticatorEnrollment",
            "enrollmentAuthenticator",
            "recoveryAuthenticator",
        ] {
            set_aside::<Object<Authenticator>>(&mut members, name, &mut unknown);
        }
        for name in ["authenticators", "authenticatorEnrollments"] {
            set_aside::<Collection<Authenticator>>(&mut members, name, &mut unknown);
        }
        let mut document = Self::deserialize(Value::Object(members)).map_err(D::Error::custom)?;
        document.extra.append(&mut unknown);
        Ok(document)
    }
}

/// Moves a member that is no `T` from one map to the other.
fn set_aside<T: DeserializeOwned>(
    members: &mut Map<String, Value>,
    name: &str,
    unknown: &mut Map<String, Value>,
) {
    if members
        .get(name)
        .is_some_and(|value| T::deserialize(value).is_err())
        && let Some(value) = members.remove(name)
    {
        unknown.insert(name.to_owned(), value);
    }
}

/// `{"type":"array","value":[…]}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Collection<T> {
    /// `array`.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The members.
    #[serde(default = "Vec::new")]
    pub value: Vec<T>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl<T> Collection<T> {
    /// Wraps a list.
    #[must_use]
    pub fn of(value: Vec<T>) -> Self {
        Self {
            kind: Some("array".to_owned()),
            value,
            extra: Map::new(),
        }
    }
}

/// `{"type":"object","value":{…}}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Object<T> {
    /// `object`.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The thing.
    pub value: T,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl<T> Object<T> {
    /// Wraps a thing.
    #[must_use]
    pub fn of(value: T) -> Self {
        Self {
            kind: Some("object".to_owned()),
            value,
            extra: Map::new(),
        }
    }
}

/// A message for the person at the page.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// English text; SDKs show it as it is.
    #[serde(default)]
    pub message: String,
    /// The key by which a client finds its own text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub i18n: Option<I18n>,
    /// How grave it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<MessageClass>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// The name of a message and what goes into it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct I18n {
    /// The protocol's key (§7).
    #[serde(default)]
    pub key: String,
    /// Strings, in order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub params: Option<Vec<Value>>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// How grave a message is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum MessageClass {
    /// Something was refused.
    Error,
    /// Something to know.
    Info,
    /// Something went well.
    Success,
    /// Something to look out for.
    Warning,
    /// A class that this version does not know.
    #[serde(untagged)]
    Other(String),
}

/// The user of a flow.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// `00u…`; absent before a proof.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// As typed before a proof, the stored login after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identifier: Option<String>,
    /// Absent before a proof.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<UserProfile>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// The few profile attributes that documents carry.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserProfile {
    /// Given name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_name: Option<String>,
    /// Family name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_name: Option<String>,
    /// IANA time zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// `en_US`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// The app that asked for the flow.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct App {
    /// `oidc_client`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The client id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}
