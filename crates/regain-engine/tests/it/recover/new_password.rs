//! The new password: its rules, and who may set it.

use crate::harness::*;
use regain_engine::{Input, Policy};

#[test]
fn password_changes_only_after_proof() {
    // Every earlier page refuses an answer that would be a fine password.
    type Walk = fn(&mut Shell);
    let walks: [(&str, Walk); 4] = [
        ("first page", |shell| shell.begin(0)),
        ("recover page", |shell| {
            shell.begin(0);
            shell.take(0, Input::Recover);
        }),
        ("choice", |shell| {
            shell.begin(0);
            shell.take(0, Input::Recover);
            shell.take(0, identify("alice"));
        }),
        ("code page", |shell| shell.walk_to_code_page(0, "alice")),
    ];
    for (page, walk) in walks {
        let mut shell = Shell::new(Policy::default());
        walk(&mut shell);
        assert!(!shell.take(0, answer(NEW_PASSWORD)).is_ok(), "{page}");
        assert_eq!(shell.passwords()[0], PASSWORD, "{page}");
    }
}

#[test]
fn a_password_that_breaks_rules_changes_nothing_and_can_be_mended() {
    let mut shell = Shell::new(Policy::default());
    shell.walk_to_reset_page(0, "alice");
    shell.wait(6);
    let before = shell.flow(0).clone();
    for (candidate, key) in [
        ("short", "password.passwordRequirementsNotMet"),
        ("xx-alice-xx", "password.passwordRequirementsNotMet"),
        ("password1", "password.common"),
        (&"x".repeat(1_025), "password.passwordRequirementsNotMet"),
    ] {
        assert_eq!(
            shell.take(0, answer(candidate)).keys(),
            [key],
            "{candidate:.20}"
        );
    }
    assert_eq!(*shell.flow(0), before);
    assert!(shell.take(0, answer(NEW_PASSWORD)).is_ok());
}

#[test]
fn the_present_and_old_passwords_are_refused() {
    // T-P5: with a history of two, the present and the one before; the one before that is free.
    let mut policy = Policy::default();
    policy.password.history = 2;
    let mut shell = Shell::new(policy);
    let chain = ["Violet-Harbour-1", "Violet-Harbour-2", "Violet-Harbour-3"];
    for (index, password) in chain.iter().enumerate() {
        shell.walk_to_reset_page(index, "alice");
        assert!(shell.take(index, answer(password)).is_ok());
    }
    shell.walk_to_reset_page(9, "alice");
    for reused in [chain[2], chain[1]] {
        let came = shell.take(9, answer(reused));
        assert_eq!(
            came.keys(),
            ["password.passwordRequirementsNotMet"],
            "{reused}"
        );
    }
    assert!(shell.take(9, answer(chain[0])).is_ok());
}

#[test]
fn trying_old_passwords_has_an_end() {
    let mut shell = Shell::new(Policy::default());
    shell.walk_to_reset_page(0, "alice");
    for _ in 0..10 {
        assert_eq!(
            shell.take(0, answer(PASSWORD)).keys(),
            ["password.passwordRequirementsNotMet"]
        );
    }
    assert_eq!(
        shell.take(0, answer(NEW_PASSWORD)).keys(),
        ["tooManyRequests"]
    );
}

#[test]
fn a_young_password_stays() {
    let mut policy = Policy::default();
    policy.password.min_age_minutes = 60;
    let mut shell = Shell::new(policy);
    let now = shell.now;
    shell.users[0].password.as_mut().unwrap().set_at = now;
    shell.walk_to_reset_page(0, "alice");
    assert_eq!(
        shell.take(0, answer(NEW_PASSWORD)).keys(),
        ["password.passwordRequirementsNotMet"]
    );
}

#[test]
fn a_user_who_was_switched_off_meanwhile_gets_no_password() {
    let mut shell = Shell::new(Policy::default());
    shell.walk_to_reset_page(0, "alice");
    shell.users[0].status = regain_engine::UserStatus::Suspended;
    assert_eq!(
        shell.take(0, answer(NEW_PASSWORD)).keys(),
        ["idx.session.expired"]
    );
    assert_eq!(shell.passwords()[0], PASSWORD);
}

#[test]
fn the_same_new_password_sent_twice_is_one_change() {
    // the repeated one is checked against the new hash; no digest of it is kept.
    let mut shell = Shell::new(Policy::default());
    shell.walk_to_reset_page(0, "alice");
    shell.take(0, answer(NEW_PASSWORD));
    assert_eq!(
        shell.flow(0).replay,
        None,
        "no digest of a password is stored"
    );
    let before = shell.flow(0).clone();
    assert!(shell.take(0, answer(NEW_PASSWORD)).is_ok());
    assert_eq!(
        shell.take(0, answer("Another-Secret-55")).keys(),
        ["idx.session.expired"]
    );
    assert_eq!(*shell.flow(0), before);
    shell.wait(5);
    assert_eq!(
        shell.take(0, answer(NEW_PASSWORD)).keys(),
        ["idx.session.expired"]
    );
}

#[test]
fn a_cancelled_flow_forgets_its_proof() {
    let mut shell = Shell::new(Policy::default());
    shell.walk_to_reset_page(0, "alice");
    assert!(shell.take(0, Input::Cancel).is_ok());
    assert_eq!(shell.flow(0).generation, 1);
    assert!(!shell.take(0, answer(NEW_PASSWORD)).is_ok());
    assert_eq!(shell.passwords()[0], PASSWORD);
}

#[test]
fn a_second_name_in_the_same_flow_is_refused() {
    // T-S5, in the form of this engine: the name is written once, and nothing else is offered.
    let mut shell = Shell::new(Policy::default());
    shell.walk_to_reset_page(0, "alice");
    let before = shell.flow(0).clone();
    shell.wait(6);
    assert_eq!(shell.take(0, identify("mallory")).keys(), ["E0000020"]);
    assert_eq!(*shell.flow(0), before);
    shell.take(0, answer(NEW_PASSWORD));
    assert_eq!(shell.passwords()[..2], [NEW_PASSWORD, PASSWORD]);
}
