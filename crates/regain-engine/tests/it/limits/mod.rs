//! Limits over all flows (security §2.4), as scripts and as properties of the pure limiters.

mod codes;
mod devices;
mod events;
mod mails;
mod org;
mod passwords;
mod promise;
mod pure;
mod reset;
mod simulation;

use crate::harness::*;
use regain_engine::{AuditSubject, CodeTicket, Effect, Input, Limit, Refusal, Stage};
use regain_types::{Identifier, Secret, TokenHash};

/// A name of the domain, as typed, from a device.
pub(crate) fn named(typed: &str, device: Option<&str>) -> Input {
    Input::Identify {
        identifier: Identifier::parse(typed).unwrap(),
        passcode: None,
        device: device.map(TokenHash::of),
        work: None,
    }
}

/// Name and password, from a device.
pub(crate) fn signing_in(typed: &str, password: &str, device: Option<&str>) -> Input {
    Input::Identify {
        identifier: Identifier::parse(typed).unwrap(),
        passcode: Some(Secret::new(password.to_owned())),
        device: device.map(TokenHash::of),
        work: None,
    }
}

impl Came {
    /// The limit over all flows that refused it.
    pub(crate) fn limit(&self) -> Option<Limit> {
        match self {
            Self::Refused(Refusal::Limited(limited)) => Some(limited.limit),
            Self::Committed(_) | Self::Shown(_) | Self::Refused(_) => None,
        }
    }
}

impl Shell {
    /// Opens a challenge in a new flow, from a device; says whether it came so far.
    pub(crate) fn try_code_page(
        &mut self,
        index: usize,
        typed: &str,
        device: Option<&str>,
    ) -> Came {
        self.begin(index);
        assert!(self.take(index, Input::Recover).is_ok());
        let came = self.take(index, named(typed, device));
        if !came.is_ok() {
            return came;
        }
        let id = self.email_id();
        self.take(index, select(&id))
    }

    /// Answers wrongly, and says what came of it.
    pub(crate) fn guess(&mut self, index: usize) -> Came {
        let code = self.code_of(index).expect("a challenge is open");
        let wrong = "x".to_owned() + &code;
        self.take(index, answer(&wrong))
    }

    /// Digits of the code that a flow waits for.
    pub(crate) fn digits(&self, index: usize) -> u8 {
        let Stage::ChallengeAuthenticator { challenge, .. } = &self.flow(index).stage else {
            panic!("no challenge is open")
        };
        let ticket: CodeTicket = serde_json::from_value(challenge.data.clone()).unwrap();
        ticket.digits
    }

    /// Answers rightly and sets a new password.
    pub(crate) fn recover_with_code(&mut self, index: usize, password: &str) -> bool {
        let code = self.code_of(index).unwrap();
        self.take(index, answer(&code)).is_ok() && self.take(index, answer(password)).is_ok()
    }

    /// How often the log tells of something for a reason.
    pub(crate) fn told(&self, name: &str, reason: Option<&str>) -> usize {
        let events = self.effects.iter().filter(|effect| match effect {
            Effect::Audit(event) => event.name == name && event.reason == reason,
            _ => false,
        });
        events.count()
    }

    /// The subjects that the log names with an event.
    pub(crate) fn subjects(&self, name: &str) -> Vec<AuditSubject> {
        let events = self.audited().into_iter();
        events
            .filter(|event| event.name == name)
            .map(|event| event.subject.clone())
            .collect()
    }

    /// Begins anew with the flows: a test of many does not keep them all.
    pub(crate) fn fresh(&mut self) -> usize {
        let index = self.flows.len();
        self.begin(index);
        index
    }
}
