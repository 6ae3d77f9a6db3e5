//! The whole recovery on one page.

use crate::harness::*;
use regain_engine::{
    Effect, Ending, Input, Outgoing, Policy, SingleAuthenticator, Stage, UserStatus,
};

#[test]
fn alice_recovers_her_password() {
    let mut shell = Shell::new(Policy::default());
    shell.begin(0);
    assert!(shell.take(0, Input::Recover).is_ok());
    assert!(shell.take(0, identify("alice")).is_ok());
    assert!(shell.mails.is_empty(), "nothing is sent before the choice");
    assert!(shell.take(0, select(&shell.email_id())).is_ok());
    let code = shell.last_code();
    assert!(shell.take(0, answer(&code)).is_ok());
    assert!(shell.take(0, answer(NEW_PASSWORD)).is_ok());
    let Stage::Completed(completed) = &shell.flow(0).stage else {
        panic!("not completed")
    };
    assert_eq!(completed.ending, Ending::InteractionCode);
    assert_eq!(shell.passwords()[0], NEW_PASSWORD);
}

#[test]
fn success_revokes_when_policy_says() {
    let mut shell = Shell::new(Policy::default());
    shell.walk_to_reset_page(0, "alice");
    shell.effects.clear();
    shell.take(0, answer(NEW_PASSWORD));
    let has = |test: fn(&Effect) -> bool| shell.effects.iter().any(test);
    assert!(has(|effect| matches!(
        effect,
        Effect::RevokeSessions { .. }
    )));
    assert!(has(|effect| matches!(effect, Effect::EndOtherFlows { .. })));
    assert!(has(|effect| matches!(
        effect,
        Effect::IssueInteractionCode(_)
    )));
    assert!(has(|effect| {
        matches!(effect, Effect::Enqueue(Outgoing::PasswordChanged { .. }))
    }));

    let mut ask = Policy::default();
    ask.recovery.revoke_sessions = regain_engine::RevokeSessions::Ask;
    for wish in [None, Some(false), Some(true)] {
        let mut shell = Shell::new(ask.clone());
        shell.walk_to_reset_page(0, "alice");
        let Input::Answer { passcode, .. } = answer(NEW_PASSWORD) else {
            panic!()
        };
        shell.take(
            0,
            Input::Answer {
                passcode,
                revoke_sessions: wish,
            },
        );
        let revoked = shell
            .effects
            .iter()
            .any(|effect| matches!(effect, Effect::RevokeSessions { .. }));
        assert_eq!(revoked, wish == Some(true), "{wish:?}");
    }
}

#[test]
fn another_flow_of_the_same_person_is_over() {
    let mut shell = Shell::new(Policy::default());
    shell.walk_to_reset_page(1, "alice");
    shell.walk_to_reset_page(0, "alice");
    shell.walk_to_code_page(2, "mallory");
    shell.take(0, answer(NEW_PASSWORD));
    assert_eq!(shell.flow(1).stage, Stage::Dead);
    assert_eq!(
        shell.take(1, answer("Another-Secret-55")).keys(),
        ["idx.session.expired"]
    );
    assert!(shell.flow(2).is_live(), "other people's flows go on");
    assert_eq!(shell.passwords()[0], NEW_PASSWORD);
}

#[test]
fn a_locked_user_is_unlocked_by_recovery() {
    let mut shell = Shell::new(Policy::default());
    shell.walk_to_reset_page(0, "locked");
    assert!(shell.take(0, answer(NEW_PASSWORD)).is_ok());
    assert_eq!(shell.users[2].status, UserStatus::Active);
}

#[test]
fn without_auto_sign_in_it_ends_with_the_word() {
    let mut policy = Policy::default();
    policy.recovery.auto_sign_in = false;
    let mut shell = Shell::new(policy);
    shell.walk_to_reset_page(0, "alice");
    assert!(shell.take(0, answer(NEW_PASSWORD)).is_ok());
    assert!(
        !shell
            .effects
            .iter()
            .any(|effect| matches!(effect, Effect::IssueInteractionCode(_)))
    );
    let document = shell.document(0, &[]);
    assert!(document.cancel.is_none() && document.remediation.is_none());
    let messages = document.messages.unwrap().value;
    assert_eq!(
        messages[0].i18n.as_ref().unwrap().key,
        "idx.recovery.completed"
    );
}

#[test]
fn in_verify_mode_the_mail_waits_for_a_yes() {
    let mut policy = Policy::default();
    policy.recovery.single_authenticator = SingleAuthenticator::Verify;
    let mut shell = Shell::new(policy);
    shell.begin(0);
    shell.take(0, Input::Recover);
    shell.take(0, identify("alice"));
    let first = shell.document(0, &[]).remediation.unwrap().value[0]
        .name
        .clone();
    assert_eq!(first, "authenticator-verification-data");
    assert!(shell.mails.is_empty());
    assert!(shell.take(0, select(&shell.email_id())).is_ok());
    assert_eq!(shell.mails.len(), 1);
}

#[test]
fn recover_asked_for_again_changes_nothing() {
    let mut shell = Shell::new(Policy::default());
    shell.begin(0);
    shell.take(0, Input::Recover);
    shell.take(0, identify("alice"));
    shell.wait(60);
    let before = shell.flow(0).clone();
    assert!(shell.take(0, Input::Recover).is_ok());
    assert_eq!(*shell.flow(0), before);
}

#[test]
fn the_audit_names_what_happened_in_order() {
    // T-U2 for this flow.
    let mut shell = Shell::new(Policy::default());
    shell.walk_to_reset_page(0, "alice");
    shell.take(0, answer(NEW_PASSWORD));
    let names: Vec<&str> = shell.audited().iter().map(|event| event.name).collect();
    assert_eq!(
        names,
        [
            "user.authentication.verify",
            "user.account.reset_password",
            "user.session.clear",
            "user.session.start",
        ]
    );
}
