//! M-02, starts, and recoveries under way: what one name may ask for.

use super::named;
use crate::harness::*;
use regain_engine::{Input, Limit, Policy, Refusal};

const ALIASES: [&str; 4] = [
    "alice@example.com",
    "ALICE@Example.com",
    "alice+a@example.com",
    "alice+b+c@example.com",
];

/// What each of `count` attempts came to, `pause` seconds apart: the limit, and until when.
fn attempts(shell: &mut Shell, names: &[&str], count: usize, pause: i64) -> Vec<String> {
    let mut said = Vec::new();
    for index in 0..count {
        let came = shell.try_code_page(index, names[index % names.len()], None);
        said.push(match came {
            Came::Refused(Refusal::Limited(limited)) => {
                let wait = limited.until.map(|until| until.seconds_since(shell.now));
                format!("{:?} {wait:?}", limited.limit)
            }
            came => format!("{:?}", came.keys()),
        });
        shell.wait(pause);
    }
    said
}

#[test]
fn t_m2_five_mails_in_a_quarter_of_an_hour() {
    let mut shell = Shell::new(Policy::default());
    let said = attempts(&mut shell, &ALIASES, 8, 60);
    assert!(said[..5].iter().all(|said| said == "[]"), "{said:?}");
    assert_eq!(
        said[5], "IdentifierMails Some(600)",
        "when the first leaves"
    );
    assert_eq!(said[7], "IdentifierMails Some(480)");
    assert_eq!(shell.mails.len(), 5);
    shell.wait(419);
    assert_eq!(
        attempts(&mut shell, &ALIASES, 1, 1),
        ["IdentifierMails Some(1)"]
    );
    assert_eq!(attempts(&mut shell, &ALIASES, 1, 1), ["[]"]);
}

#[test]
fn t_m2_ten_in_an_hour_and_twenty_in_a_day() {
    let mut shell = Shell::new(Policy::default());
    let mut sent_by_hour = Vec::new();
    for _ in 0..25 {
        let before = shell.mails.len();
        attempts(&mut shell, &["alice@example.com"], 12, 300);
        sent_by_hour.push(shell.mails.len() - before);
    }
    assert_eq!(&sent_by_hour[..3], [10, 10, 0]);
    assert_eq!(
        sent_by_hour.iter().sum::<usize>(),
        30,
        "twenty, and ten of the next day"
    );
}

#[test]
fn t_m2_resends_count_like_new_flows() {
    let mut shell = Shell::new(Policy::default());
    for flow in 0..2 {
        assert!(shell.try_code_page(flow, "alice@example.com", None).is_ok());
    }
    for expected in [true, true, true, false] {
        shell.wait(31);
        let came = shell.take(0, Input::Resend);
        assert_eq!(came.is_ok(), expected);
        assert_eq!(came.limit().is_some(), !expected);
    }
}

#[test]
fn t_e5_limits_are_the_same_for_nobody() {
    let of = |name: &str| {
        let mut shell = Shell::new(Policy::default());
        let mut said = attempts(&mut shell, &[name], 40, 301);
        shell.wait(100_000);
        said.extend(attempts(&mut shell, &[name], 40, 7));
        for flow in 0..6 {
            said.push(format!("{:?}", shell.flow(flow).climb().is_some()));
        }
        said
    };
    let active = of("alice@example.com");
    assert!(
        active
            .iter()
            .any(|said| said.starts_with("IdentifierMails"))
    );
    for name in ["nobody", "locked", "suspended", "gone"] {
        assert_eq!(of(&format!("{name}@example.com")), active, "{name}");
    }
}

#[test]
fn t_e6_the_walk_to_long_codes_is_the_same_for_nobody() {
    let walk = |name: &str| {
        let mut shell = Shell::new(Policy::default());
        let mut seen = Vec::new();
        for flow in 0..4 {
            seen.push(shell.try_code_page(flow, name, None).keys());
            for _ in 0..6 {
                seen.push(shell.guess(flow).keys());
            }
            shell.wait(31);
            seen.push(shell.take(flow, Input::Resend).keys());
            seen.push(shell.guess(flow).keys());
            shell.wait(900);
        }
        (
            seen,
            (0..4).map(|flow| shell.digits(flow)).collect::<Vec<_>>(),
        )
    };
    let active = walk("alice@example.com");
    assert_eq!(active.1, [6, 12, 12, 12]);
    for name in ["nobody", "locked", "suspended", "gone"] {
        assert_eq!(walk(&format!("{name}@example.com")), active, "{name}");
    }
}

#[test]
fn ten_recoveries_may_be_under_way_and_none_is_put_out() {
    let mut shell = Shell::new(Policy::default());
    let begin = |shell: &mut Shell, flow: usize| {
        shell.begin(flow);
        shell.take(flow, Input::Recover);
        shell.take(flow, named("alice@example.com", None))
    };
    for flow in 0..10 {
        assert!(begin(&mut shell, flow).is_ok());
        shell.wait(1);
    }
    let refused = begin(&mut shell, 10);
    assert_eq!(refused.limit(), Some(Limit::IdentifierLive));
    // Whoever starts over in a flow is still one.
    assert!(shell.take(0, Input::Cancel).is_ok());
    assert!(shell.take(0, Input::Recover).is_ok());
    assert!(shell.take(0, named("alice@example.com", None)).is_ok());
    let id = shell.email_id();
    assert!(
        shell.take(3, select(&id)).is_ok(),
        "I-11: an old one goes on"
    );
    // The first ends after an hour.
    shell.wait(3_600 - 10);
    assert!(begin(&mut shell, 11).is_ok());
    assert_eq!(begin(&mut shell, 12).limit(), Some(Limit::IdentifierLive));
}

#[test]
fn a_recovery_that_is_done_leaves_its_place() {
    let mut shell = Shell::new(Policy::default());
    for flow in 0..9 {
        shell.begin(flow);
        shell.take(flow, Input::Recover);
        assert!(shell.take(flow, named("alice@example.com", None)).is_ok());
    }
    assert!(shell.try_code_page(9, "alice@example.com", None).is_ok());
    assert!(shell.recover_with_code(9, NEW_PASSWORD));
    for flow in 10..19 {
        shell.begin(flow);
        shell.take(flow, Input::Recover);
        let came = shell.take(flow, named("alice@example.com", None));
        assert!(came.is_ok(), "{flow} {came:?}");
    }
}

#[test]
fn with_volume_limits_off_nothing_is_counted_but_guesses() {
    let mut policy = Policy::default();
    policy.limits.volume = false;
    let mut shell = Shell::new(policy);
    for flow in 0..50 {
        assert!(shell.try_code_page(flow, "alice@example.com", None).is_ok());
    }
    assert!(shell.ledgers.is_empty(), "and nothing is written");
    shell.guess(0);
    assert!(!shell.ledgers.is_empty());
}
