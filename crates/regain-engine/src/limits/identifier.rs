//! What was spent on one name, by whoever and from wherever.

use regain_types::{FlowId, Timestamp};
use serde::{Deserialize, Serialize};

use super::limit::{Limit, Limited};
use super::{DAY, HOUR, InARow, MINUTE, Marks};
use crate::policy::Limits;

/// The window of wrong answers to short codes (G-01).
const SHORT_WINDOW: i64 = 30 * DAY;
/// No inbox gets more mails in an hour, whoever pays for them (M-03).
const INBOX_MAILS_1H: u32 = 30;
/// Starts that were paid for are remembered up to this many, for the price of the next one.
const PAID_KEPT: u32 = 200;

/// Wrong answers to a second factor in thirty days, which no sign-in of its owner forgets; beyond
/// that only known devices may try one. With three codes of a million that are right at any time, so
/// many guesses a month hit within a year with a chance of one in a thousand.
pub(crate) const SECOND_FACTORS_MAX: u32 = 30;
/// The window of wrong answers to a second factor.
const SECOND_FACTOR_WINDOW: i64 = 30 * DAY;

/// The ledger of a name. Every list in it is bounded by a limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct IdentifierLedger {
    /// Wrong answers to short codes.
    #[serde(skip_serializing_if = "Marks::is_empty")]
    wrong_short: Marks,
    /// Mails.
    #[serde(skip_serializing_if = "Marks::is_empty")]
    mails: Marks,
    /// Mails beyond that budget: of a known device's reserve, or of a start that was paid for.
    #[serde(skip_serializing_if = "Marks::is_empty")]
    extra_mails: Marks,
    /// Recoveries that were begun.
    #[serde(skip_serializing_if = "Marks::is_empty")]
    starts: Marks,
    /// Recoveries that were begun and paid for.
    #[serde(skip_serializing_if = "Marks::is_empty")]
    paid_starts: Marks,
    /// Recoveries under way.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    live: Vec<Live>,
    /// Wrong passwords in a row, of devices that are not known.
    passwords: InARow,
    /// Wrong answers to the second factor, of devices that are not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    second_factor: Option<SecondFactorAnswers>,
    /// Wrong answers to codes of any length, for the events of G-02.
    wrong_hour: Tumbling,
    wrong_day: Tumbling,
}

/// Wrong answers to one enrolment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct SecondFactorAnswers {
    /// Since when the user has it.
    since: Timestamp,
    wrong: Marks,
    in_a_row: InARow,
}

/// A recovery under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Live {
    flow: FlowId,
    /// When it ends at the latest.
    until: Timestamp,
}

/// A count that begins anew when its time is over. Only events come of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Tumbling {
    since: Option<Timestamp>,
    count: u32,
}

/// Whether a start brings its own budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payment {
    /// It costs from the name's budget.
    Free,
    /// A known device asks, whose own reserve it costs from (G-07).
    KnownDevice,
    /// Proof of work was shown for it: it may go beyond the budget (M-03).
    ProofOfWork,
}

/// What a further start of a recovery comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartVerdict {
    /// It may begin.
    Begins,
    /// Its budget is spent: it may begin if it shows proof of work.
    ProofOfWorkNeeded {
        /// What is spent.
        limited: Limited,
        /// How many were paid for in the last day: the price rises with them.
        paid_24h: u32,
    },
}

impl IdentifierLedger {
    // --- codes -------------------------------------------------------------------------------

    /// How many wrong answers to short codes count now: W(i, 30 d) of G-01.
    #[must_use]
    pub fn wrong_short(&self, now: Timestamp) -> u32 {
        self.wrong_short.within(SHORT_WINDOW, now)
    }

    /// `None` while short codes are sent and compared; else from when on they are again.
    #[must_use]
    pub fn short_codes_at(&self, limits: &Limits, now: Timestamp) -> Option<Timestamp> {
        let limit = limits.identifier_short_wrong_30d;
        self.wrong_short.room_at(limit, SHORT_WINDOW, now)
    }

    /// Counts a wrong answer; the words are reasons of events, for limits that do not refuse
    /// anything (G-02).
    pub fn add_wrong_answer(
        &mut self,
        short: bool,
        limits: &Limits,
        now: Timestamp,
    ) -> Vec<&'static str> {
        let mut reasons = Vec::new();
        if short {
            let limit = limits.identifier_short_wrong_30d;
            self.wrong_short.add(now, SHORT_WINDOW, limit);
            if self.wrong_short(now) == limit {
                reasons.push("IDENTIFIER_SHORT_WRONG_30D");
            }
        }
        if self.wrong_hour.add(HOUR, now) == limits.identifier_wrong_hour + 1 {
            reasons.push("IDENTIFIER_WRONG_HOUR");
        }
        if self.wrong_day.add(DAY, now) == limits.identifier_wrong_day + 1 {
            reasons.push("IDENTIFIER_WRONG_DAY");
        }
        reasons
    }

    // --- passwords ---------------------------------------------------------------------------

    /// Wrong passwords in a row, of devices that are not known.
    #[must_use]
    pub fn passwords(&self) -> &InARow {
        &self.passwords
    }

    /// One more.
    pub fn add_wrong_password(&mut self, limits: &Limits, now: Timestamp) {
        self.passwords.add(limits.consecutive_failures, now);
    }

    /// From when on the second factor that the user has `since` may be tried again, and whether so
    /// many answers were wrong that only this helps, or a new one.
    #[must_use]
    pub fn second_factor_free_at(
        &self,
        since: Timestamp,
        now: Timestamp,
    ) -> Option<(Timestamp, bool)> {
        let answers = self.second_factor.as_ref()?;
        if answers.since != since {
            return None;
        }
        let spent = answers
            .wrong
            .room_at(SECOND_FACTORS_MAX, SECOND_FACTOR_WINDOW, now);
        let waits = answers.in_a_row.free_at(u32::MAX, now);
        spent
            .map(|until| (until, true))
            .or(waits.map(|until| (until, false)))
    }

    /// One more wrong answer; says whether it is the last that was free.
    pub fn add_wrong_second_factor(&mut self, since: Timestamp, now: Timestamp) -> bool {
        let known = self.second_factor.take();
        let mut answers =
            known
                .filter(|answers| answers.since == since)
                .unwrap_or(SecondFactorAnswers {
                    since,
                    wrong: Marks::default(),
                    in_a_row: InARow::default(),
                });
        answers.in_a_row.add(u32::MAX, now);
        answers
            .wrong
            .add(now, SECOND_FACTOR_WINDOW, SECOND_FACTORS_MAX);
        let count = answers.wrong.within(SECOND_FACTOR_WINDOW, now);
        self.second_factor = Some(answers);
        count == SECOND_FACTORS_MAX
    }

    /// The name has signed in, with all that this takes: nobody waits any more. Wrong answers to
    /// codes stay counted (G-09).
    pub fn sign_in(&mut self) -> bool {
        let waited = self
            .second_factor
            .as_mut()
            .is_some_and(|answers| answers.in_a_row.clear());
        self.passwords.clear() || waited
    }

    /// The name has recovered; says whether that changed anything. Wrong answers to
    /// codes stay counted (G-09).
    pub fn succeed(&mut self) -> bool {
        self.passwords.clear()
    }

    // --- recoveries --------------------------------------------------------------------------

    /// Whether `flow` may begin a recovery.
    #[must_use]
    pub fn start_verdict(&self, flow: &FlowId, limits: &Limits, now: Timestamp) -> StartVerdict {
        let begun = limited(
            Limit::IdentifierStarts,
            self.starts.room_at(limits.starts_24h, DAY, now),
        );
        let limited = begun
            .or_else(|| self.live_at(flow, limits, now))
            .or_else(|| self.mail_at(limits, now));
        match limited {
            None => StartVerdict::Begins,
            Some(limited) => StartVerdict::ProofOfWorkNeeded {
                limited,
                paid_24h: self.paid_starts.within(DAY, now),
            },
        }
    }

    /// A recovery begins, which ends at `until` at the latest.
    ///
    /// One that was paid for does not use up the free ones: who cannot pay would else be kept out
    /// by those who can.
    pub fn add_start(
        &mut self,
        (flow, until): (&FlowId, Timestamp),
        payment: Payment,
        limits: &Limits,
        now: Timestamp,
    ) {
        match payment {
            Payment::Free => self.starts.add(now, DAY, limits.starts_24h),
            Payment::KnownDevice => {}
            Payment::ProofOfWork => self.paid_starts.add(now, DAY, PAID_KEPT),
        }
        self.end_start(flow, now);
        if self.live.len() < usize::try_from(limits.live_recoveries).unwrap_or(usize::MAX) {
            let flow = flow.clone();
            self.live.push(Live { flow, until });
        }
    }

    /// A recovery is over.
    pub fn end_start(&mut self, flow: &FlowId, now: Timestamp) {
        self.live
            .retain(|live| live.flow != *flow && now < live.until);
    }

    /// Every recovery is over: the name's owner has a new password.
    pub fn end_all_starts(&mut self) -> bool {
        let any = !self.live.is_empty();
        self.live.clear();
        any
    }

    /// Never evicts an old one: else an attacker could end the owner's (I-11).
    fn live_at(&self, flow: &FlowId, limits: &Limits, now: Timestamp) -> Option<Limited> {
        let others = self.live.iter().filter(|live| live.flow != *flow);
        let mut ends: Vec<Timestamp> = others
            .map(|live| live.until)
            .filter(|until| now < *until)
            .collect();
        ends.sort_unstable();
        let limit = usize::try_from(limits.live_recoveries).unwrap_or(usize::MAX);
        let over = ends.len().checked_sub(limit)?;
        limited(Limit::IdentifierLive, ends.get(over).copied())
    }

    // --- mails -------------------------------------------------------------------------------

    /// What stands in the way of one more mail; `None`: nothing (M-02).
    #[must_use]
    pub fn mail_at(&self, limits: &Limits, now: Timestamp) -> Option<Limited> {
        let windows = [
            (limits.mails_15m, 15 * MINUTE),
            (limits.mails_1h, HOUR),
            (limits.mails_24h, DAY),
        ];
        let full = windows
            .into_iter()
            .filter_map(|(limit, seconds)| self.mails.room_at(limit, seconds, now));
        limited(Limit::IdentifierMails, full.max()).or_else(|| self.inbox_at(INBOX_MAILS_1H, now))
    }

    /// What stands in the way of a mail beyond the budget: only what an inbox may get at all. Of
    /// that, whoever pays leaves the reserve of a known device.
    #[must_use]
    pub fn extra_mail_at(
        &self,
        payment: Payment,
        limits: &Limits,
        now: Timestamp,
    ) -> Option<Limited> {
        let most = match payment {
            Payment::Free | Payment::KnownDevice => INBOX_MAILS_1H,
            Payment::ProofOfWork => INBOX_MAILS_1H.saturating_sub(limits.device_mails_1h),
        };
        self.inbox_at(most, now)
    }

    /// Counts a mail.
    pub fn add_mail(&mut self, limits: &Limits, now: Timestamp) {
        self.mails.add(now, DAY, limits.mails_24h);
    }

    /// Counts a mail beyond the budget.
    pub fn add_extra_mail(&mut self, now: Timestamp) {
        self.extra_mails.add(now, HOUR, INBOX_MAILS_1H);
    }

    /// How many mails went to this name in the last hour, of whatever budget.
    #[must_use]
    pub fn mails_in_hour(&self, now: Timestamp) -> u32 {
        self.mails.within(HOUR, now) + self.extra_mails.within(HOUR, now)
    }

    fn inbox_at(&self, most: u32, now: Timestamp) -> Option<Limited> {
        if self.mails_in_hour(now) < most {
            return None;
        }
        // The first of them that leaves the window makes room.
        let ends = [&self.mails, &self.extra_mails].map(|mails| mails.first_leaves(HOUR, now));
        let until = ends.into_iter().flatten().min();
        limited(
            Limit::IdentifierMails,
            Some(until.unwrap_or(now.plus_seconds(HOUR))),
        )
    }

    // --- the row -----------------------------------------------------------------------------

    /// From when on nothing in it counts.
    #[must_use]
    pub fn end(&self, limits: &Limits) -> Option<Timestamp> {
        let ends = [
            self.wrong_short.end(SHORT_WINDOW),
            self.mails.end(DAY),
            self.extra_mails.end(HOUR),
            self.starts.end(DAY),
            self.paid_starts.end(DAY),
            self.live.iter().map(|live| live.until).max(),
            self.passwords.end(limits.consecutive_failures),
            self.second_factor
                .as_ref()
                .and_then(|answers| answers.wrong.end(SECOND_FACTOR_WINDOW)),
            self.wrong_day.end(DAY),
        ];
        ends.into_iter().flatten().max()
    }
}

impl Tumbling {
    /// Counts one; says how many there are.
    fn add(&mut self, seconds: i64, now: Timestamp) -> u32 {
        if self.end(seconds).is_none_or(|end| now >= end) {
            *self = Self {
                since: Some(now),
                count: 0,
            };
        }
        self.count = self.count.saturating_add(1);
        self.count
    }

    fn end(self, seconds: i64) -> Option<Timestamp> {
        self.since.map(|since| since.plus_seconds(seconds))
    }
}

fn limited(limit: Limit, until: Option<Timestamp>) -> Option<Limited> {
    until.map(|until| Limited::until(limit, until))
}
