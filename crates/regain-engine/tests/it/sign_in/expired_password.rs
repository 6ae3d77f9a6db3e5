//! A password that is too old, or soon is.

use regain_engine::{
    AuditEvent, Effect, Enrollments, Input, Outgoing, Policy, Stage, enroll_totp, totp_key,
};
use regain_types::SystemEntropy;

use crate::harness::*;

const DAY: i64 = 24 * 60 * 60;

/// Alice's password was set so many days ago.
fn signed_in(age_days: i64, change: impl FnOnce(&mut Policy)) -> Shell {
    let mut policy = Policy::default();
    policy.password.max_age_days = 90;
    policy.password.warn_days = 7;
    change(&mut policy);
    let mut shell = Shell::new(policy);
    let set_at = shell.now.plus_seconds(-age_days * DAY);
    shell.users[0].password.as_mut().unwrap().set_at = set_at;
    shell.begin(0);
    assert!(shell.take(0, identify_with("alice", PASSWORD)).is_ok());
    shell
}

fn offered(shell: &Shell) -> Vec<String> {
    let forms = shell.document(0, &[]).remediation.unwrap().value;
    forms.into_iter().map(|form| form.name).collect()
}

fn is_in(shell: &Shell) -> bool {
    let issued = |effect: &Effect| matches!(effect, Effect::IssueInteractionCode(_));
    shell.effects.iter().any(issued)
}

fn position(shell: &Shell, which: impl Fn(&Effect) -> bool) -> usize {
    shell.effects.iter().position(which).unwrap()
}

#[test]
fn a_password_that_is_too_old_is_replaced_before_anybody_is_in() {
    let mut shell = signed_in(90, |_| {});
    assert_eq!(offered(&shell), ["reenroll-authenticator"]);
    assert!(!is_in(&shell));
    let document = shell.document(0, &[]);
    let current = document.current_authenticator.unwrap().value;
    assert_eq!(current.key.as_deref(), Some("okta_password"));
    assert_eq!(current.settings.unwrap().days_to_expiry, None);
    assert!(document.messages.is_none());
    assert_eq!(shell.take(0, Input::Skip).keys(), ["E0000020"]);
    shell.effects.clear();
    assert!(shell.take(0, answer(NEW_PASSWORD)).is_ok());
    assert!(is_in(&shell));
    // What was compared must still be so, and what ends other sessions comes before what this one gets.
    let required = position(&shell, |it| matches!(it, Effect::RequirePassword { .. }));
    let set = position(&shell, |it| matches!(it, Effect::SetPassword { .. }));
    let revoked = position(&shell, |it| matches!(it, Effect::RevokeSessions { .. }));
    let issued = position(&shell, |it| matches!(it, Effect::IssueInteractionCode(_)));
    assert!(required < set && set < revoked && revoked < issued);
    let told =
        |effect: &&Effect| matches!(effect, Effect::Enqueue(Outgoing::PasswordChanged { .. }));
    assert_eq!(shell.effects.iter().filter(told).count(), 1);
    let logged = |event: &AuditEvent| event.name == "user.account.update_password";
    assert!(shell.audited().into_iter().any(logged));
    // The old one is none any more, and the new one is asked about no more.
    shell.begin(0);
    assert!(!shell.take(0, identify_with("alice", PASSWORD)).is_ok());
    shell.wait(60);
    shell.effects.clear();
    assert!(shell.take(0, identify_with("alice", NEW_PASSWORD)).is_ok());
    assert!(is_in(&shell));
}

#[test]
fn one_that_soon_is_may_wait() {
    for (age, days_left) in [(83, 7), (89, 1)] {
        let mut shell = signed_in(age, |_| {});
        assert_eq!(offered(&shell), ["reenroll-authenticator-warning", "skip"]);
        let document = shell.document(0, &[]);
        let settings = document.current_authenticator.unwrap().value.settings;
        assert_eq!(settings.unwrap().days_to_expiry, Some(days_left));
        let said = document.messages.unwrap().value;
        assert_eq!(
            said[0].i18n.as_ref().unwrap().key,
            "idx.password.expiring.message"
        );
        assert!(shell.take(0, Input::Skip).is_ok());
        assert!(is_in(&shell));
    }
    let shell = signed_in(82, |_| {});
    assert!(is_in(&shell));
    let shell = signed_in(9_999, |policy| policy.password.max_age_days = 0);
    assert!(is_in(&shell));
}

#[test]
fn one_that_soon_is_may_be_replaced_at_once() {
    let mut shell = signed_in(85, |_| {});
    assert!(shell.take(0, answer(NEW_PASSWORD)).is_ok());
    assert!(is_in(&shell));
}

#[test]
fn the_rules_hold_and_an_old_password_is_no_new_one() {
    let mut shell = signed_in(90, |_| {});
    shell.wait(6);
    for (password, key) in [
        ("short", "password.passwordRequirementsNotMet"),
        ("password1", "password.common"),
        (PASSWORD, "password.passwordRequirementsNotMet"),
    ] {
        assert_eq!(shell.take(0, answer(password)).keys(), [key], "{password}");
    }
    let Stage::ReenrollAuthenticator { climb, .. } = &shell.flow(0).stage else {
        panic!("{:?}", shell.flow(0).stage);
    };
    assert_eq!(climb.tally.reused_passwords, 1);
    assert!(!is_in(&shell));
}

#[test]
fn a_second_factor_comes_first() {
    let mut shell = Shell::new(Policy::default());
    shell.policy.password.max_age_days = 1;
    let made = enroll_totp((&shell.keys, &shell.org), shell.now, &mut SystemEntropy);
    shell.users[0].enrollments = Enrollments {
        version: 0,
        list: vec![made.0],
    };
    shell.begin(0);
    assert!(shell.take(0, identify_with("alice", PASSWORD)).is_ok());
    assert_eq!(offered(&shell), ["challenge-authenticator"]);
    // Whoever has the password alone replaces nothing.
    assert_eq!(
        shell.take(0, answer(NEW_PASSWORD)).keys(),
        ["api.authn.error.PASSCODE_INVALID"]
    );
    assert!(shell.take(0, answer(&made.1.code_at(shell.now))).is_ok());
    assert_eq!(offered(&shell), ["reenroll-authenticator"]);
    assert!(shell.take(0, answer(NEW_PASSWORD)).is_ok());
    assert!(is_in(&shell));
}

#[test]
fn what_is_to_be_set_up_comes_after() {
    let mut shell = signed_in(90, |policy| policy.enrollment.required = vec![totp_key()]);
    assert_eq!(offered(&shell), ["reenroll-authenticator"]);
    assert!(shell.take(0, answer(NEW_PASSWORD)).is_ok());
    assert!(!is_in(&shell));
    assert_eq!(offered(&shell), ["select-authenticator-enroll"]);
}

#[test]
fn a_recovery_replaces_it_anyway() {
    let mut shell = signed_in(90, |_| {});
    shell.begin(1);
    shell.walk_to_reset_page(1, "alice");
    shell.effects.clear();
    assert!(shell.take(1, answer(NEW_PASSWORD)).is_ok());
    assert!(is_in(&shell));
    // And ends the sign-in that waited for one.
    assert_eq!(
        shell.take(0, answer("Yellow-Harbour-74")).keys(),
        ["idx.session.expired"]
    );
}

#[test]
fn it_ends_with_the_proof_of_the_old_password() {
    let mut shell = signed_in(90, |_| {});
    shell.wait(10 * 60);
    assert_eq!(
        shell.take(0, answer(NEW_PASSWORD)).keys(),
        ["idx.session.expired"]
    );
}

#[test]
fn a_password_that_is_sent_again_is_no_new_one() {
    let mut shell = signed_in(90, |_| {});
    shell.wait(1);
    assert!(shell.take(0, identify_with("alice", PASSWORD)).is_ok());
    assert_eq!(offered(&shell), ["reenroll-authenticator"]);
    // Where a new one is asked for it is a mistake.
    assert_eq!(
        shell.take(0, answer(PASSWORD)).keys(),
        ["password.passwordRequirementsNotMet"]
    );
    assert_eq!(offered(&shell), ["reenroll-authenticator"]);
}

#[test]
fn two_pages_can_be_skipped_one_after_the_other() {
    let mut shell = signed_in(85, |policy| policy.enrollment.optional = vec![totp_key()]);
    assert!(shell.take(0, Input::Skip).is_ok());
    assert_eq!(offered(&shell), ["select-authenticator-enroll", "skip"]);
    assert!(!is_in(&shell));
    assert!(shell.take(0, Input::Skip).is_ok());
    assert!(is_in(&shell));
}

#[test]
fn a_skip_that_is_sent_again_is_answered_again() {
    let mut shell = signed_in(85, |_| {});
    assert!(shell.take(0, Input::Skip).is_ok());
    assert!(is_in(&shell));
    shell.effects.clear();
    assert!(shell.take(0, Input::Skip).is_ok());
    assert!(!is_in(&shell), "shown, and nothing happens twice");
}

#[test]
fn nothing_is_replaced_before_a_second_factor_that_there_is_by_now() {
    let mut shell = signed_in(90, |_| {});
    let made = enroll_totp((&shell.keys, &shell.org), shell.now, &mut SystemEntropy);
    shell.users[0].enrollments = Enrollments {
        version: 1,
        list: vec![made.0],
    };
    assert!(shell.take(0, answer(NEW_PASSWORD)).is_ok());
    let sets = |effect: &Effect| matches!(effect, Effect::SetPassword { .. });
    assert!(!shell.effects.iter().any(sets));
    assert_eq!(offered(&shell), ["challenge-authenticator"]);
}

#[test]
fn without_a_history_the_old_one_is_refused_all_the_same() {
    let mut shell = signed_in(90, |policy| policy.password.history = 0);
    shell.wait(6);
    assert_eq!(
        shell.take(0, answer(PASSWORD)).keys(),
        ["password.passwordRequirementsNotMet"]
    );
}
