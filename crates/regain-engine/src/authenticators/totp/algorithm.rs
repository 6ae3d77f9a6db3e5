//! The arithmetic of RFC 4226 and RFC 6238.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit as _, Mac as _};
use regain_types::{Secret, Timestamp};
use sha1::Sha1;

const STEP_SECONDS: i64 = 30;
const DIGITS: usize = 6;
const SECRET_BYTES: usize = 20;
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// What app and engine share: 160 bits, as RFC 4226 §4 recommends.
#[derive(Clone, Debug)]
pub struct TotpSecret(Secret<[u8; SECRET_BYTES]>);

impl TotpSecret {
    /// The first 160 of 256 bits.
    pub(super) fn from_mac(mac: &[u8; 32]) -> Self {
        let mut secret = [0; SECRET_BYTES];
        for (slot, byte) in secret.iter_mut().zip(mac) {
            *slot = *byte;
        }
        Self(Secret::new(secret))
    }

    /// As people type it into an app: 32 characters of base32 (RFC 4648 §6).
    #[must_use]
    pub fn base32(&self) -> Secret<String> {
        let mut text = String::with_capacity(SECRET_BYTES * 8 / 5);
        for five in self.0.expose().chunks(5) {
            let bits = five
                .iter()
                .fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
            for place in (0..8).rev() {
                let index = usize::try_from(bits >> (5 * place) & 31).unwrap_or_default();
                text.extend(BASE32.get(index).map(|letter| char::from(*letter)));
            }
        }
        Secret::new(text)
    }

    /// What an app reads from a picture: `otpauth://totp/ISSUER:LOGIN?secret=…&issuer=ISSUER`.
    #[must_use]
    pub fn uri(&self, issuer: &str, login: &str) -> Secret<String> {
        let (issuer, login) = (escaped(issuer), escaped(login));
        let secret = self.base32();
        Secret::new(format!(
            "otpauth://totp/{issuer}:{login}?secret={}&issuer={issuer}&algorithm=SHA1&digits={DIGITS}&period={STEP_SECONDS}",
            secret.expose()
        ))
    }

    /// The code at a moment: what an app shows then.
    #[must_use]
    pub fn code_at(&self, now: Timestamp) -> String {
        code(self, step_at(now))
    }
}

/// The number of the half minute.
pub(super) fn step_at(now: Timestamp) -> u64 {
    u64::try_from(now.as_seconds().div_euclid(STEP_SECONDS)).unwrap_or_default()
}

/// Six digits, with leading zeros (RFC 4226 §5.3).
pub(super) fn code(secret: &TotpSecret, step: u64) -> String {
    // The secret is shorter than SHA-1's block: as such no key is refused.
    let mut block = hmac::digest::Key::<Hmac<Sha1>>::default();
    for (slot, byte) in block.iter_mut().zip(secret.0.expose()) {
        *slot = *byte;
    }
    let mut mac = Hmac::<Sha1>::new(&block);
    mac.update(&step.to_be_bytes());
    let tag: [u8; 20] = mac.finalize().into_bytes().into();
    let offset = usize::from(tag.last().copied().unwrap_or_default() & 15);
    let four = tag.iter().skip(offset).take(4);
    let number = four.fold(0_u32, |number, byte| number << 8 | u32::from(*byte)) & 0x7FFF_FFFF;
    format!("{:0DIGITS$}", number % 10_u32.pow(6))
}

/// Percent-encoded, all but what never needs it (RFC 3986 §2.3).
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `12345678901234567890`, the secret of RFC 6238, appendix B.
    fn of_the_rfc() -> TotpSecret {
        TotpSecret(Secret::new(*b"12345678901234567890"))
    }

    #[test]
    fn codes_are_those_of_the_rfc() {
        // The last six of its eight digits.
        for (seconds, expected) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let now = Timestamp::from_millis(seconds * 1_000);
            assert_eq!(of_the_rfc().code_at(now), expected, "{seconds}");
        }
    }

    #[test]
    fn apps_read_the_secret() {
        assert_eq!(
            of_the_rfc().base32().expose(),
            "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
        );
        let uri = of_the_rfc().uri("Acme & Söhne", "dave@example.com");
        assert_eq!(
            uri.expose(),
            "otpauth://totp/Acme%20%26%20S%C3%B6hne:dave%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Acme%20%26%20S%C3%B6hne&algorithm=SHA1&digits=6&period=30"
        );
    }
}
