use super::*;
use crate::need::UserStatus;
use regain_types::UserId;

fn alice() -> UserFacts {
    UserFacts {
        id: UserId::parse("00ualice").unwrap(),
        login: "alice.miller@example.com".to_owned(),
        email: Some("alice.miller@example.com".to_owned()),
        first_name: "Alice".to_owned(),
        last_name: "Miller".to_owned(),
        locale: "en_US".to_owned(),
        time_zone: "UTC".to_owned(),
        status: UserStatus::Active,
        password: None,
        history: Vec::new(),
        enrollments: crate::need::Enrollments::default(),
    }
}

fn strict() -> PasswordRules {
    PasswordRules {
        min_length: 10,
        min_lower_case: 1,
        min_upper_case: 2,
        min_number: 1,
        min_symbol: 1,
        exclude_words: vec!["copperworks".to_owned()],
        ..PasswordRules::default()
    }
}

#[test]
fn each_rule_is_named_when_it_is_broken() {
    let cases = [
        ("Zq!4ZZxx", BrokenRule::TooShort(10)),
        ("ZQ!4ZZXXWWQ", BrokenRule::MinLowerCase(1)),
        ("zq!4zzxxwwQ", BrokenRule::MinUpperCase(2)),
        ("ZQ!zzzxxwwQ", BrokenRule::MinNumber(1)),
        ("ZQ4zzzxxwwQ", BrokenRule::MinSymbol(1)),
        ("ZQ4!example9x", BrokenRule::HoldsUsername),
        ("ZQ4!copperWORKS", BrokenRule::HoldsWord),
        (&format!("ZQ4!a{}", "x".repeat(1_024)), BrokenRule::TooLong),
    ];
    for (candidate, rule) in cases {
        assert_eq!(
            strict().broken_by(candidate, &alice()),
            vec![rule],
            "{candidate}"
        );
    }
    assert_eq!(strict().broken_by("Copper-Lantern-42", &alice()), vec![]);
}

#[test]
fn names_are_found_in_any_letter_case() {
    let rules = PasswordRules {
        exclude_username: false,
        ..PasswordRules::default()
    };
    assert_eq!(
        rules.broken_by("xx-MILLER-xx", &alice()),
        vec![BrokenRule::HoldsName]
    );
}

#[test]
fn common_passwords_are_refused_and_the_list_is_long_enough() {
    assert!(
        COMMON.len() >= 20_000,
        "P-06 asks for 20,000, there are {}",
        COMMON.len()
    );
    let rules = PasswordRules::default();
    for common in ["password", "Password1", "iloveyou", "12345678"] {
        assert!(
            rules
                .broken_by(common, &alice())
                .contains(&BrokenRule::Common),
            "{common}"
        );
    }
}

/// T-P4: each of the list, in capitals, in full-width letters; and with digits for letters, where
/// that is common itself.
#[test]
fn no_form_of_a_common_password_is_taken() {
    let rules = PasswordRules::default();
    let alice = alice();
    let refused = |candidate: &str| {
        rules
            .broken_by(candidate, &alice)
            .contains(&BrokenRule::Common)
    };
    let wide = |text: &str| -> String {
        let widened = |c: char| match c {
            '!'..='~' => char::from_u32(c as u32 + 0xFEE0).unwrap(),
            other => other,
        };
        text.chars().map(widened).collect()
    };
    for common in COMMON.iter() {
        assert!(refused(common), "{common}");
        // Letters beyond ASCII do not all have a way back from capitals.
        if common.is_ascii() {
            assert!(refused(&common.to_ascii_uppercase()), "{common}");
            assert!(refused(&wide(common)), "{common}");
        }
    }
    for leet in ["P@ssw0rd", "pa$$w0rd", "p4ssword", "Pa55word", "passw0rd1"] {
        assert!(refused(leet), "{leet}");
    }
    assert!(!refused("Copper-Lantern-42"));
}

/// T-P8: composition counts only where it is asked for.
#[test]
fn without_rules_of_composition_any_characters_do() {
    for candidate in [
        "abcdefghxyzq",
        "98127349817",
        "ÄÖÜäöüßéß",
        "           x",
        "🦆🦆🦆🦆🦆🦆🦆🦆",
    ] {
        assert_eq!(
            PasswordRules::default().broken_by(candidate, &alice()),
            vec![],
            "{candidate}"
        );
    }
    assert_eq!(
        PasswordRules::default().broken_by("7 chars", &alice()),
        vec![BrokenRule::TooShort(8)]
    );
}

#[test]
fn sixty_four_characters_and_more_are_always_allowed() {
    let long = "correct horse battery staple ".repeat(5);
    assert_eq!(PasswordRules::default().broken_by(&long, &alice()), vec![]);
}

#[test]
fn the_sentence_names_every_broken_rule() {
    let broken = vec![
        BrokenRule::TooShort(10),
        BrokenRule::MinUpperCase(2),
        BrokenRule::MinNumber(1),
        BrokenRule::Reused(4),
        BrokenRule::TooYoung(60),
    ];
    assert_eq!(
        BrokenRule::sentence(&broken),
        "Password requirements: at least 10 characters, 2 uppercase letters, a number. \
         Your password cannot be any of your last 4 passwords. \
         At least 60 minutes must pass between two changes of the password."
    );
}
