//! T-G9: the limiters against a second, slow and obvious form, over random streams of events with
//! ties and jumps; and that no list in them grows without end.

use proptest::prelude::*;
use regain_engine::{
    IdentifierLedger, Limits, Marks, OrgLedger, OrgTurn, Payment, Policy, StartVerdict,
};
use regain_types::{FlowId, Timestamp};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// Pauses in milliseconds: many ties, many short ones, a jump of weeks now and then.
fn pauses() -> impl Strategy<Value = Vec<i64>> {
    let pause = prop_oneof![
        3 => Just(0),
        3 => 1..2_000_i64,
        3 => 1_000..(2 * HOUR * 1_000),
        1 => (DAY * 1_000)..(40 * DAY * 1_000),
        1 => Just(30 * DAY * 1_000),
        1 => Just(15 * 60 * 1_000),
    ];
    proptest::collection::vec(pause, 1..200)
}

/// Everything that ever happened, counted anew each time.
#[derive(Default)]
struct Everything(Vec<i64>);

impl Everything {
    fn within(&self, seconds: i64, now: i64) -> u32 {
        let young = self.0.iter().filter(|at| now < **at + seconds * 1_000);
        u32::try_from(young.count()).unwrap()
    }
}

fn limits() -> Limits {
    Policy::default().limits
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn t_g9_marks_count_like_everything_that_ever_happened(
        pauses in pauses(), limit in 1..12_u32, seconds in prop_oneof![Just(900), Just(HOUR), Just(30 * DAY)]
    ) {
        let (mut marks, mut all, mut now) = (Marks::default(), Everything::default(), 0);
        for pause in pauses {
            now += pause;
            let at = Timestamp::from_millis(now);
            let room = marks.room_at(limit, seconds, at);
            prop_assert_eq!(room.is_none(), all.within(seconds, now) < limit);
            match room {
                None => {
                    marks.add(at, seconds, limit);
                    all.0.push(now);
                }
                Some(free) => {
                    // There is room from that very millisecond on, and not one before.
                    let free = free.as_millis();
                    prop_assert!(free > now);
                    prop_assert!(all.within(seconds, free) < limit);
                    prop_assert_eq!(all.within(seconds, free - 1), limit);
                }
            }
            prop_assert!(serde_json::to_string(&marks).unwrap().len() < 200);
        }
    }

    #[test]
    fn t_g9_short_codes_are_compared_ten_times_in_any_thirty_days(pauses in pauses()) {
        let (mut ledger, mut all, mut now) = (IdentifierLedger::default(), Everything::default(), 0);
        for pause in pauses {
            now += pause;
            let at = Timestamp::from_millis(now);
            let short = ledger.short_codes_at(&limits(), at).is_none();
            prop_assert_eq!(short, all.within(30 * DAY, now) < 10);
            ledger.add_wrong_answer(short, &limits(), at);
            if short {
                all.0.push(now);
            }
            prop_assert!(all.within(30 * DAY, now) <= 10);
            // The row outlives everything in it.
            prop_assert!(ledger.end(&limits()).unwrap() > at);
        }
    }

    #[test]
    fn t_g9_mails_of_a_name_stay_within_every_window(pauses in pauses(), seed in any::<u64>()) {
        let mut ledger = IdentifierLedger::default();
        let (mut free, mut inbox, mut now) = (Everything::default(), Everything::default(), 0);
        for (step, pause) in pauses.into_iter().enumerate() {
            now += pause;
            let at = Timestamp::from_millis(now);
            match ledger.mail_at(&limits(), at) {
                None => {
                    ledger.add_mail(&limits(), at);
                    free.0.push(now);
                    inbox.0.push(now);
                }
                Some(limited) => {
                    let until = limited.until.unwrap();
                    prop_assert!(until > at);
                    prop_assert!(ledger.mail_at(&limits(), until).is_none());
                    let pays = seed >> (step % 64) & 1 == 1;
                    let payment = if pays { Payment::ProofOfWork } else { Payment::KnownDevice };
                    if ledger.extra_mail_at(payment, &limits(), at).is_none() {
                        ledger.add_extra_mail(at);
                        inbox.0.push(now);
                    }
                }
            }
            prop_assert!(free.within(900, now) <= 5);
            prop_assert!(free.within(HOUR, now) <= 10);
            prop_assert!(free.within(DAY, now) <= 20);
            prop_assert!(inbox.within(HOUR, now) <= 30);
            prop_assert!(serde_json::to_string(&ledger).unwrap().len() < 4_000, "bounded (R-18)");
        }
    }

    #[test]
    fn t_g9_starts_and_recoveries_under_way_are_never_over_admitted(pauses in pauses()) {
        let (mut ledger, mut now) = (IdentifierLedger::default(), 0);
        let (mut begun, mut live) = (Everything::default(), Vec::new());
        for (step, pause) in pauses.into_iter().enumerate() {
            now += pause;
            let at = Timestamp::from_millis(now);
            live.retain(|until| now < *until);
            let flow = FlowId::parse(format!("flw{step}")).unwrap();
            let verdict = ledger.start_verdict(&flow, &limits(), at);
            let allowed = begun.within(DAY, now) < 20 && live.len() < 10;
            prop_assert_eq!(verdict == StartVerdict::Begins, allowed);
            if allowed {
                let until = at.plus_seconds(HOUR);
                ledger.add_start((&flow, until), Payment::Free, &limits(), at);
                begun.0.push(now);
                live.push(until.as_millis());
            }
        }
    }

    #[test]
    fn t_g9_the_org_gives_two_hundred_wrong_answers_in_any_day(
        pauses in proptest::collection::vec(prop_oneof![
            2 => Just(0), 5 => 0..200_000_i64, 1 => 0..(3 * DAY * 1_000)
        ], 1..600)
    ) {
        let (mut ledger, mut all, mut now) = (OrgLedger::default(), Everything::default(), 0);
        for pause in pauses {
            now += pause;
            let at = Timestamp::from_millis(now);
            ledger.settle(at);
            if ledger.is_long(at) {
                prop_assert_eq!(ledger.add_wrong(&limits(), 0, at), None);
                continue;
            }
            all.0.push(now);
            let turn = ledger.add_wrong(&limits(), 0, at);
            prop_assert!(all.within(DAY, now) <= 200);
            // It counts whole hours: it may switch early, by what an hour holds, never late.
            if turn.is_none() {
                prop_assert!(all.within(DAY, now) < 200);
            } else {
                prop_assert_eq!(turn, Some(OrgTurn::AttackBegins));
                prop_assert!(all.within(DAY + HOUR, now) >= 200);
            }
            prop_assert!(serde_json::to_string(&ledger).unwrap().len() < 1_200, "bounded (R-18)");
        }
    }
}
