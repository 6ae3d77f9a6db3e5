//! How somebody comes by an authenticator in a flow.

use regain_types::{ChallengeId, KeyRing, OrgId};
use regain_wire::idx;
use serde_json::Value;

use super::{Attempt, Authenticator, Tools};
use crate::flow::Challenge;
use crate::limits::{Attempted, Pass, Spent, attempt_gate};
use crate::need::Enrollment;
use crate::notice::Notice;
use crate::refusal::Refusal;

/// An authenticator that users set up themselves, between the password and the app.
pub(crate) trait Enroll: Sync {
    /// What is remembered until it is shown to work; what is secret of it derives from the id.
    fn begin(&self, id: &ChallengeId) -> Value;

    /// Judges the answer that shall show that it works.
    fn confirm(&self, attempt: &Attempt<'_>, pass: &Pass, tools: &Tools<'_>) -> Confirmed;

    /// The fields of `credentials`.
    fn fields(&self) -> Vec<idx::Field>;

    /// What its page shows besides the form.
    fn contextual_data(&self, challenge: &Challenge, page: &EnrollPage<'_>) -> idx::ContextualData;
}

/// What the page of an enrolment may use.
pub(crate) struct EnrollPage<'a> {
    pub(crate) keys: &'a KeyRing,
    pub(crate) org: &'a OrgId,
    /// What people call the org.
    pub(crate) org_name: &'a str,
    /// What people call themselves to it.
    pub(crate) login: &'a str,
}

/// What became of an enrolment.
pub(crate) enum Confirmed {
    /// It works, and so the user has it.
    Works(Enrollment),
    /// It does not, and so the user is told.
    Wrong(Notice),
}

/// Judges an answer. Guessing it gives nothing to anybody: whoever answers was shown the secret.
pub(crate) fn confirm(
    attempt: &Attempt<'_>,
    spent: &mut Spent,
    tools: &Tools<'_>,
) -> Result<Confirmed, Refusal> {
    let enroll = attempt
        .challenge
        .authenticator
        .resolve()
        .and_then(Authenticator::enroll)
        .ok_or(Refusal::Bug(
            "what is set up is of an authenticator that nobody can set up",
        ))?;
    let open = Some((attempt.climb, attempt.challenge));
    let pass = attempt_gate(Attempted::Enrollment, open, spent, tools.policy)?;
    let confirmed = enroll.confirm(attempt, &pass, tools);
    match &confirmed {
        Confirmed::Works(_) => spent.succeeded(&pass),
        Confirmed::Wrong(_) => spent.failed(&pass),
    }
    Ok(confirmed)
}
