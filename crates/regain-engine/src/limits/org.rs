//! Guesses sprayed over the whole org: one each at many names stay under every limit of a name
//! (G-03).

use regain_types::Timestamp;
use serde::{Deserialize, Serialize};

use super::{DAY, HOUR};
use crate::policy::Limits;

/// Of how many right answers one wrong one is a typing mistake: two in a hundred.
const HONEST_PERCENT: u32 = 2;
/// How long the end of an attack may wait for somebody to notice it.
const NOTICED_SECONDS: i64 = 30 * DAY;

/// The org's ledger: wrong answers to short codes, by the hour. It is written by wrong answers
/// only, and by none of them once long codes are out: so it is never hot for long.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OrgLedger {
    wrong: Vec<Hourly>,
    long_until: Option<Timestamp>,
}

/// The wrong answers of one hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Hourly {
    /// Hours since 1970.
    hour: i64,
    count: u32,
}

/// What a change of the org's ledger came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrgTurn {
    /// Long codes for everybody from now on.
    AttackBegins,
    /// Short codes again.
    AttackEnds,
}

impl OrgLedger {
    /// How many wrong answers the org may give in a day before everybody gets long codes; it grows
    /// with its own right answers of the last day, so that typing mistakes never reach it.
    #[must_use]
    pub fn budget(limits: &Limits, answered_24h: u32) -> u32 {
        let honest = u64::from(answered_24h) * u64::from(HONEST_PERCENT) / 100;
        let honest = u32::try_from(honest).unwrap_or(u32::MAX);
        limits.org_short_wrong_24h.max(honest)
    }

    /// Whether everybody gets long codes.
    #[must_use]
    pub fn is_long(&self, now: Timestamp) -> bool {
        self.long_until.is_some_and(|until| now < until)
    }

    /// How many there were in the last day; whole hours, so up to one hour more than a day.
    #[must_use]
    pub fn wrong_24h(&self, now: Timestamp) -> u32 {
        let young = self.wrong.iter().filter(|hourly| hourly.counts(now));
        young.fold(0, |sum, hourly| sum.saturating_add(hourly.count))
    }

    /// Counts a wrong answer to a short code. With long codes out nothing changes.
    ///
    /// The answer that reaches the budget switches to long codes: not one more is compared.
    pub fn add_wrong(
        &mut self,
        limits: &Limits,
        answered_24h: u32,
        now: Timestamp,
    ) -> Option<OrgTurn> {
        if self.is_long(now) {
            return None;
        }
        self.wrong.retain(|hourly| hourly.counts(now));
        let hour = hour_of(now);
        match self.wrong.iter_mut().find(|hourly| hourly.hour == hour) {
            Some(hourly) => hourly.count = hourly.count.saturating_add(1),
            None => self.wrong.push(Hourly { hour, count: 1 }),
        }
        if self.wrong_24h(now) < Self::budget(limits, answered_24h) {
            return None;
        }
        self.wrong.clear();
        self.long_until = Some(now.plus_seconds(limits.org_long_mode_seconds));
        Some(OrgTurn::AttackBegins)
    }

    /// Notices that the time of long codes is over, once.
    pub fn settle(&mut self, now: Timestamp) -> Option<OrgTurn> {
        let over = self.long_until.is_some_and(|until| now >= until);
        if over {
            self.long_until = None;
        }
        over.then_some(OrgTurn::AttackEnds)
    }

    /// From when on nothing in it counts.
    #[must_use]
    pub fn end(&self) -> Option<Timestamp> {
        let newest = self.wrong.iter().map(|hourly| hourly.hour).max();
        let wrong = newest.map(|hour| Timestamp::from_millis((hour + 1) * HOUR * 1_000));
        let wrong = wrong.map(|end| end.plus_seconds(DAY));
        let long = self
            .long_until
            .map(|until| until.plus_seconds(NOTICED_SECONDS));
        wrong.max(long)
    }
}

impl Hourly {
    /// Whether a part of the hour is within the last day.
    fn counts(self, now: Timestamp) -> bool {
        now.as_millis() < ((self.hour + 1) * HOUR + DAY) * 1_000
    }
}

fn hour_of(now: Timestamp) -> i64 {
    now.as_seconds().div_euclid(HOUR)
}
