//! G-05: settings that break the promise are refused, and the sentence says why.

use regain_engine::Policy;

#[test]
fn the_defaults_keep_what_the_table_promises() {
    let bound = Policy::default().keeps_promise().unwrap();
    assert!((1.30e-4..1.33e-4).contains(&bound.one_account), "{bound:?}");
    assert!((0.0729..=0.0731).contains(&bound.whole_org), "{bound:?}");
    let mut hardened = Policy::default();
    hardened.email.code_length = 8;
    let bound = hardened.keeps_promise().unwrap();
    assert!(bound.one_account < 2.7e-6, "{bound:?}");
    assert!(bound.whole_org < 7.31e-4, "{bound:?}");
}

#[test]
fn t_g7_settings_that_break_the_promise_are_named() {
    let breaks: [fn(&mut Policy); 3] = [
        |policy| policy.limits.long_code_digits = 10,
        |policy| policy.limits.identifier_short_wrong_30d = 11,
        |policy| policy.email.code_length = 5,
    ];
    for change in breaks {
        let mut policy = Policy::default();
        change(&mut policy);
        let broken = policy.keeps_promise().unwrap_err().to_string();
        assert!(broken.contains("chance of"), "{broken}");
        assert!(!broken.contains('\n'));
    }
    let mut longer = Policy::default();
    longer.limits.long_code_digits = 10;
    longer.email.code_length = 8;
    longer.limits.wrong_answers_per_challenge = 1;
    assert!(longer.keeps_promise().is_ok());
}
