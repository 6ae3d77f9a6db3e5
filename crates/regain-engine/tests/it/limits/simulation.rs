//! T-G7: the best that an attacker can do in ten thousand years, from event to event.

use std::collections::VecDeque;

use regain_engine::{IdentifierLedger, Limits, OrgLedger, Policy};
use regain_types::{Entropy as _, Timestamp};

use crate::harness::Seeded;

const DAY: i64 = 24 * 3_600 * 1_000;
const YEAR: i64 = 365 * DAY;

fn limits() -> Limits {
    Policy::default().limits
}

/// Counts what lies within a year before each event, and keeps the most.
#[derive(Default)]
struct BusiestYear {
    young: VecDeque<i64>,
    most: usize,
}

impl BusiestYear {
    fn add(&mut self, now: i64) {
        self.young.push_back(now);
        while self.young.front().is_some_and(|at| now - at >= YEAR) {
            self.young.pop_front();
        }
        self.most = self.most.max(self.young.len());
    }
}

#[test]
fn t_g7_the_best_attacker_compares_130_short_codes_in_any_year() {
    // Greedy: each guess as soon as it is compared. No other order fits more into a year; the
    // next test tries others.
    let (mut ledger, mut busiest, mut now) =
        (IdentifierLedger::default(), BusiestYear::default(), 0);
    while now < 10_000 * YEAR {
        let at = Timestamp::from_millis(now);
        match ledger.short_codes_at(&limits(), at) {
            None => {
                ledger.add_wrong_answer(true, &limits(), at);
                busiest.add(now);
            }
            Some(free) => now = free.as_millis(),
        }
    }
    assert_eq!(busiest.most, 130);
    let bound = Policy::default().guess_bound();
    assert!(f64::from(130) * 1e-6 <= bound.one_account);
}

#[test]
fn t_g7_no_random_attacker_does_better() {
    let mut random = Seeded(5);
    for style in 0..20_u32 {
        let (mut ledger, mut busiest, mut now) =
            (IdentifierLedger::default(), BusiestYear::default(), 0);
        while now < 100 * YEAR {
            let at = Timestamp::from_millis(now);
            let mut bytes = [0; 4];
            random.fill(&mut bytes);
            let draw = i64::from(u32::from_le_bytes(bytes));
            match ledger.short_codes_at(&limits(), at) {
                None => {
                    ledger.add_wrong_answer(true, &limits(), at);
                    busiest.add(now);
                    if draw % 3 == 0 {
                        now += draw % (DAY << (style % 5));
                    }
                }
                Some(free) => now = free.as_millis() + draw % (1 + i64::from(style) * 1_000),
            }
        }
        assert!(busiest.most <= 130, "{style}: {}", busiest.most);
    }
}

#[test]
fn t_g7_a_sprayer_who_stays_below_the_budget_gets_what_the_table_says() {
    // Just below the budget every day, for a hundred years: what the org pays for six digits.
    let (mut ledger, mut busiest, mut now) = (OrgLedger::default(), BusiestYear::default(), 0);
    let budget = OrgLedger::budget(&limits(), 0);
    while now < 100 * YEAR {
        let at = Timestamp::from_millis(now);
        if ledger.wrong_24h(at) + 1 < budget {
            assert_eq!(ledger.add_wrong(&limits(), 0, at), None);
            busiest.add(now);
        } else {
            now += 3_600 * 1_000;
        }
    }
    let expected = f64::from(u32::try_from(busiest.most).unwrap()) * 1e-6;
    assert!(
        expected <= Policy::default().guess_bound().whole_org,
        "{expected}"
    );
    assert!(
        expected > 0.06,
        "the simulation reaches the bound: {expected}"
    );
    // Whoever takes the last one as well has a week of long codes.
    let at = Timestamp::from_millis(now);
    while ledger.add_wrong(&limits(), 0, at).is_none() {}
    assert!(ledger.is_long(at));
}
