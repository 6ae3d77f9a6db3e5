//! What an org decides: how people sign in, how they recover, what a password must be.

pub(crate) mod password;

use serde::{Deserialize, Serialize};

use crate::authenticators::{AuthenticatorKey, email, password as password_authenticator, totp};
use password::PasswordRules;

/// Everything that the engine asks of an org's settings.
#[derive(Clone, Debug)]
pub struct Policy {
    /// One page with the password, or the name first.
    pub sign_in_mode: SignInMode,
    /// Whether unknown and known people get the same answers (promise 3). On by default.
    pub enumeration_prevention: bool,
    /// What a password must be.
    pub password: PasswordRules,
    /// What signing in takes.
    pub sign_in: SignInPolicy,
    /// What people set up to prove with.
    pub enrollment: EnrollmentPolicy,
    /// How a password is recovered.
    pub recovery: RecoveryPolicy,
    /// The e-mail authenticator.
    pub email: EmailPolicy,
    /// How often something may be tried.
    pub limits: Limits,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            sign_in_mode: SignInMode::OnePage,
            enumeration_prevention: true,
            password: PasswordRules::default(),
            sign_in: SignInPolicy::default(),
            enrollment: EnrollmentPolicy::default(),
            recovery: RecoveryPolicy::default(),
            email: EmailPolicy::default(),
            limits: Limits::default(),
        }
    }
}

/// The first page of sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignInMode {
    /// Only the name; the password comes on the next page.
    IdentifierFirst,
    /// Name and password together.
    OnePage,
}

/// What signing in takes.
#[derive(Clone, Debug)]
pub struct SignInPolicy {
    /// What a sign-in begins with after the name, best first. On one page with the name it is the
    /// password.
    pub first_factors: Vec<AuthenticatorKey>,
    /// What is asked for after the password, best first, from whoever has enrolled it.
    pub second_factors: Vec<AuthenticatorKey>,
}

impl Default for SignInPolicy {
    fn default() -> Self {
        Self {
            first_factors: vec![AuthenticatorKey::of(&password_authenticator::DESCRIPTOR)],
            second_factors: vec![AuthenticatorKey::of(&totp::DESCRIPTOR)],
        }
    }
}

/// What people set up to prove with, after the password and before the app. What they prove with
/// already is not offered again.
#[derive(Clone, Debug, Default)]
pub struct EnrollmentPolicy {
    /// What everybody must have, in the order in which it is listed.
    pub required: Vec<AuthenticatorKey>,
    /// What is offered, and may be left for another time.
    pub optional: Vec<AuthenticatorKey>,
}

/// How a password is recovered.
#[derive(Clone, Debug)]
pub struct RecoveryPolicy {
    /// What may start a recovery, best first.
    pub authenticators: Vec<AuthenticatorKey>,
    /// What is shown when there is only one of them.
    pub single_authenticator: SingleAuthenticator,
    /// Whether the new password signs in at once.
    pub auto_sign_in: bool,
    /// Whether the other sessions end.
    pub revoke_sessions: RevokeSessions,
    /// When the start of a recovery costs proof of work.
    pub proof_of_work: ProofOfWork,
}

impl Default for RecoveryPolicy {
    fn default() -> Self {
        Self {
            authenticators: vec![AuthenticatorKey::of(&email::DESCRIPTOR)],
            single_authenticator: SingleAuthenticator::Select,
            auto_sign_in: true,
            revoke_sessions: RevokeSessions::Always,
            proof_of_work: ProofOfWork::WhenNeeded,
        }
    }
}

/// The page after the name was typed, where one authenticator is all there is (design §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SingleAuthenticator {
    /// The choice, with one entry.
    Select,
    /// "May we send you a mail?"
    Verify,
}

/// Whether a recovery ends the user's other sessions (S-01).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevokeSessions {
    /// It does; the form does not ask.
    Always,
    /// The form asks.
    Ask,
}

impl RevokeSessions {
    /// Whether they end, given what was asked for.
    pub(crate) fn revokes(self, asked: Option<bool>) -> bool {
        match self {
            Self::Always => true,
            Self::Ask => asked.unwrap_or(false),
        }
    }
}

/// When the start of a recovery costs proof of work (M-03).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProofOfWork {
    /// At each start; clients that cannot do it recover nothing.
    Always,
    /// Never: who is beyond a limit is refused.
    Never,
    /// When a budget of the name is spent, instead of a refusal.
    WhenNeeded,
}

/// The e-mail authenticator.
#[derive(Clone, Copy, Debug)]
pub struct EmailPolicy {
    /// Digits of a code, 6 to 12.
    pub code_length: u8,
    /// How long a code lives, in seconds.
    pub code_ttl_seconds: i64,
}

impl Default for EmailPolicy {
    fn default() -> Self {
        Self {
            code_length: 6,
            code_ttl_seconds: 5 * 60,
        }
    }
}

/// How often something may be tried, in one flow and over all of them.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Wrong answers to one challenge (C-04).
    pub wrong_answers_per_challenge: u32,
    /// Wrong answers to all challenges of a flow (C-05).
    pub wrong_answers_per_flow: u32,
    /// Wrong answers to short codes of one name in 30 days; then its codes are long (G-01).
    pub identifier_short_wrong_30d: u32,
    /// Wrong answers of one name in an hour, beyond which the log tells of it (G-02).
    pub identifier_wrong_hour: u32,
    /// The same for a day.
    pub identifier_wrong_day: u32,
    /// Wrong answers to short codes of the whole org in a day; then all codes are long (G-03).
    pub org_short_wrong_24h: u32,
    /// For how many seconds they are.
    pub org_long_mode_seconds: i64,
    /// Digits of a long code.
    pub long_code_digits: u8,
    /// Wrong passwords in a row; then only known devices may try one (G-04).
    pub consecutive_failures: u32,
    /// Mails about one name in 15 minutes (M-02).
    pub mails_15m: u32,
    /// In an hour.
    pub mails_1h: u32,
    /// In a day.
    pub mails_24h: u32,
    /// Mails of a known device in an hour, on top (M-02).
    pub device_mails_1h: u32,
    /// Recoveries of one name that begin in a day (E-11).
    pub starts_24h: u32,
    /// Recoveries of one name under way at once (I-11).
    pub live_recoveries: u32,
    /// Messages of a flow (M-02).
    pub sends_per_flow: u32,
    /// Seconds between two messages of a flow (M-02).
    pub resend_cooldown_seconds: i64,
    /// New passwords of a flow that equal an old one (P-07).
    pub reused_passwords_per_flow: u32,
    /// Cancels of a flow; each derives a new handle.
    pub cancels_per_flow: u32,
    /// Seconds in which a repeated request changes nothing.
    pub replay_seconds: i64,
    /// Seconds that an interaction code lives (I-09).
    pub interaction_code_ttl_seconds: i64,
    /// Whether volume is limited: mails (M-02, M-03), recoveries per name, requests and recoveries
    /// per address (H-10). Off for demos, development and benches; what bounds guessing (C-*, G-*)
    /// stays on.
    pub volume: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            wrong_answers_per_challenge: 5,
            wrong_answers_per_flow: 10,
            identifier_short_wrong_30d: 10,
            identifier_wrong_hour: 10,
            identifier_wrong_day: 30,
            org_short_wrong_24h: 200,
            org_long_mode_seconds: 7 * 24 * 60 * 60,
            long_code_digits: 12,
            consecutive_failures: 100,
            mails_15m: 5,
            mails_1h: 10,
            mails_24h: 20,
            device_mails_1h: 3,
            starts_24h: 20,
            live_recoveries: 10,
            sends_per_flow: 5,
            resend_cooldown_seconds: 30,
            reused_passwords_per_flow: 10,
            cancels_per_flow: 50,
            replay_seconds: 5,
            interaction_code_ttl_seconds: 60,
            volume: true,
        }
    }
}

impl Policy {
    /// Whether an authenticator may start the recovery of a password.
    #[must_use]
    pub fn may_recover_with(&self, key: &AuthenticatorKey) -> bool {
        self.recovery.authenticators.contains(key)
    }

    /// Whether "Forgot password?" is offered at all.
    #[must_use]
    pub fn offers_recovery(&self) -> bool {
        !self.recovery.authenticators.is_empty()
    }

    /// The authenticators that may be chosen for an intent, best first.
    #[must_use]
    pub fn choices(&self, intent: crate::flow::Intent) -> Vec<AuthenticatorKey> {
        match intent {
            crate::flow::Intent::RecoverPassword => self.recovery.authenticators.clone(),
            crate::flow::Intent::SignIn => self.sign_in.first_factors.clone(),
        }
    }
}
