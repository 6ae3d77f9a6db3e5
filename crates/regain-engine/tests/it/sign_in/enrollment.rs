//! What is set up between the password and the app.

use regain_engine::{
    AuditEvent, AuthenticatorKey, Effect, Ending, Enrollments, Input, Outgoing, Policy, Stage,
    TotpSecret, enroll_totp, totp_key, totp_secret,
};
use regain_types::SystemEntropy;

use crate::harness::*;

fn required() -> Policy {
    let mut policy = Policy::default();
    policy.enrollment.required = vec![totp_key()];
    policy
}

fn optional() -> Policy {
    let mut policy = Policy::default();
    policy.enrollment.optional = vec![totp_key()];
    policy
}

fn signed_in(policy: Policy) -> Shell {
    let mut shell = Shell::new(policy);
    shell.begin(0);
    assert!(shell.take(0, identify_with("alice", PASSWORD)).is_ok());
    shell
}

fn choose(shell: &Shell) -> Input {
    Input::Enroll {
        authenticator_id: totp_key().authenticator_id(&shell.keys, &shell.org),
    }
}

/// At the page with the picture.
fn at_the_picture(policy: Policy) -> (Shell, TotpSecret) {
    let mut shell = signed_in(policy);
    assert!(shell.take(0, choose(&shell)).is_ok());
    let secret = secret_at(&shell, 0);
    (shell, secret)
}

fn secret_at(shell: &Shell, flow: usize) -> TotpSecret {
    let Stage::EnrollAuthenticator { challenge, .. } = &shell.flow(flow).stage else {
        panic!("nothing is set up");
    };
    totp_secret(&challenge.data, &shell.keys, &shell.org).unwrap()
}

fn offered(shell: &Shell, flow: usize) -> Vec<String> {
    let forms = shell.document(flow, &[]).remediation.unwrap().value;
    forms.into_iter().map(|form| form.name).collect()
}

fn amr(shell: &Shell) -> Option<Vec<String>> {
    shell.effects.iter().find_map(|effect| match effect {
        Effect::IssueInteractionCode(issued) => Some(issued.amr.clone()),
        _ => None,
    })
}

fn saved(shell: &Shell) -> usize {
    let is_saved = |effect: &&Effect| matches!(effect, Effect::SaveEnrollments { .. });
    shell.effects.iter().filter(is_saved).count()
}

#[test]
fn what_is_required_is_set_up_before_anybody_is_in() {
    let (mut shell, secret) = at_the_picture(required());
    assert_eq!(amr(&shell), None);
    assert_eq!(
        offered(&shell, 0),
        ["enroll-authenticator", "select-authenticator-enroll"]
    );
    assert!(shell.take(0, answer(&secret.code_at(shell.now))).is_ok());
    // Whoever sets something up has shown the password and nothing that was the owner's before.
    assert_eq!(amr(&shell).unwrap(), ["pwd"]);
    assert!(shell.users[0].enrollments.of(&totp_key()).is_some());
    let activated = |event: &AuditEvent| event.name == "user.mfa.factor.activate";
    assert!(shell.audited().into_iter().any(activated));
    let told = |effect: &Effect| {
        matches!(effect, Effect::Enqueue(Outgoing::AuthenticatorAdded { user, .. })
            if *user == shell.users[0].id)
    };
    assert_eq!(
        shell.effects.iter().filter(|effect| told(effect)).count(),
        1
    );
    // From then on it is asked for, and the code that set it up is spent.
    let used = secret.code_at(shell.now);
    shell.begin(1);
    assert!(shell.take(1, identify_with("alice", PASSWORD)).is_ok());
    assert_eq!(offered(&shell, 1), ["challenge-authenticator"]);
    let came = shell.take(1, answer(&used));
    assert_eq!(
        came.keys(),
        ["authfactor.challenge.soft_token.used_passcode"]
    );
}

#[test]
fn the_page_shows_the_secret_and_a_picture_of_it() {
    let (shell, secret) = at_the_picture(required());
    let document = shell.document(0, &[]);
    let current = document.current_authenticator.unwrap().value;
    assert_eq!(current.key.as_deref(), Some("google_otp"));
    let data = current.contextual_data.unwrap();
    assert_eq!(data.shared_secret.as_ref(), Some(secret.base32().expose()));
    let picture = data.qrcode.unwrap();
    assert_eq!(
        (picture.method.as_str(), picture.kind.as_str()),
        ("embedded", "image/png")
    );
    assert!(
        picture
            .href
            .starts_with("data:image/png;base64,iVBORw0KGgo")
    );
    let listed = document.authenticators.unwrap().value;
    assert_eq!(listed[0].key.as_deref(), Some("google_otp"));
    let had = document.authenticator_enrollments.unwrap().value;
    assert_eq!(had[0].key.as_deref(), Some("okta_password"));
    assert_eq!(
        document
            .enrollment_authenticator
            .unwrap()
            .value
            .key
            .as_deref(),
        Some("google_otp")
    );
}

#[test]
fn the_secret_stays_the_same_however_often_it_is_looked_at_and_chosen() {
    let (mut shell, secret) = at_the_picture(required());
    shell.wait(10);
    assert!(shell.take(0, choose(&shell)).is_ok());
    assert!(shell.take(0, Input::Introspect).is_ok());
    assert_eq!(
        secret_at(&shell, 0).base32().expose(),
        secret.base32().expose()
    );
    // Another flow has another one.
    shell.begin(1);
    assert!(shell.take(1, identify_with("alice", PASSWORD)).is_ok());
    assert!(shell.take(1, choose(&shell)).is_ok());
    assert_ne!(
        secret_at(&shell, 1).base32().expose(),
        secret.base32().expose()
    );
}

#[test]
fn what_is_optional_can_be_left_on_each_page() {
    for is_chosen in [false, true] {
        let mut shell = signed_in(optional());
        assert_eq!(offered(&shell, 0), ["select-authenticator-enroll", "skip"]);
        if is_chosen {
            assert!(shell.take(0, choose(&shell)).is_ok());
            assert_eq!(offered(&shell, 0).last().unwrap(), "skip");
        }
        assert!(shell.take(0, Input::Skip).is_ok());
        assert_eq!(amr(&shell).unwrap(), ["pwd"]);
        assert_eq!(saved(&shell), 0);
    }
}

#[test]
fn what_is_required_cannot_be_left() {
    let (mut shell, _) = at_the_picture(required());
    let before = shell.flow(0).clone();
    assert_eq!(shell.take(0, Input::Skip).keys(), ["E0000020"]);
    assert_eq!(*shell.flow(0), before);
}

#[test]
fn what_somebody_has_is_not_offered_again() {
    let mut shell = Shell::new(required());
    let made = enroll_totp((&shell.keys, &shell.org), shell.now, &mut SystemEntropy);
    shell.users[0].enrollments = Enrollments {
        version: 0,
        list: vec![made.0],
    };
    shell.begin(0);
    assert!(shell.take(0, identify_with("alice", PASSWORD)).is_ok());
    assert_eq!(offered(&shell, 0), ["challenge-authenticator"]);
    assert!(shell.take(0, answer(&made.1.code_at(shell.now))).is_ok());
    assert_eq!(amr(&shell).unwrap(), ["mfa", "otp", "pwd"]);
}

#[test]
fn a_wrong_code_sets_nothing_up_and_ten_of_them_end_it() {
    let (mut shell, secret) = at_the_picture(required());
    let wrong = other_than(&secret.code_at(shell.now));
    for _ in 0..10 {
        let came = shell.take(0, answer(&wrong));
        assert_eq!(came.keys(), ["api.authn.error.PASSCODE_INVALID"]);
    }
    let right = secret.code_at(shell.now);
    assert_eq!(shell.take(0, answer(&right)).keys(), ["tooManyRequests"]);
    assert_eq!((saved(&shell), amr(&shell)), (0, None));
    // They are no guesses at anything that anybody has: another flow begins anew.
    shell.begin(1);
    assert!(shell.take(1, identify_with("alice", PASSWORD)).is_ok());
    assert!(shell.take(1, choose(&shell)).is_ok());
    let right = secret_at(&shell, 1).code_at(shell.now);
    assert!(shell.take(1, answer(&right)).is_ok());
}

#[test]
fn of_two_that_set_it_up_at_once_the_second_is_asked_for_it() {
    // Whoever has the password alone must not write over what the owner has set up meanwhile.
    let (mut shell, late) = at_the_picture(required());
    shell.begin(1);
    assert!(shell.take(1, identify_with("alice", PASSWORD)).is_ok());
    assert!(shell.take(1, choose(&shell)).is_ok());
    let first = secret_at(&shell, 1);
    assert!(shell.take(1, answer(&first.code_at(shell.now))).is_ok());
    let had = shell.users[0].enrollments.clone();
    shell.effects.clear();
    assert!(shell.take(0, answer(&late.code_at(shell.now))).is_ok());
    assert_eq!(amr(&shell), None);
    assert_eq!(shell.users[0].enrollments, had);
    assert_eq!(offered(&shell, 0), ["challenge-authenticator"]);
    // Later than what counts as the same request.
    shell.wait(6);
    let came = shell.take(0, answer(&late.code_at(shell.now)));
    assert_eq!(came.keys(), ["api.authn.error.PASSCODE_INVALID"]);
    shell.wait(30);
    assert!(shell.take(0, answer(&first.code_at(shell.now))).is_ok());
    assert_eq!(amr(&shell).unwrap(), ["mfa", "otp", "pwd"]);
}

#[test]
fn what_the_org_wants_no_more_is_not_saved() {
    let (mut shell, secret) = at_the_picture(required());
    shell.policy.enrollment.required.clear();
    assert!(shell.take(0, answer(&secret.code_at(shell.now))).is_ok());
    assert_eq!(saved(&shell), 0);
    assert_eq!(amr(&shell).unwrap(), ["pwd"]);
}

#[test]
fn only_what_is_listed_can_be_chosen() {
    let mut shell = signed_in(required());
    let email = AuthenticatorKey::parse("okta_email").unwrap();
    for id in [
        email.authenticator_id(&shell.keys, &shell.org),
        String::new(),
        "aut00000000000000000".to_owned(),
    ] {
        let before = shell.flow(0).clone();
        let chosen = Input::Enroll {
            authenticator_id: id,
        };
        assert_eq!(shell.take(0, chosen).keys(), ["E0000020"]);
        assert_eq!(*shell.flow(0), before);
    }
}

#[test]
fn t_s13_a_recovery_sets_nothing_up() {
    // Whoever reads the mailbox would have the account for good.
    let mut shell = Shell::new(required());
    shell.begin(0);
    shell.walk_to_reset_page(0, "alice");
    assert!(shell.take(0, answer(NEW_PASSWORD)).is_ok());
    let Stage::Completed(completed) = &shell.flow(0).stage else {
        panic!("{:?}", shell.flow(0).stage);
    };
    assert_eq!(completed.ending, Ending::PasswordChanged);
    assert_eq!(amr(&shell), None);
    // What is optional is not even offered.
    let mut shell = Shell::new(optional());
    shell.begin(0);
    shell.walk_to_reset_page(0, "alice");
    assert!(shell.take(0, answer(NEW_PASSWORD)).is_ok());
    assert_eq!(amr(&shell).unwrap(), ["email", "pwd"]);
}

#[test]
fn a_recovery_with_a_second_factor_sets_nothing_up_either() {
    let mut policy = optional();
    policy.enrollment.optional.clear();
    policy
        .sign_in
        .second_factors
        .push(regain_engine::email_key());
    policy.enrollment.optional = vec![totp_key()];
    let mut shell = Shell::new(policy);
    shell.users[0].enrollments.list = vec![regain_engine::enroll_email(shell.now)];
    shell.begin(0);
    shell.walk_to_reset_page(0, "alice");
    assert!(shell.take(0, answer(NEW_PASSWORD)).is_ok());
    assert!(shell.take(0, select(&shell.email_id())).is_ok());
    let code = shell.mails.last().unwrap().1.clone();
    assert!(shell.take(0, answer(&code)).is_ok());
    assert!(amr(&shell).is_some());
}

#[test]
fn a_password_that_is_sent_again_is_no_answer_to_what_is_set_up() {
    let mut shell = signed_in(required());
    shell.wait(1);
    let came = shell.take(0, identify_with("alice", PASSWORD));
    assert!(came.is_ok(), "{came:?}");
    assert_eq!(offered(&shell, 0), ["select-authenticator-enroll"]);
}

#[test]
fn it_ends_with_the_proof_of_the_password() {
    let (mut shell, secret) = at_the_picture(required());
    shell.wait(10 * 60);
    let came = shell.take(0, answer(&secret.code_at(shell.now)));
    assert_eq!(came.keys(), ["idx.session.expired"]);
    assert_eq!(saved(&shell), 0);
}

/// The owner, or an operator, gives the user something to prove with.
fn give(shell: &mut Shell, made: regain_engine::Enrollment) {
    shell.users[0].enrollments = Enrollments {
        version: 1,
        list: vec![made],
    };
}

#[test]
fn a_skip_passes_nothing_that_has_come_up_since() {
    // Whoever has the password stands at the page of what is optional; the owner sets up an app.
    for is_chosen in [false, true] {
        let mut shell = signed_in(optional());
        if is_chosen {
            assert!(shell.take(0, choose(&shell)).is_ok());
        }
        let made = enroll_totp((&shell.keys, &shell.org), shell.now, &mut SystemEntropy);
        give(&mut shell, made.0);
        assert!(shell.take(0, Input::Skip).is_ok());
        assert_eq!(amr(&shell), None);
        assert_eq!(offered(&shell, 0), ["challenge-authenticator"]);
        assert!(shell.take(0, answer(&made.1.code_at(shell.now))).is_ok());
        assert_eq!(amr(&shell).unwrap(), ["mfa", "otp", "pwd"]);
    }
    // Or the org demands what it offered.
    let mut shell = signed_in(optional());
    shell.policy = required();
    assert!(shell.take(0, Input::Skip).is_ok());
    assert_eq!(amr(&shell), None);
    assert_eq!(offered(&shell, 0), ["select-authenticator-enroll"]);
}

#[test]
fn nothing_is_saved_before_a_second_factor_that_there_is_by_now() {
    let mut policy = required();
    policy
        .sign_in
        .second_factors
        .push(regain_engine::email_key());
    let (mut shell, secret) = at_the_picture(policy);
    let mail = regain_engine::enroll_email(shell.now);
    give(&mut shell, mail);
    assert!(shell.take(0, answer(&secret.code_at(shell.now))).is_ok());
    assert_eq!((saved(&shell), amr(&shell)), (0, None));
    assert_eq!(offered(&shell, 0), ["select-authenticator-authenticate"]);
}

#[test]
fn t_g8_devices_that_were_known_before_it_do_not_count_apart() {
    // With the password alone anybody makes any number of devices known, each with guesses of its own.
    let mut shell = Shell::new(Policy::default());
    let devices = ["one", "two", "three", "four"];
    for device in devices {
        shell.make_known("alice", device);
    }
    shell.wait(1);
    let made = enroll_totp((&shell.keys, &shell.org), shell.now, &mut SystemEntropy);
    give(&mut shell, made.0);
    let mut wrong = 0;
    for round in 0..200 {
        let flow = 100 + round;
        shell.begin(flow);
        let device = devices[round % devices.len()];
        let signing = crate::limits::signing_in("alice@example.com", PASSWORD, Some(device));
        assert!(shell.take(flow, signing).is_ok());
        let guess = other_than(&made.1.code_at(shell.now));
        let came = shell.take(flow, answer(&guess));
        if came.keys() == ["api.authn.error.PASSCODE_INVALID"] {
            wrong += 1;
        }
        shell.wait(15 * 60);
    }
    assert_eq!(wrong, 30, "as many as of somebody without a known device");
}
