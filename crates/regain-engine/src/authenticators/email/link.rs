//! The link in a mail: it names a challenge, and shows its code to whoever opens it (L-01 to L-04).
//!
//! It proves nothing by itself. The code does, and only with the handle of the flow that asked for it;
//! so opening a link changes nothing, however often, and by whomever.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use regain_types::{ChallengeId, FlowId, KeyRing, OrgId, Secret, Timestamp};
use subtle::ConstantTimeEq as _;

use super::{CodeTicket, ticket_of};
use crate::flow::{Flow, Stage};

/// What stands between the parts of a token; no id holds it.
const SEPARATOR: char = '.';

/// What a link names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkTarget {
    /// The flow.
    pub flow: FlowId,
    /// The challenge, of which there may be a newer one by now.
    pub challenge: ChallengeId,
}

impl CodeTicket {
    /// The token of the link in its mail: 256 bits of it nobody can guess.
    #[must_use]
    pub fn link_token(&self, keys: &KeyRing, org: &OrgId) -> Secret<String> {
        let (flow, challenge) = (self.flow.as_str(), self.challenge.as_str());
        let tag = tag((flow, challenge), keys, org);
        Secret::new(format!("{flow}{SEPARATOR}{challenge}{SEPARATOR}{tag}"))
    }
}

impl LinkTarget {
    /// Reads a token; `None` when this org made no such one.
    #[must_use]
    pub fn read(token: &str, keys: &KeyRing, org: &OrgId) -> Option<Self> {
        let mut parts = token.split(SEPARATOR);
        let (flow, challenge, given) = (parts.next()?, parts.next()?, parts.next()?);
        let right = tag((flow, challenge), keys, org);
        let is_right = bool::from(right.as_bytes().ct_eq(given.as_bytes()));
        (is_right && parts.next().is_none()).then_some(())?;
        Some(Self {
            flow: FlowId::parse(flow).ok()?,
            challenge: ChallengeId::parse(challenge).ok()?,
        })
    }
}

fn tag((flow, challenge): (&str, &str), keys: &KeyRing, org: &OrgId) -> String {
    let parts = [org.as_str(), flow, challenge].map(str::as_bytes);
    URL_SAFE_NO_PAD.encode(keys.link.mac(&parts))
}

/// What a link is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// Its code would be taken: this is what it derives from.
    Live(CodeTicket),
    /// Its time is over.
    Expired,
    /// There is a newer mail, or the person went back.
    Replaced,
    /// The flow went on, or ended.
    Used,
}

impl Flow {
    /// What a link to one of its challenges is good for.
    #[must_use]
    pub fn link_state(&self, challenge: &ChallengeId, now: Timestamp) -> LinkState {
        match &self.stage {
            Stage::ChallengeAuthenticator {
                challenge: open, ..
            } if open.id == *challenge => match ticket_of(open) {
                Some(ticket) if now < open.expires_at && !self.is_expired(now) => {
                    LinkState::Live(ticket)
                }
                Some(_) | None => LinkState::Expired,
            },
            Stage::Completed(_)
            | Stage::EnrollAuthenticator { .. }
            | Stage::ReenrollAuthenticator { .. }
            | Stage::ResetAuthenticator { .. }
            | Stage::SelectAuthenticatorEnroll { .. } => LinkState::Used,
            // The mail of the recovery, after which the flow went on.
            Stage::ChallengeAuthenticator { climb, .. } | Stage::SelectAuthenticator { climb }
                if climb.recovered && self.spent.last_send_at > climb.tally.last_send_at =>
            {
                LinkState::Used
            }
            Stage::ChallengeAuthenticator { .. }
            | Stage::ConfirmAuthenticator { .. }
            | Stage::Dead
            | Stage::Identify
            | Stage::IdentifyRecovery
            | Stage::SelectAuthenticator { .. } => {
                if self.is_expired(now) {
                    LinkState::Expired
                } else {
                    LinkState::Replaced
                }
            }
        }
    }
}
