//! G-08 and G-04: wrong passwords make one wait, and never a known device.

use super::signing_in;
use crate::harness::*;
use regain_engine::{Input, Limit, Policy, Refusal, SignInMode};

const ALICE: &str = "alice@example.com";

/// Tries a password in a new flow.
fn try_password(shell: &mut Shell, typed: &str, password: &str, device: Option<&str>) -> Came {
    let flow = shell.fresh();
    shell.take(flow, signing_in(typed, password, device))
}

/// Seconds that a refusal asks to wait.
fn wait(shell: &Shell, came: &Came) -> Option<i64> {
    match came {
        Came::Refused(Refusal::Limited(limited)) => {
            limited.until.map(|until| until.seconds_since(shell.now))
        }
        Came::Committed(_) | Came::Shown(_) | Came::Refused(_) => None,
    }
}

#[test]
fn t_g8_from_the_fourth_on_each_wrong_password_doubles_the_wait() {
    for typed in [ALICE, "nobody@example.com", "suspended@example.com"] {
        let mut shell = Shell::new(Policy::default());
        let mut count = 0;
        let mut waits = Vec::new();
        while waits.len() < 12 {
            let came = try_password(&mut shell, typed, "wrong", None);
            let Some(seconds) = wait(&shell, &came) else {
                assert_eq!(came.keys(), ["errors.E0000004"], "{typed}");
                count += 1;
                continue;
            };
            assert_eq!(came.keys(), ["tooManyRequests"]);
            assert_eq!(came.limit(), Some(Limit::PasswordBackoff));
            waits.push((count, seconds));
            shell.wait(seconds);
        }
        let doubled = (4..14).map(|count| (count, 1 << (count - 4)));
        let expected: Vec<(i32, i64)> = doubled.chain([(14, 900), (15, 900)]).collect();
        assert_eq!(waits, expected, "{typed}");
        let right = try_password(&mut shell, typed, PASSWORD, None);
        assert_eq!(right.is_ok(), typed == ALICE);
        let next = try_password(&mut shell, typed, "wrong", None);
        assert_eq!(
            next.limit().is_none(),
            typed == ALICE,
            "a success ends the row"
        );
    }
}

#[test]
fn within_the_wait_nothing_is_hashed_or_counted() {
    let mut shell = Shell::new(Policy::default());
    for _ in 0..4 {
        try_password(&mut shell, ALICE, "wrong", None);
    }
    let before = shell.ledgers.clone();
    for password in ["wrong", PASSWORD] {
        // The harness would panic at a second need; a refusal asks for none.
        let came = try_password(&mut shell, ALICE, password, None);
        assert_eq!(came.limit(), Some(Limit::PasswordBackoff));
    }
    assert_eq!(format!("{before:?}"), format!("{:?}", shell.ledgers));
    shell.wait(1);
    assert!(try_password(&mut shell, ALICE, PASSWORD, None).is_ok());
}

#[test]
fn t_g8_ten_thousand_wrong_passwords_do_not_keep_the_owner_out() {
    let mut shell = Shell::new(Policy::default());
    shell.make_known("alice", "laptop");
    for _ in 0..10_000 {
        try_password(&mut shell, ALICE, "wrong", None);
        shell.wait(1);
    }
    let known = shell.clone();
    let mut shell = known.clone();
    let came = try_password(&mut shell, ALICE, PASSWORD, Some("laptop"));
    assert!(came.is_ok(), "the first try: {came:?}");
    let mut shell = known.clone();
    let came = try_password(&mut shell, ALICE, PASSWORD, None);
    assert!(came.limit().is_some(), "a new device waits");
    // And recovers by mail.
    shell.flows.clear();
    assert!(shell.try_code_page(0, ALICE, None).is_ok());
    assert!(shell.recover_with_code(0, NEW_PASSWORD));
    assert!(try_password(&mut shell, ALICE, NEW_PASSWORD, None).is_ok());
}

#[test]
fn t_g10_after_the_101st_wrong_password_only_known_devices_may_try() {
    for typed in [ALICE, "nobody@example.com"] {
        let mut shell = Shell::new(Policy::default());
        shell.make_known("alice", "laptop");
        let mut counted = 0;
        while counted < 101 {
            let came = try_password(&mut shell, typed, "wrong", None);
            counted += u32::from(came.keys() == ["errors.E0000004"]);
            assert_ne!(came.limit(), Some(Limit::PasswordSuspended), "{counted}");
            shell.wait(900);
        }
        shell.wait(30 * 24 * 60 * 60);
        let refused = try_password(&mut shell, typed, PASSWORD, None);
        assert_eq!(refused.limit(), Some(Limit::PasswordSuspended), "{typed}");
        assert_eq!(
            refused.keys(),
            ["tooManyRequests"],
            "it looks like any wait"
        );
        if typed != ALICE {
            continue;
        }
        let mut elsewhere = shell.clone();
        assert!(try_password(&mut elsewhere, ALICE, PASSWORD, Some("laptop")).is_ok());
        assert!(
            try_password(&mut elsewhere, ALICE, PASSWORD, None).is_ok(),
            "lifted"
        );
        shell.flows.clear();
        assert!(shell.try_code_page(0, ALICE, None).is_ok());
        assert!(shell.recover_with_code(0, NEW_PASSWORD));
        assert!(
            try_password(&mut shell, ALICE, NEW_PASSWORD, None).is_ok(),
            "lifted"
        );
    }
}

#[test]
fn a_known_device_waits_for_its_own_mistakes_only() {
    let mut shell = Shell::new(Policy::default());
    shell.make_known("alice", "laptop");
    for _ in 0..4 {
        try_password(&mut shell, ALICE, "wrong", Some("laptop"));
    }
    let own = try_password(&mut shell, ALICE, PASSWORD, Some("laptop"));
    assert_eq!(own.limit(), Some(Limit::PasswordBackoff));
    assert!(try_password(&mut shell, ALICE, PASSWORD, None).is_ok());
    shell.wait(1);
    assert!(try_password(&mut shell, ALICE, PASSWORD, Some("laptop")).is_ok());
}

#[test]
fn the_page_with_the_password_alone_counts_on_the_same_ledger() {
    let policy = Policy {
        sign_in_mode: SignInMode::IdentifierFirst,
        ..Policy::default()
    };
    for typed in [ALICE, "nobody@example.com"] {
        let mut shell = Shell::new(policy.clone());
        for flow in 0..2 {
            shell.begin(flow);
            assert!(shell.take(flow, super::named(typed, None)).is_ok());
            for _ in 0..2 {
                let came = shell.take(flow, answer("wrong"));
                assert_eq!(came.keys(), ["errors.E0000004"]);
            }
        }
        let refused = shell.take(1, answer(PASSWORD));
        assert_eq!(refused.limit(), Some(Limit::PasswordBackoff), "{typed}");
        let refused = shell.take(0, answer(PASSWORD));
        assert_eq!(refused.limit(), Some(Limit::PasswordBackoff), "{typed}");
        shell.wait(1);
        assert_eq!(shell.take(0, answer(PASSWORD)).is_ok(), typed == ALICE);
    }
}

#[test]
fn a_repeated_sign_in_passes_the_gate_too() {
    // G-10: a finished flow compares a password again, for a request whose answer was lost.
    let mut shell = Shell::new(Policy::default());
    let flow = shell.fresh();
    assert!(shell.take(flow, signing_in(ALICE, PASSWORD, None)).is_ok());
    let repeated = signing_in(ALICE, PASSWORD, None);
    assert!(shell.take(flow, repeated.clone()).is_ok());
    for _ in 0..4 {
        try_password(&mut shell, ALICE, "wrong", None);
    }
    assert_eq!(
        shell.take(flow, repeated).limit(),
        Some(Limit::PasswordBackoff)
    );
    let answered: Input = answer(PASSWORD);
    assert_eq!(
        shell.take(flow, answered).limit(),
        Some(Limit::PasswordBackoff)
    );
}
