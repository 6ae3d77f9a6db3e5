use super::*;
use regain_types::{KeyRing, MasterKey, SystemEntropy};

fn ticket(challenge: &str, digits: u8) -> CodeTicket {
    CodeTicket {
        flow: FlowId::parse("flw1").unwrap(),
        challenge: ChallengeId::parse(challenge).unwrap(),
        intent: Intent::RecoverPassword,
        digits,
        issued_at: Timestamp::from_millis(0),
        expires_at: Timestamp::from_millis(300_000),
    }
}

fn tools() -> (KeyRing, OrgId) {
    let keys = KeyRing::derive(&MasterKey::random(&mut SystemEntropy));
    (keys, OrgId::parse("00oorg").unwrap())
}

#[test]
fn a_code_has_its_length_and_belongs_to_its_challenge() {
    let (keys, org) = tools();
    for digits in CODE_DIGITS_MIN..=CODE_DIGITS_MAX {
        let code = ticket("cha1", digits).code(&keys, &org);
        assert_eq!(code.expose().len(), usize::from(digits));
        assert!(code.expose().bytes().all(|b| b.is_ascii_digit()));
        assert_eq!(
            ticket("cha1", digits).code(&keys, &org).expose(),
            code.expose()
        );
    }
    let codes: std::collections::BTreeSet<String> = (0..50)
        .map(|n| {
            ticket(&format!("cha{n}"), 12)
                .code(&keys, &org)
                .expose()
                .clone()
        })
        .collect();
    assert_eq!(codes.len(), 50);
}

#[test]
fn a_sign_in_code_is_not_a_recovery_code() {
    let (keys, org) = tools();
    let recovery = ticket("cha1", 12);
    let sign_in = CodeTicket {
        intent: Intent::SignIn,
        ..recovery.clone()
    };
    assert_ne!(
        recovery.code(&keys, &org).expose(),
        sign_in.code(&keys, &org).expose()
    );
}

#[test]
fn spaces_and_dashes_fall_away_and_nothing_else_does() {
    for typed in [
        "123456",
        " 123 456 ",
        "123-456",
        "1-2-3 4-5-6\n",
        "12\t3456",
    ] {
        assert!(matches_code(typed, "123456"), "{typed:?}");
    }
    for typed in [
        "",
        "12345",
        "1234567",
        "123456x",
        "123.456",
        "１２３４５６",
        "123456123456123456",
    ] {
        assert!(!matches_code(typed, "123456"), "{typed:?}");
    }
}

#[test]
fn digits_are_evenly_spread() {
    // T-C1 in small: the first digit over 20,000 codes; each tenth within 10 % of its share.
    let (keys, org) = tools();
    let mut counts = [0_u32; 10];
    for n in 0..20_000 {
        let code = ticket(&format!("c{n}"), 6).code(&keys, &org);
        counts[usize::from(code.expose().as_bytes()[0] - b'0')] += 1;
    }
    assert!(
        counts.iter().all(|count| (1_800..=2_200).contains(count)),
        "{counts:?}"
    );
}

#[test]
fn addresses_are_masked() {
    assert_eq!(masked("alice@example.com"), "a***e@example.com");
    assert_eq!(masked("a@example.com"), "a***a@example.com");
}
