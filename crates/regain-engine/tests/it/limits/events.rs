//! What limits tell the log names nobody (U-03).

use crate::harness::*;
use regain_engine::{AuditSubject, Policy};

#[test]
fn an_event_about_a_name_carries_its_keyed_hash_only() {
    for name in ["alice@example.com", "nobody@example.com"] {
        let mut policy = Policy::default();
        policy.limits.volume = false;
        let mut shell = Shell::new(policy);
        for flow in 0..2 {
            shell.try_code_page(flow, name, None);
            for _ in 0..5 {
                shell.guess(flow);
            }
        }
        let subjects = shell.subjects("security.threat.detected");
        assert!(!subjects.is_empty());
        for subject in subjects {
            assert!(matches!(subject, AuditSubject::Identifier(_)), "{name}");
        }
    }
}
