//! T-G5 (G-09): nothing that an attacker does makes the counts begin anew.

use super::{named, signing_in};
use crate::harness::*;
use regain_engine::{IdentifierLedger, Input, LedgerKeys, Policy};
use regain_types::Identifier;

/// W(i) of a name.
fn wrong_short(shell: &Shell, typed: &str) -> u32 {
    let name = Identifier::parse(typed).unwrap();
    let keys = LedgerKeys::derive(&shell.keys, &shell.org, name.canonical(), None);
    let row = shell.ledger(keys.identifier).unwrap();
    let ledger: IdentifierLedger = serde_json::from_str(&row.state).unwrap();
    ledger.wrong_short(shell.now)
}

#[test]
fn t_g5_nothing_sets_the_count_back() {
    let mut policy = Policy::default();
    policy.limits.volume = false;
    let mut shell = Shell::new(policy);
    shell.try_code_page(0, "alice@example.com", None);
    for _ in 0..4 {
        shell.guess(0);
    }
    let count = |shell: &Shell| wrong_short(shell, "alice@example.com");
    assert_eq!(count(&shell), 4);
    // Cancel, and begin anew in the same flow; a new handle; another device; another flow.
    shell.take(0, Input::Cancel);
    shell.take(0, Input::Recover);
    shell.take(0, named("alice@example.com", Some("another device")));
    shell.try_code_page(1, "alice@example.com", None);
    assert_eq!(count(&shell), 4);
    // Letter case and aliases are the same name.
    for (flow, typed) in ["ALICE@EXAMPLE.COM", "alice+tag@example.com"]
        .iter()
        .enumerate()
    {
        shell.try_code_page(flow + 2, typed, None);
        shell.guess(flow + 2);
        assert_eq!(wrong_short(&shell, typed), 5 + u32::try_from(flow).unwrap());
    }
    assert_eq!(count(&shell), 6);
    // Another account signs in and recovers.
    shell.begin(10);
    assert!(
        shell
            .take(10, signing_in("mallory@example.com", PASSWORD, None))
            .is_ok()
    );
    shell.try_code_page(11, "mallory@example.com", None);
    assert!(shell.recover_with_code(11, NEW_PASSWORD));
    assert_eq!(count(&shell), 6);
    // So does the very one: codes stay counted, passwords begin anew.
    shell.try_code_page(12, "alice@example.com", None);
    assert!(shell.recover_with_code(12, NEW_PASSWORD));
    assert_eq!(count(&shell), 6);
}

#[test]
fn t_g5_only_the_own_success_ends_a_row_of_wrong_passwords() {
    let mut shell = Shell::new(Policy::default());
    for flow in 0..4 {
        shell.begin(flow);
        shell.take(flow, signing_in("alice@example.com", "wrong", None));
    }
    shell.begin(5);
    assert!(
        shell
            .take(5, signing_in("mallory@example.com", PASSWORD, None))
            .is_ok()
    );
    for typed in [
        "alice@example.com",
        "Alice@Example.Com",
        "alice+x@example.com",
    ] {
        shell.begin(6);
        let came = shell.take(6, signing_in(typed, PASSWORD, None));
        assert!(came.limit().is_some(), "{typed}");
    }
}
