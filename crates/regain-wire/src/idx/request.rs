//! What clients post to `/idp/idx/*` (§3). Members that are not listed are ignored.

use serde::{Deserialize, Serialize};

/// `introspect`: by interaction handle, or by state handle (auth-js calls it `stateToken`).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IntrospectRequest {
    /// From `/v1/interact`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interaction_handle: Option<String>,
    /// A state handle, under auth-js' name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_token: Option<String>,
    /// A state handle, under its own name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_handle: Option<String>,
}

/// Calls without fields: `recover`, `challenge/resend`, `challenge/poll`, `cancel`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HandleRequest {
    /// Which flow.
    pub state_handle: String,
}

/// `identify`, for sign-in and for recovery.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IdentifyRequest {
    /// Which flow.
    pub state_handle: String,
    /// What the user typed.
    pub identifier: String,
    /// The password, where the form asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<Credentials>,
    /// Java sends it with every identify.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remember_me: Option<bool>,
    /// A solved captcha, where the form asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub captcha_verify: Option<CaptchaAnswer>,
}

/// A solved captcha.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CaptchaAnswer {
    /// Which captcha, as the client calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub captcha_id: Option<String>,
    /// The solution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub captcha_token: Option<String>,
}

/// `challenge`: choose an authenticator.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChallengeRequest {
    /// Which flow.
    pub state_handle: String,
    /// Which authenticator.
    pub authenticator: AuthenticatorChoice,
}

/// The chosen authenticator.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthenticatorChoice {
    /// The authenticator's id (`aut…`).
    pub id: String,
    /// How to use it; Java sends odd values, which count as absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method_type: Option<String>,
    /// Which enrolment, where a user has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enrollment_id: Option<String>,
}

/// `challenge/answer`: the proof, or the new password.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AnswerRequest {
    /// Which flow.
    pub state_handle: String,
    /// What was typed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<Credentials>,
}

/// The answer to a challenge.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Credentials {
    /// A code or a password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passcode: Option<String>,
    /// "Sign me out of all other devices".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoke_sessions: Option<bool>,
}

impl std::fmt::Debug for Credentials {
    /// Shows which members are there, never what they hold.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("passcode", &self.passcode.as_ref().map(|_| "…"))
            .field("revoke_sessions", &self.revoke_sessions)
            .finish()
    }
}
