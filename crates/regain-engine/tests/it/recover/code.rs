//! The code: wrong, old, late, twice, too often.

use crate::harness::*;
use regain_engine::{AuditSubject, Input, Policy, Stage};

fn wrong_answers(shell: &Shell, index: usize) -> (u32, u32) {
    match &shell.flow(index).stage {
        Stage::ChallengeAuthenticator { climb, challenge } => {
            (challenge.wrong_answers, climb.tally.wrong_answers)
        }
        stage => panic!("no challenge is open: {stage:?}"),
    }
}

#[test]
fn wrong_code_burns_an_attempt() {
    let mut shell = Shell::new(Policy::default());
    shell.walk_to_code_page(0, "alice");
    let code = shell.last_code();
    for typed in [
        other_than(&code),
        String::new(),
        "12345".to_owned(),
        "１２３４５６".to_owned(),
    ] {
        assert_eq!(
            shell.take(0, answer(&typed)).keys(),
            ["api.authn.error.PASSCODE_INVALID"]
        );
    }
    assert_eq!(wrong_answers(&shell, 0), (4, 4));
    assert!(
        shell.take(0, answer(&code)).is_ok(),
        "the fifth answer still counts"
    );
    let failure = shell.audited()[0];
    assert!(
        matches!(failure.subject, AuditSubject::Identifier(_)),
        "no name before a proof"
    );
}

#[test]
fn starting_over_in_a_flow_gives_no_new_tries() {
    let mut shell = Shell::new(limits_of_one_flow());
    shell.walk_to_code_page(0, "alice");
    let mut told = 0;
    for _ in 0..6 {
        for _ in 0..4 {
            let wrong = other_than(&shell.last_code());
            told += u32::from(
                shell.take(0, answer(&wrong)).keys() == ["api.authn.error.PASSCODE_INVALID"],
            );
        }
        assert!(shell.take(0, Input::Cancel).is_ok());
        assert!(shell.take(0, Input::Recover).is_ok());
        assert!(shell.take(0, identify("alice")).is_ok());
        let email = shell.email_id();
        shell.take(0, select(&email));
    }
    assert_eq!(told, 10, "C-05");
    assert_eq!(shell.mails.len(), 5, "M-02");
}

#[test]
fn attempts_never_exceed_limit() {
    let mut shell = Shell::new(Policy::default());
    shell.walk_to_code_page(0, "alice");
    let code = shell.last_code();
    for _ in 0..5 {
        shell.take(0, answer(&other_than(&code)));
    }
    let before = shell.flow(0).clone();
    assert_eq!(
        shell.take(0, answer(&code)).keys(),
        ["tooManyRequests"],
        "right, but too late"
    );
    assert_eq!(*shell.flow(0), before);
}

#[test]
fn a_resend_opens_a_new_challenge_but_not_a_new_budget() {
    // T-C5: at most ten wrong answers over all challenges of a flow.
    let mut shell = Shell::new(Policy::default());
    shell.walk_to_code_page(0, "alice");
    for _ in 0..2 {
        let code = shell.last_code();
        for _ in 0..5 {
            shell.take(0, answer(&other_than(&code)));
        }
        shell.wait(31);
        assert!(shell.take(0, Input::Resend).is_ok());
    }
    assert_eq!(wrong_answers(&shell, 0), (0, 10));
    let code = shell.last_code();
    assert_eq!(shell.take(0, answer(&code)).keys(), ["tooManyRequests"]);
}

#[test]
fn a_resend_has_a_cooldown_and_an_end() {
    let mut shell = Shell::new(Policy::default());
    shell.walk_to_code_page(0, "alice");
    shell.wait(29);
    assert_eq!(shell.take(0, Input::Resend).keys(), ["tooManyRequests"]);
    for _ in 0..4 {
        shell.wait(30);
        assert!(shell.take(0, Input::Resend).is_ok());
    }
    shell.wait(30);
    assert_eq!(shell.take(0, Input::Resend).keys(), ["tooManyRequests"]);
    assert_eq!(shell.mails.len(), 5, "M-02: five messages in one flow");
}

#[test]
fn the_code_of_an_older_mail_is_void() {
    let mut shell = Shell::new(Policy::default());
    shell.walk_to_code_page(0, "alice");
    let old = shell.last_code();
    shell.wait(30);
    shell.take(0, Input::Resend);
    assert_eq!(
        shell.take(0, answer(&old)).keys(),
        ["api.authn.error.PASSCODE_INVALID"]
    );
    let new = shell.last_code();
    assert!(shell.take(0, answer(&new)).is_ok());
}

#[test]
fn expired_never_succeeds() {
    // T-C2: one millisecond before, at, and after the end.
    for (millis, accepted) in [(-1, true), (0, false), (1, false)] {
        let mut shell = Shell::new(Policy::default());
        shell.walk_to_code_page(0, "alice");
        let Stage::ChallengeAuthenticator { challenge, .. } = &shell.flow(0).stage else {
            panic!("no challenge is open")
        };
        let end = challenge.expires_at.as_millis();
        shell.now = regain_types::Timestamp::from_millis(end + millis);
        let code = shell.last_code();
        assert_eq!(shell.take(0, answer(&code)).is_ok(), accepted, "{millis}");
    }
}

#[test]
fn a_proof_grows_old() {
    let mut shell = Shell::new(Policy::default());
    shell.walk_to_reset_page(0, "alice");
    shell.wait(10 * 60);
    assert_eq!(
        shell.take(0, answer(NEW_PASSWORD)).keys(),
        ["idx.session.expired"]
    );
    assert_eq!(shell.passwords()[0], PASSWORD);
}

#[test]
fn code_is_single_use() {
    let mut shell = Shell::new(Policy::default());
    shell.walk_to_reset_page(0, "alice");
    let code = shell.last_code();
    let before = shell.flow(0).clone();
    assert!(
        shell.take(0, answer(&code)).is_ok(),
        "the repeated request gets the same page"
    );
    assert_eq!(*shell.flow(0), before, "and changes nothing");
    shell.wait(5);
    let came = shell.take(0, answer(&code));
    assert_eq!(
        came.keys(),
        ["password.passwordRequirementsNotMet"],
        "now it is a password"
    );
    assert_eq!(shell.passwords()[0], PASSWORD);
}

#[test]
fn a_code_works_only_in_its_own_flow() {
    let mut shell = Shell::new(Policy::default());
    shell.walk_to_code_page(0, "alice");
    let first = shell.last_code();
    shell.walk_to_code_page(1, "alice");
    let second = shell.last_code();
    if first != second {
        assert!(!shell.take(0, answer(&second)).is_ok());
        assert!(!shell.take(1, answer(&first)).is_ok());
    }
    assert!(
        shell.take(0, answer(&first)).is_ok(),
        "I-11: the newer flow did not void it"
    );
}

#[test]
fn choosing_email_again_at_once_sends_no_second_mail() {
    let mut shell = Shell::new(Policy::default());
    shell.walk_to_code_page(0, "alice");
    shell.wait(6);
    let id = shell.email_id();
    assert!(shell.take(0, select(&id)).is_ok());
    assert_eq!(shell.mails.len(), 1);
    shell.wait(30);
    assert!(shell.take(0, select(&id)).is_ok());
    assert_eq!(shell.mails.len(), 2);
}

#[test]
fn an_authenticator_that_is_not_listed_is_refused() {
    let mut shell = Shell::new(Policy::default());
    shell.begin(0);
    shell.take(0, Input::Recover);
    shell.take(0, identify("alice"));
    let password = regain_engine::AuthenticatorKey::parse("okta_password").unwrap();
    let id = password.authenticator_id(&shell.keys, &shell.org);
    for id in [id.as_str(), "", "autNOTHERE"] {
        assert_eq!(shell.take(0, select(id)).keys(), ["E0000020"]);
    }
}

#[test]
fn nothing_is_proved_by_changing_ones_mind() {
    // T-S4: select, list, select again, back and empty answers, in all orders up to six.
    let moves: [fn(&Shell) -> Input; 5] = [
        |shell| select(&shell.email_id()),
        |_| Input::Resend,
        |_| Input::Poll,
        |_| Input::Answer {
            passcode: None,
            revoke_sessions: None,
        },
        |_| answer(""),
    ];
    let mut order = [0_usize; 6];
    loop {
        let mut shell = Shell::new(Policy::default());
        shell.begin(0);
        shell.take(0, Input::Recover);
        shell.take(0, identify("alice"));
        for index in order {
            let input = moves[index](&shell);
            shell.wait(31);
            shell.take(0, input);
            let climb = shell.flow(0).climb().unwrap();
            assert!(climb.proofs.is_empty(), "{order:?}");
        }
        let Some(digit) = order.iter().rposition(|digit| *digit + 1 < moves.len()) else {
            break;
        };
        order[digit] += 1;
        order[digit + 1..].fill(0);
    }
}
