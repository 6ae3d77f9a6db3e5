//! Sign-in with a password, as scripts.

mod enrollment;
mod expired_password;
mod first_factor;
mod second_factor;

use crate::harness::*;
use regain_engine::{Effect, Input, Policy, SignInMode, Stage};

fn identifier_first() -> Policy {
    Policy {
        sign_in_mode: SignInMode::IdentifierFirst,
        ..Policy::default()
    }
}

fn has_code(shell: &Shell) -> bool {
    shell
        .effects
        .iter()
        .any(|effect| matches!(effect, Effect::IssueInteractionCode(_)))
}

#[test]
fn one_page_lets_the_right_password_in() {
    let mut shell = Shell::new(Policy::default());
    shell.begin(0);
    assert!(shell.take(0, identify_with("alice", PASSWORD)).is_ok());
    assert!(has_code(&shell));
}

#[test]
fn a_sign_in_stands_only_with_the_password_that_was_compared() {
    for policy in [Policy::default(), identifier_first()] {
        let one_page = policy.sign_in_mode == SignInMode::OnePage;
        let mut shell = Shell::new(policy);
        shell.begin(0);
        if one_page {
            assert!(shell.take(0, identify_with("alice", PASSWORD)).is_ok());
        } else {
            assert!(shell.take(0, identify("alice")).is_ok());
            assert!(shell.take(0, answer(PASSWORD)).is_ok());
        }
        let alice = shell
            .users
            .iter()
            .find(|user| user.login.starts_with("alice"))
            .unwrap();
        let required = Effect::RequirePassword {
            user: alice.id.clone(),
            password: alice.password.clone().unwrap(),
        };
        assert!(shell.effects.contains(&required), "{:?}", shell.effects);
    }
}

#[test]
fn whoever_may_not_gets_one_answer() {
    for policy in [Policy::default(), identifier_first()] {
        for (name, password) in [
            ("alice", "wrong"),
            ("nobody", PASSWORD),
            ("locked", PASSWORD),
            ("suspended", PASSWORD),
            ("gone", PASSWORD),
        ] {
            let mut shell = Shell::new(policy.clone());
            shell.begin(0);
            let came = if policy.sign_in_mode == SignInMode::OnePage {
                shell.take(0, identify_with(name, password))
            } else {
                assert!(shell.take(0, identify(name)).is_ok());
                shell.take(0, answer(password))
            };
            assert_eq!(came.keys(), ["errors.E0000004"], "{name}");
            assert!(!has_code(&shell), "{name}");
        }
    }
}

#[test]
fn identifier_first_asks_for_the_password_next() {
    let mut shell = Shell::new(identifier_first());
    shell.begin(0);
    let first = shell.document(0, &[]);
    assert!(
        first.current_authenticator.is_none(),
        "Go and Java take it as one page"
    );
    assert!(shell.take(0, identify("alice")).is_ok());
    let second = shell.document(0, &[]);
    let current = second.current_authenticator_enrollment.unwrap().value;
    assert!(current.key.as_deref() == Some("okta_password") && current.recover.is_some());
    assert!(shell.take(0, answer(PASSWORD)).is_ok());
    assert!(has_code(&shell));
    assert_eq!(
        shell.flow(0).replay,
        None,
        "no digest of a password is stored"
    );
}

#[test]
fn from_the_password_page_recovery_knows_who_it_is() {
    let mut shell = Shell::new(identifier_first());
    shell.begin(0);
    shell.take(0, identify("alice"));
    assert!(shell.take(0, Input::Recover).is_ok());
    assert!(matches!(
        shell.flow(0).stage,
        Stage::SelectAuthenticator { .. }
    ));
    assert!(shell.take(0, select(&shell.email_id())).is_ok());
    assert_eq!(shell.mails.len(), 1);
}

#[test]
fn a_one_page_form_without_password_is_refused() {
    let mut shell = Shell::new(Policy::default());
    shell.begin(0);
    assert_eq!(shell.take(0, identify("alice")).keys(), ["E0000020"]);
}

#[test]
fn with_prevention_off_the_part_that_was_wrong_is_named() {
    let off = |mode| Policy {
        enumeration_prevention: false,
        sign_in_mode: mode,
        ..Policy::default()
    };
    let mut shell = Shell::new(off(SignInMode::OnePage));
    shell.begin(0);
    assert_eq!(
        shell.take(0, identify_with("nobody", "x")).keys(),
        ["idx.unknown.user"]
    );
    let mut shell = Shell::new(off(SignInMode::IdentifierFirst));
    shell.begin(0);
    assert_eq!(
        shell.take(0, identify("nobody")).keys(),
        ["idx.unknown.user"]
    );
    shell.take(0, identify("alice"));
    assert_eq!(shell.take(0, answer("wrong")).keys(), ["incorrectPassword"]);
}

#[test]
fn the_same_sign_in_sent_twice_is_one() {
    let mut shell = Shell::new(Policy::default());
    shell.begin(0);
    shell.take(0, identify_with("alice", PASSWORD));
    let count = shell.effects.len();
    assert!(shell.take(0, identify_with("alice", PASSWORD)).is_ok());
    assert_eq!(
        shell.take(0, identify_with("alice", "wrong")).keys(),
        ["idx.session.expired"]
    );
    assert_eq!(shell.effects.len(), count);
}
