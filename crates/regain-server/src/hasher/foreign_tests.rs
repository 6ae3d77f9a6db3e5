//! Hashes of other programs. The examples were made with libxcrypt's `crypt(3)` and OpenSSL, by way
//! of Python: none with the code under test.

use argon2::{Algorithm, Version};
use proptest::prelude::*;
use regain_engine::StoredPassword;
use regain_types::{Secret, Timestamp};

use super::kind::{Argon2Kind, HashKind};
use super::kinds::Kinds;
use super::peppers::Peppers;
use super::stored::{HashRefused, StoredHash};
use super::worker::Worker;

const PASSWORD: &str = "Copper-Lantern-42";
const BCRYPT: &str = "$2b$04$abcdefghijklmnopqrstuujnaFs4F5CoXU97OtUc32mvzzmjIU7d6";
const BCRYPT_OF_72: &str = "$2b$04$abcdefghijklmnopqrstuubzadhGtS2zEF.gu0yd0opP6cVzb.e0i";
const BCRYPT_OF_71: &str = "$2b$04$abcdefghijklmnopqrstuu.gc7UY/21CSNJGJg21jJzx9QiOpJ9bO";
const BCRYPT_UNICODE: &str = "$2b$04$abcdefghijklmnopqrstuuQYEk91mE9jD3s0Fa6l8hqSxfClgS2VO";
/// Each of the password above.
const EXAMPLES: [&str; 11] = [
    BCRYPT,
    "$2y$04$abcdefghijklmnopqrstuujnaFs4F5CoXU97OtUc32mvzzmjIU7d6",
    "$2a$04$abcdefghijklmnopqrstuujnaFs4F5CoXU97OtUc32mvzzmjIU7d6",
    "$pbkdf2-sha1$i=1000,l=20$AAECAwQFBgcICQoLDA0ODw$jyw65mSWx80dXgvmtSkNjVJ0kGY",
    "$pbkdf2-sha256$i=2000,l=32$AAECAwQFBgcICQoLDA0ODw$LN0FWL5wP6W0Pqc1epy1z7WOTpE4U+wjvyQH6jcECqs",
    "$pbkdf2-sha512$i=1000,l=64$AAECAwQFBgcICQoLDA0ODw$PyTqr0vwZs8x0ILrnb5qrJxv8j0i04WVrUTzasH27qSSiFOS8eHdoGvQkLrHVWx7idYbX4Z0YrCVbcpqCwcOEA",
    "$pbkdf2$1000$AAECAwQFBgcICQoLDA0ODw$jyw65mSWx80dXgvmtSkNjVJ0kGY",
    "$pbkdf2-sha256$2000$AAECAwQFBgcICQoLDA0ODw$LN0FWL5wP6W0Pqc1epy1z7WOTpE4U.wjvyQH6jcECqs",
    "pbkdf2_sha256$3000$seasalt$LHHvI/5w1mGAznM5Yr2pSo28229BLP4568TzYbik+/k=",
    "$scrypt$ln=10,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$9QshaEWMxhcuILV5+TFGV0AohfQ0hIFwIu7a2qzK3oc",
    "$argon2id$v=19$m=64,t=3,p=1$c29tZXNhbHRzb21lc2FsdA$Z4UvQTPXs7dZ8Uk39Qv4RBD6opCR2fJ7G4s4z7BGCEs",
];

/// Cheap, so that many passwords can be tried.
const TINY: Argon2Kind = Argon2Kind {
    algorithm: Algorithm::Argon2id,
    version: Version::V0x13,
    memory_kib: 64,
    passes: 3,
    lanes: 1,
};

fn worker() -> Worker {
    Worker::new(Kinds::new(TINY), Peppers::default())
}

fn matches(hash: &str, password: &str) -> bool {
    let stored = StoredHash::parse(hash).unwrap();
    worker().matches(&stored, &Secret::new(password.to_owned()))
}

#[test]
fn hashes_of_other_programs_match_their_password_alone() {
    for hash in EXAMPLES.iter().filter(|hash| !hash.contains("argon2")) {
        assert!(matches(hash, PASSWORD), "{hash}");
        assert!(!matches(hash, "Copper-Lantern-43"), "{hash}");
        assert!(!matches(hash, ""), "{hash}");
    }
    assert!(matches(BCRYPT_UNICODE, "grün"));
    assert!(!matches(BCRYPT_UNICODE, "gru\u{308}n"), "as received");
}

#[test]
fn a_hash_keeps_its_meaning_in_the_form_that_is_stored() {
    for hash in EXAMPLES {
        let read = StoredHash::parse(hash).unwrap();
        let text = read.to_text();
        assert_eq!(StoredHash::parse(&text).unwrap(), read, "{text}");
        assert!(text.starts_with('$'), "{text}");
    }
}

/// T-P2, X-27: bcrypt reads 72 bytes. What is longer is refused and never cut.
#[test]
fn t_p2_a_password_longer_than_bcrypt_reads_matches_nothing() {
    assert!(matches(BCRYPT_OF_72, &"x".repeat(72)));
    assert!(matches(BCRYPT_OF_71, &"x".repeat(71)));
    for length in [55, 56, 71, 73, 74, 100, 1_024] {
        assert!(!matches(BCRYPT_OF_72, &"x".repeat(length)), "{length}");
    }
    for length in [70, 72, 73] {
        assert!(!matches(BCRYPT_OF_71, &"x".repeat(length)), "{length}");
    }
    // bcrypt repeats a short password after a NUL, and ends at one.
    assert!(!matches(BCRYPT, &format!("{PASSWORD}\0{PASSWORD}")));
    assert!(!matches(BCRYPT, &format!("{PASSWORD}\0")));
}

/// T-P2: an HMAC fills its key up with NULs, so PBKDF2 and scrypt would take a NUL for nothing.
#[test]
fn t_p2_a_nul_at_the_end_is_another_password_for_every_algorithm() {
    for hash in EXAMPLES.iter().filter(|hash| !hash.contains("argon2")) {
        assert!(!matches(hash, &format!("{PASSWORD}\0")), "{hash}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// T-P2: of 0 to 2,000 bytes, with everything that Unicode has.
    #[test]
    fn t_p2_a_hash_matches_the_password_that_it_was_made_of_alone(
        password in "\\PC{0,40}|[\u{0}a\u{308}é\u{1f600}x]{0,100}|[ -~]{0,2000}",
        more in any::<char>(),
    ) {
        let mut worker = worker();
        let own = worker.hash(&Secret::new(password.clone())).unwrap();
        let stored = StoredHash::parse(&own).unwrap();
        let mut tried = |candidate: String| worker.matches(&stored, &Secret::new(candidate));
        prop_assert!(tried(password.clone()));
        let longer = [format!("{password}{more}"), format!("{more}{password}")];
        prop_assert!(!longer.into_iter().any(&mut tried));
        let mut shorter = password.clone();
        if shorter.pop().is_some() {
            prop_assert!(!tried(shorter));
        }
    }

    /// T-P2 after an import: whatever is typed, it is the password or it is refused.
    #[test]
    fn t_p2_nothing_but_the_password_matches_what_was_imported(
        typed in "\\PC{0,40}|Copper-Lantern-42[\u{0}a ]{1,80}|[\u{0}]{1,80}",
    ) {
        for hash in [BCRYPT, EXAMPLES[3], EXAMPLES[9]] {
            prop_assert_eq!(matches(hash, &typed), typed == PASSWORD);
        }
    }
}

#[test]
fn what_cannot_be_checked_is_refused_with_a_reason() {
    use HashRefused::{Algorithm, Broken, Damaged, NoHash, TooCostly};
    for (text, why) in [
        ("", NoHash),
        ("Copper-Lantern-42", NoHash),
        ("$ecret", NoHash),
        ("5f4dcc3b5aa765d61d8327deb882cf99", NoHash),
        ("$1$salt$qJH7.N4xYta3aEG/dfqo/0", Algorithm),
        (
            "$6$salt$IxDD3jeSOb5eB1CX5LBsqZFVkJdido3OUILO5Ifz5iwMuTS4XMS130",
            Algorithm,
        ),
        (
            "$argon2id$v=19$m=64,t=3,p=1,keyid=AAAA$c29tZXNhbHRzb21lc2FsdA$Z4UvQTPXs7dZ8Uk39Qv4RBD6opCR2fJ7G4s4z7BGCEs",
            Algorithm,
        ),
        (
            "$2x$04$abcdefghijklmnopqrstuujnaFs4F5CoXU97OtUc32mvzzmjIU7d6",
            Broken,
        ),
        (
            "$2b$04$abcdefghijklmnopqrstuujnaFs4F5CoXU97OtUc32mvzzmjIU7d",
            Damaged,
        ),
        (
            "$2b$04$abcdefghijklmnopqrstuujnaFs4F5CoXU97OtUc32mvzzmjIU7d67",
            Damaged,
        ),
        (
            "$2b$4$abcdefghijklmnopqrstuujnaFs4F5CoXU97OtUc32mvzzmjIU7d6",
            Damaged,
        ),
        (
            "$2b$04$abcdefghijklmnopqrstuüjnaFs4F5CoXU97OtUc32mvzzmjIU7",
            Damaged,
        ),
        (
            "$2b$31$abcdefghijklmnopqrstuujnaFs4F5CoXU97OtUc32mvzzmjIU7d6",
            TooCostly,
        ),
        (
            "$argon2id$v=19$m=4000000,t=3,p=1$c29tZXNhbHRzb21lc2FsdA$Z4UvQTPXs7dZ8Uk39Qv4RBD6opCR2fJ7G4s4z7BGCEs",
            TooCostly,
        ),
        (
            "$argon2id$v=19$m=64,t=3,p=1$c29tZXNhbHRzb21lc2FsdA",
            Damaged,
        ),
        (
            "$pbkdf2-sha256$900000000$AAECAwQFBgcICQoLDA0ODw$LN0FWL5wP6W0Pqc1epy1z7WOTpE4U.wjvyQH6jcECqs",
            TooCostly,
        ),
        ("$pbkdf2-sha256$2000$AAECAwQFBgcICQoLDA0ODw$LN0F", Damaged),
        ("pbkdf2_sha256$3000$seasalt", Damaged),
        (
            "pbkdf2_md5$3000$seasalt$LHHvI/5w1mGAznM5Yr2pSo28229BLP4568TzYbik+/k=",
            Algorithm,
        ),
        (
            "$scrypt$ln=30,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$9QshaEWMxhcuILV5+TFGV0AohfQ0hIFwIu7a2qzK3oc",
            TooCostly,
        ),
    ] {
        assert_eq!(StoredHash::parse(text).unwrap_err(), why, "{text}");
    }
}

/// E-05: the worker computes one hash of each kind, whoever asks.
#[test]
fn a_kind_that_is_met_is_computed_for_everybody_from_then_on() {
    let kinds = Kinds::new(TINY);
    let mut worker = Worker::new(kinds.clone(), Peppers::default());
    let check = |worker: &mut Worker, phc: &str, password: &str| {
        let stored = StoredPassword {
            phc: phc.to_owned(),
            nfc: false,
            set_at: Timestamp::from_millis(0),
        };
        worker.verify(Some(&stored), &Secret::new(password.to_owned()))
    };
    assert_eq!(kinds.with(None).len(), 1);
    assert!(check(&mut worker, BCRYPT, PASSWORD));
    assert_eq!(
        *kinds.with(None),
        [HashKind::Argon2(TINY), HashKind::Bcrypt(4)]
    );
    assert_eq!(kinds.take_met(), [HashKind::Bcrypt(4)]);
    assert_eq!(kinds.take_met(), []);
    // With several kinds, the own one decides alone.
    assert!(!check(&mut worker, BCRYPT, "wrong"));
    let own = worker.hash(&Secret::new(PASSWORD.to_owned())).unwrap();
    assert!(check(&mut worker, &own, PASSWORD));
    assert!(!check(&mut worker, &own, "wrong"));
    assert!(!worker.verify(None, &Secret::new(PASSWORD.to_owned())));
    kinds.replace(vec!["bcrypt:5".parse().unwrap()]);
    assert_eq!(
        *kinds.with(None),
        [HashKind::Argon2(TINY), HashKind::Bcrypt(5)]
    );
}
