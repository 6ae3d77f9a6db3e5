//! What the sign-in page must know before anybody has typed anything: does the first form take
//! the password, can passwords be recovered? Asked once a minute, not once per visit, so that a
//! visit alone opens nothing at the engine.

use std::sync::{Mutex, PoisonError};

use regain_sdk::Step;

use crate::failure::Failure;
use crate::visit::Visit;

/// How long an answer is good for, in seconds.
const FRONT_TTL_SECONDS: i64 = 60;

/// Whose turn it is to ask; no transaction and no entry page has this name.
const FRONT_TURN: &str = "front";

/// The first form of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Front {
    pub wants_password: bool,
    pub can_remember: bool,
    pub can_recover: bool,
}

/// The last answer and when it came.
#[derive(Debug, Default)]
pub(crate) struct FrontCache(Mutex<Option<(i64, Front)>>);

impl FrontCache {
    fn find(&self, now: i64) -> Option<Front> {
        let cached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cached
            .filter(|(at, _)| (0..FRONT_TTL_SECONDS).contains(&now.saturating_sub(*at)))
            .map(|(_, front)| front)
    }

    fn keep(&self, now: i64, front: Front) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, front));
    }

    /// Asks again next time: the engine did not answer, or refused.
    pub(crate) fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// The first form of the engine, from memory or by asking.
pub(crate) async fn front(visit: &Visit) -> Result<Front, Failure> {
    let now = visit.app.now();
    if let Some(front) = visit.app.front.find(now) {
        return Ok(front);
    }
    // One visitor asks, the others wait for the answer.
    let _turn = visit.app.turns.take(FRONT_TURN).await;
    if let Some(front) = visit.app.front.find(now) {
        return Ok(front);
    }
    let outcome = visit.client.begin().start().await?;
    let (wants_password, can_remember) = match outcome.step() {
        Some(Step::Identify(step)) => (step.wants_password(), step.can_remember()),
        _ => (false, false),
    };
    let front = Front {
        wants_password,
        can_remember,
        can_recover: outcome.features.can_recover_password,
    };
    visit.app.front.keep(now, front);
    // Nobody will use this transaction. Should the engine not hear of it, it expires there.
    if let Err(problem) = visit.client.cancel(outcome.transaction).await {
        tracing::debug!(%problem, "a transaction that was only looked at stays open");
    }
    Ok(front)
}
