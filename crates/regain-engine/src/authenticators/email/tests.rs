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

/// T-C1. The key is fixed, so that the outcome is too; ids are counted up, which is harder on a
/// derivation than drawn ones. A million codes in every run; `REGAIN_TEST_CODES=10000000` makes the
/// number of the row.
#[test]
fn t_c1_of_a_million_codes_every_digit_and_pair_comes_as_often() {
    const THREADS: usize = 2;
    let asked = std::env::var_os("REGAIN_TEST_CODES");
    let codes: usize = asked.map_or(1_000_000, |text| text.to_str().unwrap().parse().unwrap());
    let keys = KeyRing::derive(&MasterKey::random(&mut Fixed(1)));
    let (keys, org) = (&keys, &OrgId::parse("00oorg").unwrap());
    let counts = std::thread::scope(|scope| {
        let parts: Vec<_> = (0..THREADS)
            .map(|part| {
                scope.spawn(move || {
                    let mut pairs = vec![[0_u32; 100]; 36];
                    let mut ticket = ticket("cha0", 6);
                    for number in (part..codes).step_by(THREADS) {
                        ticket.challenge = ChallengeId::parse(format!("cha{number}")).unwrap();
                        let code = ticket.code(keys, org);
                        count_pairs(&mut pairs, code.expose().as_bytes());
                    }
                    pairs
                })
            })
            .collect();
        let parts = parts.into_iter().map(|part| part.join().unwrap());
        parts
            .reduce(|mut sum, part| {
                for (sum, part) in sum.iter_mut().flatten().zip(part.iter().flatten()) {
                    *sum += part;
                }
                sum
            })
            .unwrap()
    });
    let of_all = f64::from(u32::try_from(codes).unwrap());
    for first in 0..6 {
        for second in first + 1..6 {
            // p > 0.001 with 99 degrees of freedom.
            let chi = chi_square(&counts[first * 6 + second], of_all / 100.0);
            assert!(chi < 148.23, "digits {first} and {second}: {chi}");
        }
        let digits: Vec<u32> = (0..10)
            .map(|digit| counts[first * 6 + first][digit * 11])
            .collect();
        // p > 0.001 with 9 degrees of freedom.
        let chi = chi_square(&digits, of_all / 10.0);
        assert!(chi < 27.88, "digit {first}: {chi}");
    }
    let zeros = f64::from(counts[0][0]) / of_all;
    assert!((zeros - 0.1).abs() < 0.001, "{zeros} begin with a zero");
}

/// Counts each pair of places; a place with itself counts its digit.
fn count_pairs(pairs: &mut [[u32; 100]], code: &[u8]) {
    for (first, one) in code.iter().enumerate() {
        for (second, other) in code.iter().enumerate().skip(first) {
            let digits = usize::from(one - b'0') * 10 + usize::from(other - b'0');
            pairs[first * 6 + second][digits] += 1;
        }
    }
}

fn chi_square(counts: &[u32], expected: f64) -> f64 {
    let parts = counts
        .iter()
        .map(|count| (f64::from(*count) - expected).powi(2) / expected);
    parts.sum()
}

/// Bytes that are the same each time.
struct Fixed(u8);

impl regain_types::Entropy for Fixed {
    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.fill(self.0);
    }
}

#[test]
fn the_statistic_sees_a_reduction_with_bias() {
    // As if 16 bits were reduced to three digits: 536 of a thousand come once more of 66.
    let mut counts = [0_u32; 10];
    for number in 0..65_536_u32 {
        counts[(number % 1_000 / 100) as usize] += 150;
    }
    assert!(chi_square(&counts, 983_040.0) > 27.88);
}
