//! Proofs: made in one place, asked for in one place (I-02, I-03).

use regain_types::{ChallengeId, FlowId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use super::{Attempt, Authenticator, AuthenticatorKey, Tools, Verdict};
use crate::flow::{Flow, Intent, PROOF_TTL_SECONDS, Stage, Subject};
use crate::limits::{Pass, Spent, attempt_gate};
use crate::need::{Enrollment, Need};
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

    /// From when on it counts no more.
    pub(crate) fn end(&self) -> Timestamp {
        self.proved_at.plus_seconds(PROOF_TTL_SECONDS)
    }

    /// With what.
    #[must_use]
    pub fn authenticator(&self) -> &AuthenticatorKey {
        &self.authenticator
    }
}

/// The proof of a password that was compared on the page of the name; nobody gets there without a
/// [`Pass`].
pub(crate) fn of_password(
    flow: &Flow,
    subject: &UserId,
    _: &Pass,
    env: &mut crate::step::Env<'_>,
) -> Proof {
    password_proof(flow, subject, env)
}

/// The proof of a password that was just set, by whom [`may_set_password`] let.
pub(crate) fn of_new_password(flow: &Flow, env: &mut crate::step::Env<'_>) -> Option<Proof> {
    let subject = may_set_password(flow, env.policy, env.now)?.clone();
    Some(password_proof(flow, &subject, env))
}

fn password_proof(flow: &Flow, subject: &UserId, env: &mut crate::step::Env<'_>) -> Proof {
    Proof {
        flow: flow.id.clone(),
        subject: subject.clone(),
        challenge: ChallengeId::random(env.rng),
        authenticator: AuthenticatorKey::of(&super::password::DESCRIPTOR),
        proved_at: env.now,
    }
}

/// What an answer comes to.
pub(crate) enum Verified {
    Need(Need),
    /// And what has changed with it of what the user can prove with.
    Proved(Proof, Option<Enrollment>),
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
        .attempted(attempt)
        .ok_or(Refusal::Bug("a challenge cannot be read"))?;
    let open = Some((attempt.climb, attempt.challenge));
    let pass = attempt_gate(attempted, open, spent, tools.policy)?;
    let verified = judge(authenticator, attempt, &pass, tools);
    match verified {
        Verified::Need(_) => {}
        Verified::Proved(..) => spent.succeeded(&pass),
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
        (Verdict::Right(used), Subject::Known(subject)) => Verified::Proved(
            Proof {
                flow: attempt.flow.id.clone(),
                subject: subject.clone(),
                challenge: attempt.challenge.id.clone(),
                authenticator: attempt.challenge.authenticator.clone(),
                proved_at: tools.now,
            },
            used,
        ),
        // A guess that hits a code which was never sent to anybody (E-09).
        (Verdict::Right(_), Subject::Unknown) => Verified::Wrong(Notice::CodeInvalid),
    }
}

/// Whether a new password may be set now, and for whom: the one function that decides it (I-02).
pub(crate) fn may_set_password<'a>(
    flow: &'a Flow,
    policy: &Policy,
    now: Timestamp,
) -> Option<&'a UserId> {
    let climb = flow.climb()?;
    let subject = climb.who.subject.known()?;
    let is_proved_by = |fits: &dyn Fn(&AuthenticatorKey) -> bool| {
        climb.proofs.iter().any(|proof| {
            proof.flow == flow.id
                && proof.subject == *subject
                && fits(&proof.authenticator)
                && now < proof.end()
        })
    };
    let may = match (&flow.stage, climb.intent) {
        (Stage::ResetAuthenticator { .. }, Intent::RecoverPassword) => {
            is_proved_by(&|key| policy.may_recover_with(key))
        }
        // Whoever replaces a password has shown it, and what else is asked for beside it.
        (Stage::ReenrollAuthenticator { .. }, Intent::SignIn) => {
            let further = &climb.further;
            is_proved_by(&super::password::is)
                && (further.is_empty() || is_proved_by(&|key| further.contains(key)))
        }
        _ => false,
    };
    may.then_some(subject)
}
