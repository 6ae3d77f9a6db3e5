//! A second proof after the password, from whoever has enrolled something for it.

use regain_engine::{
    AuditEvent, AuditSubject, AuthenticatorKey, Effect, Ending, Enrollments, Input, Outcome,
    Policy, Refusal, Stage, TotpSecret, enroll_email, enroll_totp, totp_key,
};
use regain_types::{SystemEntropy, Timestamp};

use crate::harness::*;

const STEP_SECONDS: i64 = 30;

/// Alice has an app; says what the app knows.
fn alice_has_an_app(policy: Policy) -> (Shell, TotpSecret) {
    let mut shell = Shell::new(policy);
    let made = enroll_totp((&shell.keys, &shell.org), shell.now, &mut SystemEntropy);
    let (enrollment, secret) = made;
    shell.users[0].enrollments = Enrollments {
        version: 0,
        list: vec![enrollment],
    };
    shell.begin(0);
    (shell, secret)
}

fn at_the_code(policy: Policy) -> (Shell, TotpSecret) {
    let (mut shell, secret) = alice_has_an_app(policy);
    assert!(shell.take(0, identify_with("alice", PASSWORD)).is_ok());
    (shell, secret)
}

fn issued(shell: &Shell) -> Option<Vec<String>> {
    shell.effects.iter().find_map(|effect| match effect {
        Effect::IssueInteractionCode(issued) => Some(issued.amr.clone()),
        _ => None,
    })
}

fn offered(shell: &Shell) -> Vec<String> {
    let forms = shell.document(0, &[]).remediation.unwrap().value;
    forms.into_iter().map(|form| form.name).collect()
}

#[test]
fn the_app_is_asked_for_at_once_and_its_code_lets_in() {
    let (mut shell, secret) = at_the_code(Policy::default());
    assert_eq!(issued(&shell), None);
    assert_eq!(offered(&shell), ["challenge-authenticator"]);
    let document = shell.document(0, &[]);
    let current = document.current_authenticator_enrollment.unwrap().value;
    assert_eq!(current.key.as_deref(), Some("google_otp"));
    assert_eq!(current.kind.as_deref(), Some("app"));
    assert!(current.resend.is_none() && current.poll.is_none());
    assert!(shell.take(0, answer(&secret.code_at(shell.now))).is_ok());
    assert_eq!(issued(&shell).unwrap(), ["mfa", "otp", "pwd"]);
}

#[test]
fn a_wrong_password_asks_for_nothing() {
    let (mut shell, _) = alice_has_an_app(Policy::default());
    let came = shell.take(0, identify_with("alice", "wrong"));
    assert_eq!(came.keys(), ["errors.E0000004"]);
    assert_eq!(offered(&shell), ["identify"]);
}

#[test]
fn clocks_may_differ_by_one_step() {
    for (seconds, is_taken) in [
        (-60, false),
        (-30, true),
        (0, true),
        (30, true),
        (60, false),
    ] {
        let (mut shell, secret) = at_the_code(Policy::default());
        let code = secret.code_at(shell.now.plus_seconds(seconds));
        let came = shell.take(0, answer(&code));
        assert_eq!(came.is_ok(), is_taken, "{seconds}");
    }
}

#[test]
fn a_code_works_once_and_so_does_every_earlier_one() {
    let (mut shell, secret) = at_the_code(Policy::default());
    let used = secret.code_at(shell.now);
    let earlier = secret.code_at(shell.now.plus_seconds(-STEP_SECONDS));
    assert!(shell.take(0, answer(&used)).is_ok());
    for code in [&used, &earlier] {
        shell.begin(1);
        assert!(shell.take(1, identify_with("alice", PASSWORD)).is_ok());
        let came = shell.take(1, answer(code));
        assert_eq!(
            came.keys(),
            ["authfactor.challenge.soft_token.used_passcode"],
            "{code}"
        );
    }
    shell.wait(STEP_SECONDS);
    assert!(shell.take(1, answer(&secret.code_at(shell.now))).is_ok());
}

#[test]
fn whoever_used_the_same_code_at_the_same_moment_gets_it_once() {
    // Both have seen the same version; the store lets one of them through.
    let (mut shell, secret) = at_the_code(Policy::default());
    let code = secret.code_at(shell.now);
    assert!(shell.take(0, answer(&code)).is_ok());
    let saved = shell.effects.iter().find_map(|effect| match effect {
        Effect::SaveEnrollments { user, version, .. } => Some((user.clone(), *version)),
        _ => None,
    });
    assert_eq!(saved, Some((shell.users[0].id.clone(), 0)));
}

/// Guesses until so many were wrong, over flows, and waits whenever it must.
fn guess(shell: &mut Shell, secret: &TotpSecret, (mut flow, guesses): (usize, u32)) -> usize {
    let (mut wrong, mut waited) = (0, 0);
    while wrong < guesses {
        let guess = other_than(&secret.code_at(shell.now));
        let came = shell.take(flow, answer(&guess));
        match came.keys().as_slice() {
            ["api.authn.error.PASSCODE_INVALID"] => wrong += 1,
            ["tooManyRequests" | "idx.session.expired"] => {
                waited += 1;
                assert!(waited < 500, "{wrong} wrong answers");
                shell.wait(15 * 60);
                flow += 1;
                shell.begin(flow);
                assert!(shell.take(flow, identify_with("alice", PASSWORD)).is_ok());
            }
            other => panic!("{other:?}"),
        }
    }
    flow
}

fn suspensions(shell: &Shell) -> usize {
    let suspended = |event: &&AuditEvent| event.name == "user.mfa.factor.suspend";
    shell.audited().into_iter().filter(suspended).count()
}

#[test]
fn guessing_has_an_end_in_the_flow_and_beyond_it() {
    let (mut shell, secret) = at_the_code(Policy::default());
    let flow = guess(&mut shell, &secret, (0, 30));
    assert_eq!(suspensions(&shell), 1);
    shell.wait(24 * 60 * 60);
    shell.begin(flow + 1);
    assert!(
        shell
            .take(flow + 1, identify_with("alice", PASSWORD))
            .is_ok()
    );
    let right = secret.code_at(shell.now);
    assert_eq!(
        shell.take(flow + 1, answer(&right)).keys(),
        ["tooManyRequests"]
    );
    // A recovery, which needs a mail only, gives no new guesses.
    shell.begin(flow + 2);
    shell.walk_to_reset_page(flow + 2, "alice");
    assert!(shell.take(flow + 2, answer(NEW_PASSWORD)).is_ok());
    let right = secret.code_at(shell.now);
    assert_eq!(
        shell.take(flow + 2, answer(&right)).keys(),
        ["tooManyRequests"]
    );
    assert_eq!(issued(&shell), None);
    // A new app does: who guessed at the old one knows nothing of it.
    let made = enroll_totp((&shell.keys, &shell.org), shell.now, &mut SystemEntropy);
    shell.users[0].enrollments.list = vec![made.0];
    assert!(
        shell
            .take(flow + 2, answer(&made.1.code_at(shell.now)))
            .is_ok()
    );
    assert!(issued(&shell).is_some());
}

#[test]
fn wrong_answers_of_a_month_stay_counted_whoever_signs_in() {
    let (mut shell, secret) = at_the_code(Policy::default());
    let flow = guess(&mut shell, &secret, (0, 29));
    shell.wait(15 * 60);
    shell.begin(flow + 1);
    assert!(
        shell
            .take(flow + 1, identify_with("alice", PASSWORD))
            .is_ok()
    );
    assert!(
        shell
            .take(flow + 1, answer(&secret.code_at(shell.now)))
            .is_ok()
    );
    assert!(issued(&shell).is_some());
    shell.begin(flow + 2);
    assert!(
        shell
            .take(flow + 2, identify_with("alice", PASSWORD))
            .is_ok()
    );
    let flow = guess(&mut shell, &secret, (flow + 2, 1));
    assert_eq!(suspensions(&shell), 1);
    shell.wait(15 * 60);
    shell.begin(flow + 1);
    assert!(
        shell
            .take(flow + 1, identify_with("alice", PASSWORD))
            .is_ok()
    );
    let right = answer(&secret.code_at(shell.now));
    assert_eq!(shell.take(flow + 1, right).keys(), ["tooManyRequests"]);
    shell.wait(30 * 24 * 60 * 60);
    shell.begin(flow + 2);
    assert!(
        shell
            .take(flow + 2, identify_with("alice", PASSWORD))
            .is_ok()
    );
    assert!(
        shell
            .take(flow + 2, answer(&secret.code_at(shell.now)))
            .is_ok()
    );
}

#[test]
fn a_clock_that_jumped_ahead_shuts_nobody_out() {
    // The store's time never goes back; people's apps show the world's.
    let (mut shell, secret) = alice_has_an_app(Policy::default());
    shell.ahead_seconds = 2 * 60 * 60;
    assert!(shell.take(0, identify_with("alice", PASSWORD)).is_ok());
    let shown = secret.code_at(shell.now.plus_seconds(-shell.ahead_seconds));
    assert!(shell.take(0, answer(&shown)).is_ok());
    shell.begin(1);
    assert!(shell.take(1, identify_with("alice", PASSWORD)).is_ok());
    let again = shell.take(1, answer(&shown));
    assert_eq!(
        again.keys(),
        ["authfactor.challenge.soft_token.used_passcode"]
    );
}

#[test]
fn r_04_a_password_that_comes_again_is_no_guess_at_the_app() {
    let (mut shell, _) = alice_has_an_app(limits_of_one_flow());
    let audited = |shell: &Shell| shell.audited().len();
    // Of a sign-in in one page,
    assert!(shell.take(0, identify_with("alice", PASSWORD)).is_ok());
    let before = audited(&shell);
    let again = shell.take(0, identify_with("alice", PASSWORD));
    assert!(
        matches!(again, Came::Shown(ref notices) if notices.is_empty()),
        "{again:?}"
    );
    // of a recovery,
    shell.begin(1);
    shell.walk_to_reset_page(1, "alice");
    assert!(shell.take(1, answer(NEW_PASSWORD)).is_ok());
    let after = audited(&shell);
    assert!(after > before);
    assert!(matches!(
        shell.take(1, answer(NEW_PASSWORD)),
        Came::Shown(_)
    ));
    assert_eq!(audited(&shell), after);
    // but later, or another one, it is an answer.
    let other = shell.take(1, answer("Another-Word-11"));
    assert_eq!(other.keys(), ["api.authn.error.PASSCODE_INVALID"]);
    shell.wait(6);
    let late = shell.take(1, answer(NEW_PASSWORD));
    assert_eq!(late.keys(), ["api.authn.error.PASSCODE_INVALID"]);
}

#[test]
fn who_has_the_password_and_not_the_app_stands_in_the_log() {
    let (mut shell, secret) = at_the_code(Policy::default());
    let alice = AuditSubject::User(shell.users[0].id.clone());
    let last = |shell: &Shell| {
        let event = shell.audited().last().copied().cloned().unwrap();
        (event.name, event.subject, event.outcome)
    };
    let verified = (
        "user.authentication.verify",
        alice.clone(),
        Outcome::Success,
    );
    assert_eq!(last(&shell), verified);
    shell.take(0, answer(&other_than(&secret.code_at(shell.now))));
    let refused = (
        "user.authentication.auth_via_mfa",
        alice.clone(),
        Outcome::Failure,
    );
    assert_eq!(last(&shell), refused);
    assert!(shell.take(0, answer(&secret.code_at(shell.now))).is_ok());
    let names: Vec<_> = shell.audited().iter().map(|event| event.name).collect();
    assert!(names.contains(&"user.session.start"));
    assert_eq!(
        last(&shell),
        ("user.authentication.auth_via_mfa", alice, Outcome::Success)
    );
}

#[test]
fn t_s13_a_recovery_does_not_do_without_the_second_factor() {
    let (mut shell, secret) = alice_has_an_app(limits_of_one_flow());
    shell.walk_to_reset_page(0, "alice");
    let mailed = shell.last_code();
    assert!(shell.take(0, answer(NEW_PASSWORD)).is_ok());
    assert_eq!(
        shell.passwords().first().map(String::as_str),
        Some(NEW_PASSWORD)
    );
    assert_eq!(issued(&shell), None, "X-25");
    assert_eq!(offered(&shell), ["challenge-authenticator"]);
    // The code of the mail is for the recovery, which is over.
    assert_eq!(
        shell.take(0, answer(&mailed)).keys(),
        ["api.authn.error.PASSCODE_INVALID"]
    );
    assert!(shell.take(0, answer(&secret.code_at(shell.now))).is_ok());
    assert_eq!(issued(&shell).unwrap(), ["mfa", "otp", "pwd"]);
}

#[test]
fn t_s13_where_a_recovery_does_not_sign_in_nothing_is_asked() {
    let mut policy = limits_of_one_flow();
    policy.recovery.auto_sign_in = false;
    let (mut shell, _) = alice_has_an_app(policy);
    shell.walk_to_reset_page(0, "alice");
    assert!(shell.take(0, answer(NEW_PASSWORD)).is_ok());
    let Stage::Completed(completed) = &shell.flow(0).stage else {
        panic!("{:?}", shell.flow(0).stage);
    };
    assert_eq!(completed.ending, Ending::PasswordChanged);
    assert_eq!(issued(&shell), None);
}

#[test]
fn the_password_counts_for_ten_minutes() {
    let (mut shell, secret) = at_the_code(Policy::default());
    shell.wait(10 * 60);
    let came = shell.take(0, answer(&secret.code_at(shell.now)));
    assert_eq!(came.keys(), ["idx.session.expired"]);
    assert_eq!(issued(&shell), None);
}

#[test]
fn a_password_that_was_replaced_meanwhile_lets_nobody_on() {
    let (mut shell, _) = at_the_code(Policy::default());
    let compared = Effect::RequirePassword {
        user: shell.users[0].id.clone(),
        password: shell.users[0].password.clone().unwrap(),
    };
    assert!(
        shell.effects.contains(&compared),
        "the step that asks for the app"
    );
    // And a flow that waits for the app ends with the password it began with.
    shell.begin(1);
    shell.walk_to_reset_page(1, "alice");
    assert!(shell.take(1, answer(NEW_PASSWORD)).is_ok());
    assert!(matches!(shell.flow(0).stage, Stage::Dead));
}

#[test]
fn cancelling_begins_with_the_password_again() {
    let (mut shell, secret) = at_the_code(Policy::default());
    assert!(shell.take(0, Input::Cancel).is_ok());
    assert_eq!(offered(&shell), ["identify"]);
    let came = shell.take(0, answer(&secret.code_at(shell.now)));
    assert!(!came.is_ok());
}

#[test]
fn an_org_that_takes_no_second_factor_asks_for_none() {
    let mut policy = Policy::default();
    policy.sign_in.second_factors.clear();
    let (shell, _) = at_the_code(policy);
    assert_eq!(issued(&shell).unwrap(), ["pwd"]);
}

#[test]
fn somebody_elses_app_proves_nothing() {
    let (mut shell, _) = at_the_code(Policy::default());
    let other = enroll_totp((&shell.keys, &shell.org), shell.now, &mut SystemEntropy);
    shell.users[1].enrollments.list = vec![other.0];
    let came = shell.take(0, answer(&other.1.code_at(shell.now)));
    assert_eq!(came.keys(), ["api.authn.error.PASSCODE_INVALID"]);
}

#[test]
fn two_enrolments_share_no_secret() {
    let shell = Shell::new(Policy::default());
    let now = Timestamp::from_millis(0);
    let make = || enroll_totp((&shell.keys, &shell.org), now, &mut SystemEntropy);
    let (first, second) = (make(), make());
    assert_ne!(first.1.base32().expose(), second.1.base32().expose());
    assert_eq!(first.0.authenticator, totp_key());
    let stored = first.0.data.to_string();
    assert!(
        !stored.contains(first.1.base32().expose().as_str()),
        "{stored}"
    );
}

/// Alice is asked for a mail, and for an app if she has one.
fn alice_gets_mails(mut shell: Shell) -> Shell {
    let enrollment = enroll_email(shell.now);
    let key = enrollment.authenticator.clone();
    shell.policy.sign_in.second_factors.push(key);
    shell.users[0].enrollments.list.push(enrollment);
    shell
}

#[test]
fn a_mail_goes_out_when_it_is_asked_for_and_its_code_lets_in() {
    let mut shell = alice_gets_mails(Shell::new(limits_of_one_flow()));
    shell.begin(0);
    assert!(shell.take(0, identify_with("alice", PASSWORD)).is_ok());
    assert_eq!(offered(&shell), ["select-authenticator-authenticate"]);
    assert!(
        shell.mails.is_empty(),
        "nothing is sent before it is chosen"
    );
    let id = shell.email_id();
    assert!(shell.take(0, select(&id)).is_ok());
    let document = shell.document(0, &[]);
    let current = document.current_authenticator_enrollment.unwrap().value;
    assert_eq!(
        current.profile.unwrap().email.as_deref(),
        Some("a***e@example.com")
    );
    assert!(current.resend.is_some());
    let code = shell.last_code();
    let wrong = shell.take(0, answer(&other_than(&code)));
    assert_eq!(wrong.keys(), ["api.authn.error.PASSCODE_INVALID"]);
    assert!(shell.take(0, answer(&code)).is_ok());
    assert_eq!(issued(&shell).unwrap(), ["email", "mfa", "pwd"]);
}

#[test]
fn whoever_has_several_chooses_one() {
    let (shell, secret) = alice_has_an_app(limits_of_one_flow());
    let mut shell = alice_gets_mails(shell);
    assert!(shell.take(0, identify_with("alice", PASSWORD)).is_ok());
    assert_eq!(offered(&shell), ["select-authenticator-authenticate"]);
    let names: Vec<_> = shell
        .document(0, &[])
        .authenticator_enrollments
        .unwrap()
        .value
        .into_iter()
        .map(|enrollment| enrollment.key.unwrap())
        .collect();
    assert_eq!(names, ["google_otp", "okta_email"], "as the org lists them");
    let (mail, app) = (shell.email_id(), app_id(&shell));
    assert!(shell.take(0, select(&mail)).is_ok());
    let mailed = shell.last_code();
    // Changed her mind: what was sent is of no use any more, and nothing counts twice.
    assert!(shell.take(0, select(&app)).is_ok());
    assert_eq!(
        shell.take(0, answer(&mailed)).keys(),
        ["api.authn.error.PASSCODE_INVALID"]
    );
    assert!(shell.take(0, answer(&secret.code_at(shell.now))).is_ok());
    assert_eq!(issued(&shell).unwrap(), ["mfa", "otp", "pwd"]);
}

fn app_id(shell: &Shell) -> String {
    totp_key().authenticator_id(&shell.keys, &shell.org)
}

#[test]
fn what_somebody_does_not_have_cannot_be_chosen() {
    let mut shell = alice_gets_mails(Shell::new(limits_of_one_flow()));
    shell.begin(0);
    assert!(shell.take(0, identify_with("alice", PASSWORD)).is_ok());
    let password = AuthenticatorKey::parse("okta_password").unwrap();
    let password = password.authenticator_id(&shell.keys, &shell.org);
    for id in [app_id(&shell), password] {
        assert!(matches!(
            shell.take(0, select(&id)),
            Came::Refused(Refusal::NotOffered)
        ));
    }
}

#[test]
fn t_s13_a_mail_is_not_both_factors() {
    let mut shell = alice_gets_mails(Shell::new(limits_of_one_flow()));
    shell.begin(0);
    shell.walk_to_reset_page(0, "alice");
    let of_recovery = shell.last_code();
    assert!(shell.take(0, answer(NEW_PASSWORD)).is_ok());
    assert_eq!(issued(&shell), None, "X-26");
    // Another one, and at once: the mail of the recovery keeps nobody waiting.
    assert_eq!(offered(&shell), ["select-authenticator-authenticate"]);
    let id = shell.email_id();
    assert!(shell.take(0, select(&id)).is_ok());
    let came = shell.take(0, answer(&of_recovery));
    assert_eq!(came.keys(), ["api.authn.error.PASSCODE_INVALID"]);
    let code = shell.last_code();
    assert!(shell.take(0, answer(&code)).is_ok());
    assert_eq!(issued(&shell).unwrap(), ["email", "mfa", "pwd"]);
}

#[test]
fn nobody_else_s_recoveries_spend_the_mails_of_a_sign_in() {
    let mut shell = alice_gets_mails(Shell::new(Policy::default()));
    // Somebody without the password spends all that the name has.
    for flow in 0..50 {
        shell.begin(flow);
        shell.take(flow, Input::Recover);
        shell.take(flow, identify("alice"));
        let id = shell.email_id();
        shell.take(flow, select(&id));
    }
    let spent = shell.mails.len();
    assert!(spent < 10, "{spent}");
    shell.begin(99);
    assert!(shell.take(99, identify_with("alice", PASSWORD)).is_ok());
    let id = shell.email_id();
    assert!(shell.take(99, select(&id)).is_ok(), "T-G12");
    let code = shell.last_code();
    assert!(shell.take(99, answer(&code)).is_ok());
}

#[test]
fn a_code_ends_with_the_password_that_came_before_it() {
    let mut shell = alice_gets_mails(Shell::new(limits_of_one_flow()));
    shell.begin(0);
    assert!(shell.take(0, identify_with("alice", PASSWORD)).is_ok());
    shell.wait(9 * 60);
    let id = shell.email_id();
    assert!(shell.take(0, select(&id)).is_ok());
    let Stage::ChallengeAuthenticator { challenge, .. } = &shell.flow(0).stage else {
        panic!();
    };
    assert_eq!(challenge.expires_at, shell.now.plus_seconds(60));
}

#[test]
fn a_code_of_a_sign_in_is_no_code_of_a_recovery() {
    let mut shell = alice_gets_mails(Shell::new(limits_of_one_flow()));
    shell.begin(0);
    assert!(shell.take(0, identify_with("alice", PASSWORD)).is_ok());
    let id = shell.email_id();
    assert!(shell.take(0, select(&id)).is_ok());
    let of_sign_in = shell.last_code();
    shell.begin(1);
    shell.walk_to_code_page(1, "alice");
    let of_recovery = shell.last_code();
    assert_ne!(of_sign_in, of_recovery);
    for (flow, code) in [(0, &of_recovery), (1, &of_sign_in)] {
        let came = shell.take(flow, answer(code));
        assert_eq!(came.keys(), ["api.authn.error.PASSCODE_INVALID"], "I-05");
    }
}

#[test]
fn what_the_org_stops_to_take_meanwhile_lets_nobody_in() {
    let (mut shell, secret) = at_the_code(Policy::default());
    shell.policy.sign_in.second_factors.clear();
    let came = shell.take(0, answer(&secret.code_at(shell.now)));
    // It was asked for, and it is there.
    assert!(came.is_ok());
    let (mut shell, secret) = at_the_code(Policy::default());
    shell.users[0].enrollments.list.clear();
    let came = shell.take(0, answer(&secret.code_at(shell.now)));
    assert_eq!(came.keys(), ["api.authn.error.PASSCODE_INVALID"]);
    assert_eq!(issued(&shell), None, "not before the flow begins anew");
}
