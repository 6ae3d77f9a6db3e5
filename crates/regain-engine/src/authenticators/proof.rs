//! Proofs: made in one place, asked for in one place (I-02, I-03).

use regain_types::{ChallengeId, FlowId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use super::{Attempt, Authenticator, AuthenticatorKey, Tools, Verdict};
use crate::flow::{Flow, Intent, PROOF_TTL_SECONDS, Stage, Subject};
use crate::limits::{Pass, Spent, attempt_gate};
use crate::need::Need;
use crate::notice::Notice;
use crate::policy::Policy;
use crate::refusal::Refusal;

/// Evidence that a challenge of a flow was answered rightly. Only [`verify`] makes one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    flow: FlowId,
    subject: UserId,
    challenge: ChallengeId,
    authenticator: AuthenticatorKey,
    proved_at: Timestamp,
}

impl Proof {
    /// When the answer came.
    #[must_use]
    pub fn proved_at(&self) -> Timestamp {
        self.proved_at
    }

    /// With what.
    #[must_use]
    pub fn authenticator(&self) -> &AuthenticatorKey {
        &self.authenticator
    }
}

/// What an answer comes to.
pub(crate) enum Verified {
    Need(Need),
    Proved(Proof),
    Wrong(Notice),
}

/// Judges an answer, and makes the proof if it is right and somebody's. What it costs is charged
/// to `spent`.
pub(crate) fn verify(
    attempt: &Attempt<'_>,
    spent: &mut Spent,
    tools: &Tools<'_>,
) -> Result<Verified, Refusal> {
    let Some(authenticator) = attempt.challenge.authenticator.resolve() else {
        return Err(Refusal::Bug(
            "the challenge names an authenticator that is not registered",
        ));
    };
    let attempted = authenticator
        .attempted(attempt.challenge)
        .ok_or(Refusal::Bug("a challenge cannot be read"))?;
    let open = Some((attempt.climb, attempt.challenge));
    let pass = attempt_gate(attempted, open, spent, tools.policy)?;
    let verified = judge(authenticator, attempt, &pass, tools);
    match verified {
        Verified::Need(_) => {}
        Verified::Proved(_) => spent.succeeded(&pass),
        Verified::Wrong(_) => spent.failed(&pass),
    }
    Ok(verified)
}

fn judge(
    authenticator: &dyn Authenticator,
    attempt: &Attempt<'_>,
    pass: &Pass,
    tools: &Tools<'_>,
) -> Verified {
    let verdict = authenticator.judge(attempt, pass, tools);
    match (verdict, &attempt.climb.who.subject) {
        (Verdict::Need(need), _) => Verified::Need(need),
        (Verdict::Wrong(notice), _) => Verified::Wrong(notice),
        (Verdict::Right, Subject::Known(subject)) => Verified::Proved(Proof {
            flow: attempt.flow.id.clone(),
            subject: subject.clone(),
            challenge: attempt.challenge.id.clone(),
            authenticator: attempt.challenge.authenticator.clone(),
            proved_at: tools.now,
        }),
        // A guess that hits a code which was never sent to anybody (E-09).
        (Verdict::Right, Subject::Unknown) => Verified::Wrong(Notice::CodeInvalid),
    }
}

/// Whether a new password may be set now, and for whom: the one function that decides it (I-02).
pub(crate) fn may_set_password<'a>(
    flow: &'a Flow,
    policy: &Policy,
    now: Timestamp,
) -> Option<&'a UserId> {
    let Stage::ResetAuthenticator { climb } = &flow.stage else {
        return None;
    };
    let subject = climb.who.subject.known()?;
    let proved = climb.proofs.iter().any(|proof| {
        proof.flow == flow.id
            && proof.subject == *subject
            && policy.may_recover_with(&proof.authenticator)
            && now < proof.proved_at.plus_seconds(PROOF_TTL_SECONDS)
    });
    (climb.intent == Intent::RecoverPassword && proved).then_some(subject)
}
