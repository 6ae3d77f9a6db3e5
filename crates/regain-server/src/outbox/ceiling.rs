//! How many mails the org sends in an hour (M-03). Over the ceiling only what goes first leaves:
//! notices to owners, and what known devices ask for.
//!
//! The ceiling grows with the org: five times the busiest hour of the week before yesterday, in
//! which an hour counts for no more than half of the ceiling that it had. So a flood does not raise
//! its own ceiling, and honest growth has room for more than twice as much every day.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use regain_engine::Outcome;
use regain_store::{AuditRow, OutboxRow, RequestMeta, StoreError};
use regain_types::{SystemEntropy, Timestamp, random_base62};
use serde::{Deserialize, Serialize};

use crate::state::AppState;

const HOUR_SECONDS: i64 = 60 * 60;
const DAY_HOURS: i64 = 24;
const WEEK_HOURS: i64 = 7 * DAY_HOURS;
/// Times the busiest hour.
const ROOM_FACTOR: u32 = 5;
/// One node keeps the history, and says when half is used.
const ROLE: &str = "mail-ceiling";
const LEAD_SECONDS: i64 = 90;
const SETTING: &str = "mails_per_hour";
const LOOK_EVERY_SECONDS: i64 = 30;
const NODE_LENGTH: usize = 16;
const ID_LENGTH: usize = 20;

/// The mails of past hours: the hour, counted since 1970, and how many.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
struct History(Vec<(i64, u32)>);

impl History {
    /// Notes how many there were so far in an hour under a ceiling.
    fn note(&mut self, hour: i64, mails: u32, ceiling: u32) {
        let counted = mails.min(ceiling / 2);
        self.0
            .retain(|(known, _)| *known > hour - WEEK_HOURS - DAY_HOURS);
        match self.0.iter_mut().find(|(known, _)| *known == hour) {
            Some((_, most)) => *most = (*most).max(counted),
            None => self.0.push((hour, counted)),
        }
    }

    /// The ceiling of an hour.
    fn ceiling(&self, hour: i64, least: u32) -> u32 {
        let week = hour - DAY_HOURS - WEEK_HOURS..hour - DAY_HOURS;
        let busiest = self
            .0
            .iter()
            .filter(|(known, _)| week.contains(known))
            .map(|(_, mails)| *mails)
            .max()
            .unwrap_or_default();
        least.max(busiest.saturating_mul(ROOM_FACTOR))
    }
}

/// The ceiling as a node knows it.
#[derive(Debug)]
pub(super) struct MailCeiling {
    least: u32,
    at_most: AtomicU32,
    node: String,
    kept: Mutex<Kept>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Kept {
    looked_at: Option<Timestamp>,
    used_up_until: Option<Timestamp>,
    /// Hours of which was told that half was used, and that all was.
    told_half: i64,
    told_all: i64,
}

impl MailCeiling {
    pub(super) fn new(least: u32) -> Self {
        Self {
            least,
            at_most: AtomicU32::new(least),
            node: random_base62(&mut SystemEntropy, NODE_LENGTH),
            kept: Mutex::default(),
        }
    }

    /// Whether only what goes first may be leased now.
    pub(super) fn is_used_up(&self, state: &AppState) -> bool {
        let now = state.limits().now();
        let until = self.lock().used_up_until;
        until.is_some_and(|until| now < until)
    }

    /// Counts a mail that is about to leave; when it must not, until when.
    pub(super) async fn refuses(&self, state: &AppState, row: &OutboxRow) -> Option<Timestamp> {
        if !state.settings().policy.limits.volume {
            return None;
        }
        if let Err(error) = self.look(state).await {
            tracing::warn!(%error, "the org's mails of the last week cannot be read");
        }
        let at_most = self.at_most.load(Ordering::Relaxed);
        match state.limits().charge_mail(state, at_most).await {
            Ok(None) => None,
            Ok(Some(until)) => {
                self.lock().used_up_until = Some(until);
                let hour = hour_of(until);
                let is_told = std::mem::replace(&mut self.lock().told_all, hour) == hour;
                if !is_told {
                    tell(state, "MAILS_USED_UP").await;
                }
                (!row.outgoing.goes_first()).then_some(until)
            }
            Err(error) => {
                tracing::warn!(%error, "the org's mails cannot be counted");
                // Without the store nothing is known to be allowed (I-15).
                Some(state.limits().now().plus_seconds(1))
            }
        }
    }

    /// Now and then: reads how much the org sends; one node also notes it.
    async fn look(&self, state: &AppState) -> Result<(), StoreError> {
        let now = state.limits().now();
        {
            let mut kept = self.lock();
            let is_fresh = kept.looked_at.is_some_and(|at| {
                (now.as_millis() - at.as_millis()).abs() < LOOK_EVERY_SECONDS * 1_000
            });
            if is_fresh {
                return Ok(());
            }
            kept.looked_at = Some(now);
        }
        let (store, org) = (state.store(), state.org());
        let text = store.find_setting(org, SETTING).await?;
        // What cannot be read counts as nothing sent: the ceiling is the least then.
        let before: History = text
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default();
        let hour = hour_of(now);
        let ceiling = before.ceiling(hour, self.least);
        self.at_most.store(ceiling, Ordering::Relaxed);
        if !store.try_lead(org, ROLE, &self.node, LEAD_SECONDS).await? {
            return Ok(());
        }
        let used = state.limits().mails_of_this_hour(state, ceiling).await?;
        let mut history = before.clone();
        history.note(hour, used, ceiling);
        if history != before
            && let Ok(text) = serde_json::to_string(&history)
        {
            store.save_setting(org, SETTING, &text).await?;
        }
        if used > ceiling / 2 {
            let is_told = std::mem::replace(&mut self.lock().told_half, hour) == hour;
            if !is_told {
                tell(state, "HALF_OF_THE_MAILS_USED").await;
            }
        }
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const fn hour_of(at: Timestamp) -> i64 {
    at.as_seconds().div_euclid(HOUR_SECONDS)
}

/// Tells the operator, in the log and in the audit log.
async fn tell(state: &AppState, reason: &'static str) {
    tracing::warn!(reason, "the org sends many mails: is somebody flooding it?");
    let row = AuditRow {
        id: random_base62(&mut SystemEntropy, ID_LENGTH),
        at: state.limits().now(),
        name: "system.operation.rate_limit.violation".to_owned(),
        subject: state.org().as_str().to_owned(),
        flow: None,
        outcome: Outcome::Failure.as_str().to_owned(),
        reason: Some(reason.to_owned()),
        request: RequestMeta::default(),
    };
    if let Err(error) = state.store().add_audit(state.org(), vec![row]).await {
        tracing::warn!(%error, "the audit log does not tell of the org's many mails");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ceiling_follows_the_week_before_yesterday_and_no_flood() {
        let mut history = History::default();
        assert_eq!(history.ceiling(1_000, 1_000), 1_000);
        history.note(1_000, 400, 1_000);
        assert_eq!(history.ceiling(1_024, 1_000), 1_000, "not on the same day");
        assert_eq!(history.ceiling(1_025, 1_000), 2_000);
        // A flood counts for half of what was allowed.
        history.note(1_030, 1_000_000, 2_000);
        assert_eq!(history.ceiling(1_055, 1_000), 5_000);
        assert_eq!(history.ceiling(1_030 + 24 + 168 + 1, 1_000), 1_000);
        for hour in 2_000..3_000 {
            history.note(hour, 1, 1_000);
        }
        assert!(history.0.len() <= 192, "{}", history.0.len());
    }
}
