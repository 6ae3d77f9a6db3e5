//! G-01 and G-02: guesses at the codes of one name, over all its flows.

use super::named;
use crate::harness::*;
use regain_engine::{Input, Limit, Policy};

/// No limit of volume: what bounds guessing stands alone.
fn shell() -> Shell {
    let mut policy = Policy::default();
    policy.limits.volume = false;
    Shell::new(policy)
}

const DAY: i64 = 24 * 60 * 60;

#[test]
fn t_g1_ten_wrong_answers_over_four_flows_make_codes_long() {
    for name in ["alice@example.com", "nobody@example.com"] {
        let mut shell = shell();
        for flow in 0..4 {
            shell.try_code_page(flow, name, None);
            assert_eq!(shell.digits(flow), 6, "{name}");
        }
        for (flow, guesses) in [(0, 3), (1, 3), (2, 3), (3, 1)] {
            for _ in 0..guesses {
                let said = shell.guess(flow).keys();
                assert_eq!(said, ["api.authn.error.PASSCODE_INVALID"]);
            }
        }
        shell.try_code_page(4, name, None);
        assert_eq!(shell.digits(4), 12, "{name}");
        assert_eq!(shell.guess(4).keys(), ["api.authn.error.PASSCODE_INVALID"]);
        // Thirty days after the first of them one may be wrong again.
        shell.wait(30 * DAY - 1);
        shell.try_code_page(5, name, None);
        assert_eq!(shell.digits(5), 12, "{name}");
        shell.wait(1);
        shell.try_code_page(6, name, None);
        assert_eq!(shell.digits(6), 6, "{name}");
    }
}

#[test]
fn t_g1_forty_challenges_opened_beforehand_give_no_eleventh_comparison() {
    for name in ["alice@example.com", "nobody@example.com"] {
        let mut shell = shell();
        for flow in 0..40 {
            assert!(shell.try_code_page(flow, name, None).is_ok());
        }
        let mut compared = 0;
        for _ in 0..5 {
            for flow in 0..40 {
                let came = shell.guess(flow);
                compared += u32::from(came.keys() == ["api.authn.error.PASSCODE_INVALID"]);
                if compared == 10 && came.limit().is_some() {
                    assert_eq!(came.limit(), Some(Limit::IdentifierShortCodes));
                    assert_eq!(came.keys(), ["tooManyRequests"]);
                }
            }
        }
        assert_eq!(compared, 10, "{name}");
        for flow in 0..40 {
            let before = shell.flow(flow).clone();
            let code = shell.code_of(flow).unwrap();
            let came = shell.take(flow, answer(&code));
            assert_eq!(came.limit(), Some(Limit::IdentifierShortCodes), "{name}");
            assert_eq!(*shell.flow(flow), before, "and nothing changes");
        }
        // One resend helps the owner.
        shell.wait(31);
        assert!(shell.take(7, Input::Resend).is_ok());
        assert_eq!(shell.digits(7), 12);
        let code = shell.code_of(7).unwrap();
        let owner = name == "alice@example.com";
        assert_eq!(shell.take(7, answer(&code)).is_ok(), owner);
    }
}

#[test]
fn t_g2_a_hundred_wrong_answers_do_not_keep_the_owner_out() {
    for device in [None, Some("the owner's")] {
        let mut shell = shell();
        if let Some(device) = device {
            shell.make_known("alice", device);
        }
        let mut wrong = 0;
        for flow in 0.. {
            shell.try_code_page(flow, "alice@example.com", None);
            for _ in 0..5 {
                let came = shell.guess(flow);
                wrong += u32::from(came.keys() == ["api.authn.error.PASSCODE_INVALID"]);
            }
            if wrong >= 100 {
                break;
            }
        }
        assert_eq!(wrong, 100);
        let flow = shell.fresh();
        shell.take(flow, Input::Recover);
        shell.take(flow, named("alice@example.com", device));
        let id = shell.email_id();
        shell.take(flow, select(&id));
        assert_eq!(shell.digits(flow), 12);
        assert!(shell.recover_with_code(flow, NEW_PASSWORD), "{device:?}");
        let named = "security.threat.detected";
        assert_eq!(shell.told(named, Some("IDENTIFIER_SHORT_WRONG_30D")), 1);
        assert_eq!(shell.told(named, Some("IDENTIFIER_WRONG_HOUR")), 1);
        assert_eq!(shell.told(named, Some("IDENTIFIER_WRONG_DAY")), 1);
    }
}

#[test]
fn a_long_code_works_with_its_groups() {
    let mut shell = shell();
    for flow in 0..2 {
        shell.try_code_page(flow, "alice@example.com", None);
        for _ in 0..5 {
            shell.guess(flow);
        }
    }
    shell.try_code_page(2, "alice@example.com", None);
    let code = shell.code_of(2).unwrap();
    let grouped = format!("{}-{} {}", &code[..4], &code[4..8], &code[8..]);
    assert!(shell.take(2, answer(&grouped)).is_ok());
}

#[test]
fn what_is_spent_on_a_code_says_to_ask_for_a_new_one() {
    let mut shell = shell();
    shell.try_code_page(0, "alice@example.com", None);
    for _ in 0..5 {
        shell.guess(0);
    }
    let Came::Refused(refusal) = shell.guess(0) else {
        panic!("it was taken")
    };
    assert_eq!(refusal.notice().key(), "tooManyRequests");
    assert_eq!(refusal.notice().status(), 429);
    assert_eq!(
        refusal.notice().text(),
        "Too many wrong codes. Ask for a new one."
    );
}
