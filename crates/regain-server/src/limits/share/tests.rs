use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

const CEILING: Ceiling = Ceiling {
    at_most: 60,
    window_seconds: 60,
};

/// What the store does: gives what is left of each window.
#[derive(Default)]
struct Allowances {
    used: HashMap<Timestamp, u32>,
    trips: u32,
}

impl Allowances {
    fn take(&mut self, ceiling: Ceiling, want: u32, ends_at: Timestamp) -> Allowance {
        self.trips += 1;
        let used = self.used.entry(ends_at).or_default();
        let granted = want.min(ceiling.at_most - *used);
        *used += granted;
        Allowance {
            granted,
            used: *used,
        }
    }

    fn ask(&mut self, share: &mut Share, ceiling: Ceiling, now: Timestamp) -> Verdict {
        match share.ask(ceiling, now) {
            Ask::Done(verdict) => verdict,
            Ask::Take(want, ends_at) => {
                let allowance = self.take(ceiling, want, ends_at);
                share.credit(ceiling, ends_at, allowance)
            }
        }
    }
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

#[test]
fn one_node_lets_through_as_many_as_may_and_not_one_more() {
    // T-G11: exact at the boundary, and the header counts down by one.
    let (mut store, mut share) = (Allowances::default(), Share::default());
    for number in 1..=60 {
        let Verdict::Admitted(quota) = store.ask(&mut share, CEILING, at(1)) else {
            panic!("{number} of 60 was refused");
        };
        assert_eq!(quota.remaining, 60 - number);
        assert_eq!(quota.resets_at, at(60_000));
    }
    for refused in 0..3 {
        let verdict = store.ask(&mut share, CEILING, at(59_999));
        let quota = Quota {
            limit: 60,
            remaining: 0,
            resets_at: at(60_000),
        };
        assert_eq!(verdict, Verdict::Refused(quota, refused));
    }
    let next = store.ask(&mut share, CEILING, at(60_000));
    assert!(matches!(next, Verdict::Admitted(quota) if quota.remaining == 59));
}

#[test]
fn an_honest_recovery_costs_one_round_trip() {
    let (mut store, mut share) = (Allowances::default(), Share::default());
    for _ in 0..15 {
        store.ask(&mut share, CEILING, at(1));
    }
    assert_eq!(store.trips, 1);
    for _ in 15..1_000 {
        store.ask(&mut share, CEILING, at(1));
    }
    assert!(
        store.trips <= 16,
        "who is refused costs none: {}",
        store.trips
    );
}

#[test]
fn what_was_taken_for_a_window_that_passed_meanwhile_is_no_gift_to_the_next() {
    let (mut store, mut share) = (Allowances::default(), Share::default());
    let Ask::Take(want, ends_at) = share.ask(CEILING, at(59_999)) else {
        panic!("nothing is held at first");
    };
    let allowance = store.take(CEILING, want, ends_at);
    store.ask(&mut share, CEILING, at(60_000));
    let held = share.held;
    share.credit(CEILING, ends_at, allowance);
    assert_eq!(share.held, held);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    /// T-G9: beside a reference that counts, over nodes, with ties and jumps of time: never more
    /// than the ceiling in a window; and one node alone refuses exactly when the reference does.
    #[test]
    fn t_g9_no_number_of_nodes_lets_more_through_than_one(
        at_most in 1_u32..80,
        nodes in 1_usize..5,
        events in prop::collection::vec((0_usize..5, -20_000_i64..40_000, 0_u8..6), 1..300),
    ) {
        let ceiling = Ceiling { at_most, window_seconds: 60 };
        let mut store = Allowances::default();
        let mut shares = vec![Share::default(); nodes];
        let mut reference: HashMap<Timestamp, u32> = HashMap::new();
        let mut late: Vec<(usize, Timestamp, Allowance)> = Vec::new();
        let mut now = 1_000_000_i64;
        let mut went_back = false;
        for (node, moved, kind) in events {
            // Most happen at the same moment as the one before.
            if kind < 2 {
                now += moved;
                went_back |= moved < 0;
            }
            let node = node % nodes;
            let asked = shares[node].ask(ceiling, at(now));
            let window = ceiling.window_end(at(now));
            let verdict = match asked {
                Ask::Done(verdict) => verdict,
                Ask::Take(want, ends_at) => {
                    prop_assert!(want <= at_most);
                    let allowance = store.take(ceiling, want, ends_at);
                    if kind == 5 {
                        // The answer comes late, after others.
                        late.push((node, ends_at, allowance));
                        continue;
                    }
                    shares[node].credit(ceiling, ends_at, allowance)
                }
            };
            let count = reference.entry(window).or_default();
            if let Verdict::Admitted(quota) = verdict {
                *count += 1;
                prop_assert!(quota.remaining < at_most || at_most == 0);
            } else if nodes == 1 && !went_back && late.is_empty() {
                prop_assert_eq!(*count, at_most, "refused too early");
            }
            prop_assert!(*count <= at_most, "{} of {}", count, at_most);
        }
        for (node, ends_at, allowance) in late {
            if matches!(shares[node].credit(ceiling, ends_at, allowance), Verdict::Admitted(_)) {
                *reference.entry(ends_at).or_default() += 1;
            }
        }
        for (window, count) in reference {
            prop_assert!(count <= at_most, "{} of {} at {:?}", count, at_most, window);
        }
    }
}
