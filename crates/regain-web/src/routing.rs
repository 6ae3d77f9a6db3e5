//! Which page shows which step: the one place that knows.

use std::fmt;

use axum::response::Response;
use regain_sdk::{IdentifyPurpose, IdentifyStep, Outcome, State, Step};

use crate::failure::Failure;
use crate::record::{Ended, Open};
use crate::visit::{Visit, go_to};

/// A page that shows a step of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    /// `/login`
    Login,
    /// `/recover-password`
    Recover,
    /// `/select-authenticator`
    SelectAuthenticator,
    /// `/verify-authenticator/{key}`
    VerifyAuthenticator(String),
    /// `/challenge-authenticator/{key}` with a code
    ChallengeCode(String),
    /// `/challenge-authenticator/okta_password`
    ChallengePassword,
    /// `/enroll-authenticator/{key}` with a code
    EnrollCode(String),
    /// `/reset-password`
    ResetPassword,
    /// `/other-step`: drawn from the form, so that no step is a dead end
    OtherStep,
}

/// The key of authenticator apps.
pub(crate) const APP_KEY: &str = "google_otp";

/// The key of the password authenticator, whose challenge has a page of its own.
pub(crate) const PASSWORD_KEY: &str = "okta_password";

impl Page {
    /// Step → page (`web-app.md` §3).
    pub(crate) fn of(step: &Step) -> Self {
        // Keys become part of a path.
        let key = step.authenticator_key().filter(|key| is_path_word(key));
        match (step, key) {
            (Step::Identify(step), _) => Self::of_identify(step),
            (Step::SelectAuthenticator(_), _) => Self::SelectAuthenticator,
            (Step::ChooseMethod(_), Some(key)) => Self::VerifyAuthenticator(key.to_owned()),
            (Step::EnterCode(step), Some(key)) if step.is_enrollment() => {
                Self::EnrollCode(key.to_owned())
            }
            (Step::EnterCode(_), Some(key)) if key != PASSWORD_KEY => {
                Self::ChallengeCode(key.to_owned())
            }
            (Step::EnterPassword(_), _) => Self::ChallengePassword,
            (Step::SetPassword(_), _) => Self::ResetPassword,
            _ => Self::OtherStep,
        }
    }

    /// The page that asks for a name, for this purpose.
    pub(crate) fn of_identify(step: &IdentifyStep) -> Self {
        match step.purpose() {
            IdentifyPurpose::Recovery => Self::Recover,
            _ => Self::Login,
        }
    }

    /// The page's address for a transaction.
    pub(crate) fn href(&self, id: &str) -> String {
        format!("{self}?state={id}")
    }
}

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Login => f.write_str("/login"),
            Self::Recover => f.write_str("/recover-password"),
            Self::SelectAuthenticator => f.write_str("/select-authenticator"),
            Self::VerifyAuthenticator(key) => write!(f, "/verify-authenticator/{key}"),
            Self::ChallengeCode(key) => write!(f, "/challenge-authenticator/{key}"),
            Self::ChallengePassword => write!(f, "/challenge-authenticator/{PASSWORD_KEY}"),
            Self::EnrollCode(key) => write!(f, "/enroll-authenticator/{key}"),
            Self::ResetPassword => f.write_str("/reset-password"),
            Self::OtherStep => f.write_str("/other-step"),
        }
    }
}

/// A word of `[a-z0-9_]`, as authenticator keys are.
pub(crate) fn is_path_word(key: &str) -> bool {
    !key.is_empty()
        && key.len() <= 40
        && key
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// Where a flow begins again when its transaction is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    Login,
    Recover,
}

impl Entry {
    /// The entry page with the notice that the old page has expired.
    pub(crate) fn expired(self) -> Response {
        go_to(match self {
            Self::Login => "/login?notice=expired",
            Self::Recover => "/recover-password?notice=expired",
        })
    }
}

/// Sends the browser to the page of the current step.
pub(crate) fn go_to_current(visit: &Visit, open: Open) -> Result<Response, Failure> {
    if let Some(ended) = &open.record.ended {
        return Ok(go_to_end(ended, &open.id));
    }
    let id = open.id;
    let outcome = visit.client.resume(open.transaction)?;
    Ok(go_to(&current_href(&outcome, &id)))
}

/// The address of the page that shows an outcome.
pub(crate) fn current_href(outcome: &Outcome, id: &str) -> String {
    match &outcome.state {
        State::Pending(step) => Page::of(step).href(id),
        State::Terminal(_) => format!("/terminal?state={id}"),
        _ => "/".to_owned(),
    }
}

/// Sends the browser to what is left of a finished transaction.
pub(crate) fn go_to_end(ended: &Ended, id: &str) -> Response {
    match ended {
        Ended::SignedIn => go_to("/"),
        Ended::Terminal { .. } => go_to(&format!("/terminal?state={id}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_words_become_part_of_a_path() {
        assert!(is_path_word("okta_email"));
        for key in ["", "../x", "a b", "a/b", "a?b", "%2e", "\u{e4}"] {
            assert!(!is_path_word(key), "{key}");
        }
    }
}
