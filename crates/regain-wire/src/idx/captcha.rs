//! `captcha`: what the client has to solve before the form goes through (§4.1).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Form;

/// A captcha; the field `captchaVerify` of a form relates to it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Captcha {
    /// Names it; another one makes the widget draw its page anew.
    pub id: String,
    /// For people.
    #[serde(default)]
    pub name: String,
    /// `ALTCHA`, `HCAPTCHA` or `RECAPTCHA_V2`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The account at the captcha's provider; ALTCHA needs none.
    #[serde(default)]
    pub site_key: String,
    /// Where an ALTCHA challenge is fetched. Without `rel`: it is no action of the document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub challenge_url_form: Option<Form>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}
