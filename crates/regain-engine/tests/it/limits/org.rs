//! G-03: one guess each at many names.

use crate::harness::*;
use regain_engine::{AuditSubject, Limit, Policy};

fn shell() -> Shell {
    let mut policy = Policy::default();
    policy.limits.volume = false;
    Shell::new(policy)
}

/// One wrong answer at each of so many names; says how many were compared.
fn spray(shell: &mut Shell, names: usize) -> usize {
    let mut compared = 0;
    for name in 0..names {
        shell.try_code_page(0, &format!("user{name}@example.com"), None);
        compared += usize::from(shell.digits(0) == 6 && shell.guess(0).limit().is_none());
    }
    compared
}

#[test]
fn t_g3_a_spray_ends_at_two_hundred() {
    let mut shell = shell();
    shell.make_known("alice", "laptop");
    shell.try_code_page(1, "alice@example.com", Some("laptop"));
    shell.try_code_page(2, "mallory@example.com", None);
    assert_eq!((shell.digits(1), shell.digits(2)), (6, 6));
    assert_eq!(spray(&mut shell, 10_000), 200);
    assert_eq!(
        shell.told("security.attack.start", Some("TENANT_SHORT_WRONG_24H")),
        1
    );
    assert_eq!(shell.subjects("security.attack.start"), [AuditSubject::Org]);
    // What is out is compared for known devices only; and everybody recovers with a long one.
    let code = shell.code_of(2).unwrap();
    assert_eq!(
        shell.take(2, answer(&code)).limit(),
        Some(Limit::OrgShortCodes)
    );
    assert!(shell.recover_with_code(1, NEW_PASSWORD), "a known device");
    shell.try_code_page(3, "mallory@example.com", None);
    assert_eq!(shell.digits(3), 12);
    assert!(shell.recover_with_code(3, NEW_PASSWORD));
}

#[test]
fn long_codes_end_after_a_week_and_the_log_says_so_once() {
    let mut shell = shell();
    spray(&mut shell, 201);
    shell.wait(7 * 24 * 60 * 60 - 1);
    shell.try_code_page(1, "alice@example.com", None);
    assert_eq!(shell.digits(1), 12);
    assert_eq!(shell.told("security.attack.end", None), 0);
    shell.wait(1);
    for flow in 2..5 {
        shell.try_code_page(flow, "alice@example.com", None);
        assert_eq!(shell.digits(flow), 6);
    }
    assert_eq!(shell.told("security.attack.end", None), 1);
    assert_eq!(spray(&mut shell, 1_000), 200, "and it begins anew");
    assert_eq!(
        shell.told("security.attack.start", Some("TENANT_SHORT_WRONG_24H")),
        2
    );
}

#[test]
fn wrong_answers_of_yesterday_do_not_count() {
    let mut shell = shell();
    assert_eq!(spray(&mut shell, 199), 199);
    shell.wait(25 * 60 * 60);
    assert_eq!(spray(&mut shell, 199), 199);
    assert_eq!(spray(&mut shell, 10), 1);
}

#[test]
fn the_budget_grows_with_honest_answers() {
    let mut shell = shell();
    shell.answered_24h = 50_000;
    assert_eq!(spray(&mut shell, 2_000), 1_000, "two in a hundred");
}

#[test]
fn once_long_codes_are_out_the_org_s_row_is_not_written_any_more() {
    let mut shell = shell();
    spray(&mut shell, 201);
    let row = shell.ledger(regain_engine::LedgerKey::ORG).unwrap();
    for flow in 1..4 {
        shell.try_code_page(flow, "alice@example.com", None);
        shell.guess(flow);
    }
    assert_eq!(shell.ledger(regain_engine::LedgerKey::ORG), Some(row));
}

#[test]
fn a_right_answer_writes_no_row_of_the_org() {
    let mut shell = Shell::new(Policy::default());
    shell.walk_to_reset_page(0, "alice");
    shell.take(0, answer(NEW_PASSWORD));
    assert_eq!(shell.ledger(regain_engine::LedgerKey::ORG), None);
}
