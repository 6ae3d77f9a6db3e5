use std::sync::LazyLock;

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use proptest::prelude::*;
use regain_types::SystemEntropy;

use super::*;

/// One key for all tests: making one takes a while.
pub(crate) static PKCS8: LazyLock<Vec<u8>> = LazyLock::new(|| {
    SigningKey::generate()
        .unwrap()
        .to_pkcs8()
        .unwrap()
        .expose()
        .clone()
});

pub(crate) fn key_set() -> KeySet {
    KeySet::new(SigningKey::from_pkcs8(&PKCS8).unwrap(), Vec::new())
}

static KEYS: LazyLock<KeySet> = LazyLock::new(key_set);

fn independent_key(jwk: &Jwk) -> DecodingKey {
    let text = |name: &str| jwk.extra[name].as_str().unwrap().to_owned();
    DecodingKey::from_rsa_components(&text("n"), &text("e")).unwrap()
}

#[test]
fn another_library_verifies_what_we_sign() {
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_exp = false;
    validation.required_spec_claims.clear();
    for (kind, typ) in [
        (JwtKind::AccessToken, Some("at+jwt")),
        (JwtKind::IdToken, None),
    ] {
        let token = KEYS.current().sign(kind, br#"{"sub":"00u1"}"#).unwrap();
        let data =
            decode::<Value>(&token, &independent_key(KEYS.current().jwk()), &validation).unwrap();
        assert_eq!(data.claims["sub"], "00u1");
        assert_eq!(data.header.kid.as_deref(), Some(KEYS.current().kid()));
        assert_eq!(data.header.typ.as_deref(), typ);
    }
}

#[test]
fn the_thumbprint_is_that_of_the_rfc() {
    // RFC 7638 §3.1.
    let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc\
             _BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQ\
             R0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bF\
             TWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
    assert_eq!(
        thumbprint("AQAB", n),
        "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    );
}

#[test]
fn a_kind_does_not_pass_for_the_other() {
    let token = KEYS.current().sign(JwtKind::IdToken, b"{}").unwrap();
    assert!(KEYS.verify(JwtKind::IdToken, &token).is_some());
    assert!(KEYS.verify(JwtKind::AccessToken, &token).is_none());
}

#[test]
fn older_keys_verify_and_foreign_ones_do_not() {
    let older = SigningKey::generate().unwrap();
    let foreign = SigningKey::generate().unwrap();
    let token_of = |key: &SigningKey| key.sign(JwtKind::AccessToken, b"{}").unwrap();
    let (old_token, foreign_token) = (token_of(&older), token_of(&foreign));
    let keys = KeySet::new(SigningKey::from_pkcs8(&PKCS8).unwrap(), vec![older]);
    assert!(keys.verify(JwtKind::AccessToken, &old_token).is_some());
    assert!(keys.verify(JwtKind::AccessToken, &foreign_token).is_none());
    let published = keys.jwk_set();
    assert_eq!(published.keys.len(), 2);
    assert_eq!(published.keys[0].kid.as_deref(), Some(keys.current().kid()));
    assert!(!serde_json::to_string(&published).unwrap().contains("\"d\""));
}

#[test]
fn headers_that_ask_for_another_algorithm_are_refused() {
    let kid = KEYS.current().kid();
    let token = KEYS.current().sign(JwtKind::IdToken, b"{}").unwrap();
    let (_, rest) = token.split_once('.').unwrap();
    for fields in [
        json!({ "alg": "none" }),
        json!({ "alg": "none", "kid": kid }),
        json!({ "alg": "HS256", "kid": kid }),
        json!({ "alg": "rs256", "kid": kid }),
        json!({ "alg": "RS256", "kid": format!("{kid} ") }),
        json!({ "alg": "RS256", "kid": "../../dev/null" }),
        json!({ "alg": "RS256", "kid": kid, "jwk": KEYS.current().jwk() }),
        json!({ "alg": "RS256", "kid": kid, "crit": ["b64"] }),
    ] {
        let forged = format!("{}.{rest}", header(&fields));
        assert!(KEYS.verify(JwtKind::IdToken, &forged).is_none(), "{fields}");
    }
    assert!(
        KEYS.verify(
            JwtKind::IdToken,
            &format!("{}..", header(&json!({"alg": "none"})))
        )
        .is_none()
    );
}

#[test]
fn a_sealed_key_opens_only_with_its_master_key_and_name() {
    let (master, other) = (
        MasterKey::random(&mut SystemEntropy),
        MasterKey::random(&mut SystemEntropy),
    );
    let key = KEYS.current();
    let sealed = key.seal(&master, &mut SystemEntropy).unwrap();
    assert_ne!(
        sealed,
        key.seal(&master, &mut SystemEntropy).unwrap(),
        "nonces differ"
    );
    assert_eq!(
        SigningKey::open(&master, key.kid(), &sealed).unwrap().kid(),
        key.kid()
    );
    assert_eq!(
        SigningKey::open(&other, key.kid(), &sealed).err(),
        Some(KeyError::Seal)
    );
    assert_eq!(
        SigningKey::open(&master, "other", &sealed).err(),
        Some(KeyError::Seal)
    );
    for at in [0, 1, 30, sealed.len() - 1] {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert_eq!(
            SigningKey::open(&master, key.kid(), &changed).err(),
            Some(KeyError::Seal)
        );
    }
    assert_eq!(
        SigningKey::open(&master, key.kid(), b"").err(),
        Some(KeyError::Seal)
    );
}

#[test]
fn a_key_under_a_name_that_is_not_its_thumbprint_is_refused() {
    let master = MasterKey::random(&mut SystemEntropy);
    let private = Secret::new(PKCS8.clone());
    let sealed = key_seal::seal(&master, "other", &private, &mut SystemEntropy).unwrap();
    let opened = SigningKey::open(&master, "other", &sealed);
    assert_eq!(opened.err(), Some(KeyError::Malformed));
}

#[test]
fn other_bytes_are_no_key() {
    assert_eq!(SigningKey::from_pkcs8(b"").err(), Some(KeyError::Malformed));
    assert_eq!(
        SigningKey::from_pkcs8(&PKCS8[..100]).err(),
        Some(KeyError::Malformed)
    );
    assert!(!format!("{:?}", KEYS.current()).contains("pair"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn one_changed_character_is_refused(at in any::<prop::sample::Index>(), letter in "[ -~]") {
        let token = KEYS.current().sign(JwtKind::AccessToken, br#"{"sub":"a"}"#).unwrap();
        let at = at.index(token.len());
        let changed = format!("{}{letter}{}", &token[..at], &token[at + 1..]);
        prop_assert_eq!(
            KEYS.verify(JwtKind::AccessToken, &changed).is_some(),
            changed == token
        );
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,80}") {
        prop_assert!(KEYS.verify(JwtKind::AccessToken, &text).is_none());
        let thrice = format!("{text}.{text}.{text}");
        prop_assert!(KEYS.verify(JwtKind::IdToken, &thrice).is_none());
    }
}
