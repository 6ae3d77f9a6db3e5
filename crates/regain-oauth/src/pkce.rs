//! Proof Key for Code Exchange: S256, and nothing else (RFC 7636, O-01).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// Characters of a verifier (RFC 7636 §4.1).
const VERIFIER_CHARS: std::ops::RangeInclusive<usize> = 43..=128;

/// Whether a text can be an S256 challenge: 32 bytes in base64url.
#[must_use]
pub fn is_s256_challenge(challenge: &str) -> bool {
    URL_SAFE_NO_PAD
        .decode(challenge)
        .is_ok_and(|bytes| bytes.len() == 32)
}

/// Whether `verifier` is what `challenge` was made from, in constant time.
///
/// Source: RFC 7636 §4.1 (its form) and §4.6 (the comparison).
#[must_use]
pub fn verifies(verifier: &str, challenge: &str) -> bool {
    let well_formed = VERIFIER_CHARS.contains(&verifier.len())
        && verifier
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~'));
    let computed = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
    well_formed && bool::from(computed.as_bytes().ct_eq(challenge.as_bytes()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The example of RFC 7636, appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn the_example_of_the_rfc_verifies() {
        assert!(is_s256_challenge(CHALLENGE));
        assert!(verifies(VERIFIER, CHALLENGE));
    }

    #[test]
    fn only_43_to_128_unreserved_characters_are_a_verifier() {
        let accepted =
            |verifier: &str| verifies(verifier, &URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)));
        for (length, expected) in [
            (0, false),
            (42, false),
            (43, true),
            (128, true),
            (129, false),
        ] {
            assert_eq!(accepted(&"a".repeat(length)), expected, "{length}");
        }
        assert!(accepted(&"-._~aZ09".repeat(6)));
        assert!(!accepted(&"+".repeat(43)));
    }

    #[test]
    fn other_texts_are_no_challenge() {
        for text in [
            "",
            "abc",
            VERIFIER.split_at(42).0,
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM",
        ] {
            assert!(!is_s256_challenge(text), "{text}");
        }
        assert!(!verifies(VERIFIER, VERIFIER), "plain is refused");
    }

    proptest! {
        #[test]
        fn a_changed_verifier_fails(place in 0..43_usize, letter in "[A-Za-z0-9._~-]") {
            let changed: String = VERIFIER
                .chars()
                .enumerate()
                .map(|(at, old)| if at == place { letter.chars().next().unwrap() } else { old })
                .collect();
            prop_assert_eq!(verifies(&changed, CHALLENGE), changed == VERIFIER);
        }
    }
}
