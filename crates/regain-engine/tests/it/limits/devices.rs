//! G-07: on a device where a name has signed in, others' mistakes do not stand in its way.

use super::{named, signing_in};
use crate::harness::*;
use regain_engine::{EndUser, Input, Limit, Policy};
use regain_types::TokenHash;

impl Shell {
    /// Signs in on a device that an app names, so that it is known.
    pub(crate) fn make_known(&mut self, name: &str, device: &str) {
        let flow = self.fresh();
        self.told_by_app(flow, device);
        let typed = format!("{name}@example.com");
        let came = self.take(flow, signing_in(&typed, PASSWORD, Some(device)));
        assert!(came.is_ok(), "{came:?}");
        self.flows.clear();
    }

    /// The app says with its secret which device asks.
    fn told_by_app(&mut self, flow: usize, device: &str) {
        let flow = self.flows.get_mut(&flow).unwrap();
        flow.app.end_user = Some(EndUser {
            device: Some(TokenHash::of(device)),
            ..EndUser::default()
        });
    }

    fn device_rows(&self) -> usize {
        let rows = self.ledgers.values();
        rows.filter(|stored| stored.row.state.contains("known_until"))
            .count()
    }
}

#[test]
fn a_browser_that_signs_in_gets_a_name_for_its_device() {
    let mut shell = Shell::new(Policy::default());
    shell.browser = true;
    let flow = shell.fresh();
    let planted = "planted by somebody";
    let signed_in = signing_in("alice@example.com", PASSWORD, Some(planted));
    assert!(shell.take(flow, signed_in).is_ok());
    let device = shell.device.clone().unwrap().expose().clone();
    assert_ne!(
        device, planted,
        "T-T2: what was planted is never taken over"
    );
    assert!(device.len() >= 43, "256 bits");
    assert_eq!(shell.device_rows(), 1);
    // Known from now on: nothing new is given.
    shell.device = None;
    let flow = shell.fresh();
    let signed_in = signing_in("alice@example.com", PASSWORD, Some(&device));
    assert!(shell.take(flow, signed_in).is_ok());
    assert!(shell.device.is_none());
    assert_eq!(shell.device_rows(), 1);
    // For another name it is not known.
    let flow = shell.fresh();
    let signed_in = signing_in("mallory@example.com", PASSWORD, Some(&device));
    assert!(shell.take(flow, signed_in).is_ok());
    assert_ne!(shell.device.clone().unwrap().expose(), &device);
}

#[test]
fn who_is_no_browser_and_names_no_device_leaves_none() {
    let mut shell = Shell::new(Policy::default());
    let flow = shell.fresh();
    assert!(shell.take(flow, identify_with("alice", PASSWORD)).is_ok());
    assert!(shell.device.is_none());
    assert_eq!(shell.device_rows(), 0);
}

#[test]
fn a_device_is_never_known_before_the_end() {
    let mut shell = Shell::new(Policy::default());
    shell.browser = true;
    shell.walk_to_reset_page(0, "alice");
    shell.walk_to_code_page(1, "nobody");
    shell.begin(2);
    shell.take(2, identify_with("alice", "wrong"));
    assert_eq!(shell.device_rows(), 0);
    assert!(shell.device.is_none());
    assert!(shell.take(0, answer(NEW_PASSWORD)).is_ok());
    assert_eq!(
        shell.device_rows(),
        1,
        "a recovery that signs in is a sign-in"
    );
}

#[test]
fn a_recovery_that_signs_nobody_in_makes_no_device_known() {
    let mut policy = Policy::default();
    policy.recovery.auto_sign_in = false;
    let mut shell = Shell::new(policy);
    shell.browser = true;
    shell.walk_to_reset_page(0, "alice");
    assert!(shell.take(0, answer(NEW_PASSWORD)).is_ok());
    assert_eq!(shell.device_rows(), 0);
}

#[test]
fn a_device_is_forgotten_after_ninety_days() {
    let mut shell = Shell::new(Policy::default());
    shell.make_known("alice", "laptop");
    for _ in 0..4 {
        let flow = shell.fresh();
        shell.take(flow, identify_with("alice", "wrong"));
    }
    let waits = |days: i64| {
        let mut shell = shell.clone();
        shell.wait(days * 24 * 60 * 60 - 1);
        for _ in 0..4 {
            let flow = shell.fresh();
            shell.take(flow, identify_with("alice", "wrong"));
        }
        let flow = shell.fresh();
        let came = shell.take(
            flow,
            signing_in("alice@example.com", PASSWORD, Some("laptop")),
        );
        came.limit()
    };
    assert_eq!(waits(90), None);
    assert_eq!(waits(91), Some(Limit::PasswordBackoff));
}

#[test]
fn t_m2_a_known_device_has_mails_of_its_own() {
    let mut shell = Shell::new(Policy::default());
    shell.make_known("alice", "laptop");
    for flow in 0..5 {
        assert!(shell.try_code_page(flow, "alice@example.com", None).is_ok());
    }
    let spent = shell.try_code_page(5, "alice@example.com", None);
    assert_eq!(spent.limit(), Some(Limit::IdentifierMails));
    for flow in 6..9 {
        let came = shell.try_code_page(flow, "alice@example.com", Some("laptop"));
        assert!(came.is_ok(), "{came:?}");
    }
    let spent = shell.try_code_page(9, "alice@example.com", Some("laptop"));
    assert_eq!(spent.limit(), Some(Limit::IdentifierMails));
    let foreign = shell.try_code_page(10, "mallory@example.com", Some("laptop"));
    assert!(foreign.is_ok(), "another name's budget is its own");
}

#[test]
fn starts_that_others_have_spent_do_not_hit_a_known_device() {
    let mut shell = Shell::new(Policy::default());
    shell.make_known("alice", "laptop");
    let mut begun = 0;
    for flow in 0..30 {
        shell.wait(20 * 60);
        shell.begin(flow);
        shell.take(flow, Input::Recover);
        begun += u32::from(shell.take(flow, named("alice@example.com", None)).is_ok());
    }
    assert_eq!(begun, 20, "recovery.starts_identifier_24h");
    let came = shell.try_code_page(31, "alice@example.com", Some("laptop"));
    assert!(came.is_ok(), "{came:?}");
}
