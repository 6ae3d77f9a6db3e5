//! A sign-in that begins with a code by mail, or with a choice.

use regain_engine::{
    AuthenticatorKey, Effect, Enrollments, Input, Policy, SignInMode, Stage, Subject, email_key,
    enroll_email, enroll_totp,
};
use regain_types::SystemEntropy;

use crate::harness::*;

fn password_key() -> AuthenticatorKey {
    AuthenticatorKey::parse("okta_password").unwrap()
}

fn policy(first: &[AuthenticatorKey]) -> Policy {
    let mut policy = Policy {
        sign_in_mode: SignInMode::IdentifierFirst,
        ..Policy::default()
    };
    policy.sign_in.first_factors = first.to_vec();
    policy
}

/// A choice of both.
fn either() -> Policy {
    policy(&[email_key(), password_key()])
}

fn named(policy: Policy, name: &str) -> Shell {
    let mut shell = Shell::new(policy);
    shell.begin(0);
    assert!(shell.take(0, identify(name)).is_ok());
    shell
}

fn select_password(shell: &Shell) -> Input {
    select(&password_key().authenticator_id(&shell.keys, &shell.org))
}

fn by_mail(shell: &mut Shell) {
    assert!(shell.take(0, select(&shell.email_id())).is_ok());
    let code = shell.mails.last().unwrap().1.clone();
    assert!(shell.take(0, answer(&code)).is_ok());
}

fn amr(shell: &Shell) -> Option<Vec<String>> {
    shell.effects.iter().find_map(|effect| match effect {
        Effect::IssueInteractionCode(issued) => Some(issued.amr.clone()),
        _ => None,
    })
}

fn keys(shell: &Shell) -> Vec<String> {
    let listed = shell.document(0, &[]).authenticators.unwrap().value;
    listed.into_iter().filter_map(|one| one.key).collect()
}

#[test]
fn a_code_by_mail_signs_in_without_a_password() {
    let mut shell = named(either(), "alice");
    assert_eq!(keys(&shell), ["okta_email", "okta_password"]);
    assert!(shell.mails.is_empty(), "nothing is sent unasked");
    by_mail(&mut shell);
    assert_eq!(amr(&shell).unwrap(), ["email"]);
}

#[test]
fn the_password_can_be_chosen_and_forgotten() {
    let mut shell = named(either(), "alice");
    assert!(shell.take(0, select_password(&shell)).is_ok());
    assert!(shell.take(0, answer(PASSWORD)).is_ok());
    assert_eq!(amr(&shell).unwrap(), ["pwd"]);
    let mut shell = named(either(), "alice");
    assert!(shell.take(0, select_password(&shell)).is_ok());
    assert!(shell.take(0, Input::Recover).is_ok());
    by_mail(&mut shell);
    assert!(matches!(
        shell.flow(0).stage,
        Stage::ResetAuthenticator { .. }
    ));
}

#[test]
fn one_way_that_sends_something_waits_to_be_chosen() {
    let shell = named(policy(&[email_key()]), "alice");
    assert!(matches!(
        shell.flow(0).stage,
        Stage::SelectAuthenticator { .. }
    ));
    assert!(shell.mails.is_empty());
    // And the password alone is asked for at once, as ever.
    let shell = named(policy(&[password_key()]), "alice");
    assert!(matches!(
        shell.flow(0).stage,
        Stage::ChallengeAuthenticator { .. }
    ));
}

#[test]
fn a_code_of_a_sign_in_sets_no_password_and_one_of_a_recovery_signs_nobody_in() {
    let mut shell = named(either(), "alice");
    assert!(shell.take(0, select(&shell.email_id())).is_ok());
    let code = shell.mails.last().unwrap().1.clone();
    shell.begin(1);
    shell.take(1, identify("alice"));
    shell.take(1, select_password(&shell));
    shell.take(1, Input::Recover);
    assert!(shell.take(1, select(&shell.email_id())).is_ok());
    let of_recovery = shell.mails.last().unwrap().1.clone();
    assert_eq!(
        shell.take(1, answer(&code)).keys(),
        ["api.authn.error.PASSCODE_INVALID"]
    );
    assert_eq!(
        shell.take(0, answer(&of_recovery)).keys(),
        ["api.authn.error.PASSCODE_INVALID"]
    );
}

#[test]
fn t_e1_nobody_sees_the_same_pages() {
    let walk = |name: &str| {
        let mut shell = named(either(), name);
        let mut pages = vec![shell.document(0, &[])];
        assert!(shell.take(0, select(&shell.email_id())).is_ok());
        pages.push(shell.document(0, &[]));
        let came = shell.take(0, answer("000000x"));
        pages.push(shell.document(0, &[]));
        let text = serde_json::to_string(&pages).unwrap();
        let ids: Vec<String> = pages
            .iter()
            .flat_map(|page| {
                let lists = page.authenticator_enrollments.iter();
                let listed = lists.flat_map(|list| &list.value);
                let current = page.current_authenticator_enrollment.iter();
                listed
                    .chain(current.map(|object| &object.value))
                    .chain(page.authenticators.iter().flat_map(|list| &list.value))
                    .filter_map(|one| one.id.clone())
            })
            .collect();
        let masked = ids
            .iter()
            .fold(text, |text, id| text.replace(id, &"i".repeat(id.len())))
            .replace(&format!("{name}@example.com"), "TYPED");
        (masked, came.keys(), shell.mails.len())
    };
    let known = walk("alice");
    for other in ["nobody", "suspended", "gone", "locked"] {
        assert_eq!(walk(other), known, "{other}");
    }
}

#[test]
fn whoever_may_not_sign_in_does_not_by_mail() {
    for name in ["suspended", "gone", "locked"] {
        let mut shell = named(either(), name);
        assert!(shell.take(0, select(&shell.email_id())).is_ok());
        let code = shell.mails.last().unwrap().1.clone();
        // The worker sends no such code; whoever had it would not get in either.
        assert!(!shell.take(0, answer(&code)).is_ok(), "{name}");
        assert_eq!(amr(&shell), None);
    }
    let mut shell = named(either(), "nobody");
    assert!(shell.take(0, select(&shell.email_id())).is_ok());
    assert_eq!(shell.mails.last().unwrap().0, Subject::Unknown);
    let code = shell.mails.last().unwrap().1.clone();
    assert!(!shell.take(0, answer(&code)).is_ok());
}

#[test]
fn a_second_factor_is_another_one() {
    // Whoever has an app is asked for it after the mail.
    let mut shell = named(either(), "alice");
    let made = enroll_totp((&shell.keys, &shell.org), shell.now, &mut SystemEntropy);
    shell.users[0].enrollments = Enrollments {
        version: 0,
        list: vec![made.0],
    };
    by_mail(&mut shell);
    assert_eq!(amr(&shell), None);
    assert_eq!(keys(&shell), ["google_otp"]);
    assert!(shell.take(0, answer(&made.1.code_at(shell.now))).is_ok());
    assert_eq!(amr(&shell).unwrap(), ["email", "mfa", "otp"]);
    // The mail is not both factors: whoever has it for a second one shows the password then.
    let mut policy = either();
    policy.sign_in.second_factors.push(email_key());
    let mut shell = named(policy, "alice");
    shell.users[0].enrollments.list = vec![enroll_email(shell.now)];
    by_mail(&mut shell);
    assert_eq!(amr(&shell), None);
    assert_eq!(keys(&shell), ["okta_password"]);
    assert!(shell.take(0, answer(PASSWORD)).is_ok());
    assert_eq!(amr(&shell).unwrap(), ["email", "mfa", "pwd"]);
}

#[test]
fn a_password_that_was_not_shown_is_not_replaced() {
    let mut policy = either();
    policy.password.max_age_days = 1;
    let mut shell = named(policy, "alice");
    by_mail(&mut shell);
    assert_eq!(amr(&shell).unwrap(), ["email"]);
}

#[test]
fn mails_of_a_sign_in_come_from_the_budget_of_the_name() {
    let mut shell = Shell::new(either());
    let mut sent = 0;
    for flow in 0..12 {
        shell.begin(flow);
        assert!(shell.take(flow, identify("alice")).is_ok());
        sent += usize::from(shell.take(flow, select(&shell.email_id())).is_ok());
    }
    assert_eq!(sent, 5, "in a quarter of an hour (M-02)");
}

#[test]
fn a_mailbox_alone_is_offered_nothing_to_set_up() {
    let mut optional = either();
    optional.enrollment.optional = vec![regain_engine::totp_key()];
    let mut shell = named(optional, "alice");
    by_mail(&mut shell);
    assert_eq!(amr(&shell).unwrap(), ["email"]);
}
