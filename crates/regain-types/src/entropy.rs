//! Randomness as a parameter (style guide §9): the engine never asks the system itself.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A source of random bytes. The real one is [`SystemEntropy`]; tests pass a seeded one.
pub trait Entropy: Send {
    /// Fills `bytes` with random bytes.
    fn fill(&mut self, bytes: &mut [u8]);
}

/// The operating system's generator (security rule Y-07: the one entry point).
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that asks the system"
    )]
    #[expect(
        clippy::expect_used,
        reason = "without randomness nothing safe can be done: stop"
    )]
    fn fill(&mut self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the operating system hands out random bytes");
    }
}

/// Draws `N` random bytes.
pub fn random_array<const N: usize>(entropy: &mut dyn Entropy) -> [u8; N] {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes);
    bytes
}

/// Draws an opaque token of 256 bits: 43 characters of `[A-Za-z0-9_-]`.
pub fn random_token(entropy: &mut dyn Entropy) -> String {
    URL_SAFE_NO_PAD.encode(random_array::<32>(entropy))
}

/// Draws `length` characters of `[0-9A-Za-z]`, each equally likely.
pub fn random_base62(entropy: &mut dyn Entropy, length: usize) -> String {
    const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut out = String::with_capacity(length);
    while out.len() < length {
        // 248 = 4 × 62: rejection keeps the draw uniform.
        for byte in random_array::<32>(entropy) {
            if byte < 248
                && out.len() < length
                && let Some(letter) = ALPHABET.get(usize::from(byte % 62))
            {
                out.push(char::from(*letter));
            }
        }
    }
    out
}
