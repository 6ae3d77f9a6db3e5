//! THE table: what may be done next. It is what documents show and what input is held against;
//! there is no second list anywhere (style guide §1, rule 2).

use crate::flow::{Flow, Intent, Stage};
use crate::input::{Endpoint, Input};
use crate::policy::{Policy, SignInMode};
use crate::refusal::Refusal;

/// Which member of the document carries an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// `currentAuthenticator`.
    Authenticator,
    /// `currentAuthenticatorEnrollment`.
    Enrollment,
}

/// One thing that may be done next: a remediation, or an action beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// Remediation: "yes, send it".
    AuthenticatorVerificationData,
    /// Action: start over.
    Cancel,
    /// Remediation: answer the open challenge.
    ChallengeAuthenticator,
    /// Remediation: show that what is being set up works.
    EnrollAuthenticator,
    /// Remediation: say who you are.
    Identify {
        /// And your password.
        with_password: bool,
    },
    /// Remediation: say whose password is lost.
    IdentifyRecovery,
    /// Action: ask whether the proof came in elsewhere.
    Poll(Holder),
    /// Action: "Forgot password?"
    Recover(Holder),
    /// Action: send the code again.
    Resend(Holder),
    /// Remediation: replace a password that is too old.
    ReenrollAuthenticator,
    /// Remediation: replace a password that soon is too old.
    ReenrollAuthenticatorWarning,
    /// Remediation: set a new password.
    ResetAuthenticator,
    /// Remediation: choose an authenticator.
    SelectAuthenticatorAuthenticate,
    /// Remediation: choose what to set up.
    SelectAuthenticatorEnroll,
    /// Remediation: set up nothing now.
    Skip,
}

impl Offer {
    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AuthenticatorVerificationData => "authenticator-verification-data",
            Self::Cancel => "cancel",
            Self::ChallengeAuthenticator => "challenge-authenticator",
            Self::EnrollAuthenticator => "enroll-authenticator",
            Self::Identify { .. } => "identify",
            Self::IdentifyRecovery => "identify-recovery",
            Self::Poll(_) => "poll",
            Self::Recover(_) => "recover",
            Self::Resend(_) => "resend",
            Self::ReenrollAuthenticator => "reenroll-authenticator",
            Self::ReenrollAuthenticatorWarning => "reenroll-authenticator-warning",
            Self::ResetAuthenticator => "reset-authenticator",
            Self::SelectAuthenticatorAuthenticate => "select-authenticator-authenticate",
            Self::SelectAuthenticatorEnroll => "select-authenticator-enroll",
            Self::Skip => "skip",
        }
    }

    /// Where it is posted to.
    #[must_use]
    pub const fn endpoint(self) -> Endpoint {
        match self {
            Self::AuthenticatorVerificationData | Self::SelectAuthenticatorAuthenticate => {
                Endpoint::Challenge
            }
            Self::Cancel => Endpoint::Cancel,
            Self::ChallengeAuthenticator
            | Self::EnrollAuthenticator
            | Self::ReenrollAuthenticator
            | Self::ReenrollAuthenticatorWarning
            | Self::ResetAuthenticator => Endpoint::ChallengeAnswer,
            Self::Identify { .. } | Self::IdentifyRecovery => Endpoint::Identify,
            Self::Poll(_) => Endpoint::ChallengePoll,
            Self::Recover(_) => Endpoint::Recover,
            Self::Resend(_) => Endpoint::ChallengeResend,
            Self::SelectAuthenticatorEnroll => Endpoint::CredentialEnroll,
            Self::Skip => Endpoint::Skip,
        }
    }

    /// Whether it is a remediation; else it is an action.
    #[must_use]
    pub const fn is_remediation(self) -> bool {
        match self {
            Self::AuthenticatorVerificationData
            | Self::ChallengeAuthenticator
            | Self::EnrollAuthenticator
            | Self::Identify { .. }
            | Self::IdentifyRecovery
            | Self::ReenrollAuthenticator
            | Self::ReenrollAuthenticatorWarning
            | Self::ResetAuthenticator
            | Self::SelectAuthenticatorAuthenticate
            | Self::SelectAuthenticatorEnroll
            | Self::Skip => true,
            Self::Cancel | Self::Poll(_) | Self::Recover(_) | Self::Resend(_) => false,
        }
    }
}

/// What may be done next, in the order in which pages show it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offers(Vec<Offer>);

impl Offers {
    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Offer> {
        self.0.iter()
    }

    /// Whether there is nothing to do: the document is terminal.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The offer that an input answers.
    ///
    /// # Errors
    /// [`Refusal::NotOffered`] when there is none (I-01).
    pub fn admit(&self, input: &Input) -> Result<Offer, Refusal> {
        self.0
            .iter()
            .copied()
            .find(|offer| offer.endpoint() == input.endpoint())
            .ok_or(Refusal::NotOffered)
    }
}

/// What may be done next with a flow.
///
/// It takes no fact of the user: before a proof, nobody can tell by the offers whether there is
/// one (T-E11).
#[must_use]
pub fn offers(flow: &Flow, policy: &Policy) -> Offers {
    let mut list = remediations(&flow.stage, policy);
    list.extend(actions(&flow.stage, policy));
    Offers(list)
}

fn remediations(stage: &Stage, policy: &Policy) -> Vec<Offer> {
    match stage {
        Stage::Identify => {
            vec![Offer::Identify {
                with_password: policy.sign_in_mode == SignInMode::OnePage,
            }]
        }
        Stage::IdentifyRecovery => vec![Offer::IdentifyRecovery],
        Stage::SelectAuthenticator { .. } => vec![Offer::SelectAuthenticatorAuthenticate],
        Stage::ConfirmAuthenticator { .. } => {
            vec![
                Offer::AuthenticatorVerificationData,
                Offer::SelectAuthenticatorAuthenticate,
            ]
        }
        Stage::ChallengeAuthenticator { climb, .. } => {
            let mut list = vec![Offer::ChallengeAuthenticator];
            // The widget hides "verify with something else" unless the choice comes along.
            if climb.intent == Intent::RecoverPassword || climb.choices(policy).len() > 1 {
                list.push(Offer::SelectAuthenticatorAuthenticate);
            }
            list
        }
        Stage::EnrollAuthenticator { enrolling, .. } => {
            let mut list = vec![Offer::EnrollAuthenticator, Offer::SelectAuthenticatorEnroll];
            list.extend(enrolling.may_skip.then_some(Offer::Skip));
            list
        }
        Stage::SelectAuthenticatorEnroll { enrolling, .. } => {
            let mut list = vec![Offer::SelectAuthenticatorEnroll];
            list.extend(enrolling.may_skip.then_some(Offer::Skip));
            list
        }
        Stage::ReenrollAuthenticator {
            days_left: None, ..
        } => vec![Offer::ReenrollAuthenticator],
        Stage::ReenrollAuthenticator {
            days_left: Some(_), ..
        } => vec![Offer::ReenrollAuthenticatorWarning, Offer::Skip],
        Stage::ResetAuthenticator { .. } => vec![Offer::ResetAuthenticator],
        Stage::Completed(_) | Stage::Dead => Vec::new(),
    }
}

fn actions(stage: &Stage, policy: &Policy) -> Vec<Offer> {
    let mut list = match stage {
        // Go takes `currentAuthenticator` on the first page as "one page", and needs `recover`
        // in it; so it is there exactly when the page asks for the password.
        Stage::Identify
            if policy.sign_in_mode == SignInMode::OnePage && policy.offers_recovery() =>
        {
            vec![Offer::Recover(Holder::Authenticator)]
        }
        // Idempotent: Go asks for it again before it chooses (`idx-wire` §9.5 b).
        Stage::SelectAuthenticator { climb } if climb.intent == Intent::RecoverPassword => {
            vec![Offer::Recover(Holder::Enrollment)]
        }
        Stage::ChallengeAuthenticator { challenge, .. } => challenge
            .authenticator
            .resolve()
            .map(|authenticator| authenticator.actions(policy))
            .unwrap_or_default(),
        Stage::Completed(_) | Stage::Dead => return Vec::new(),
        Stage::ConfirmAuthenticator { .. }
        | Stage::EnrollAuthenticator { .. }
        | Stage::Identify
        | Stage::IdentifyRecovery
        | Stage::ReenrollAuthenticator { .. }
        | Stage::ResetAuthenticator { .. }
        | Stage::SelectAuthenticator { .. }
        | Stage::SelectAuthenticatorEnroll { .. } => Vec::new(),
    };
    list.push(Offer::Cancel);
    list
}
