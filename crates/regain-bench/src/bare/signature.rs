//! RS256 signatures alone, with the library and the key length of the engine.

use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};

use super::repeat;
use crate::error::BenchError;

/// About what an access token's header and claims take.
const MESSAGE: [u8; 700] = [b'x'; 700];

/// Signatures per second on one core.
///
/// # Errors
/// When the library makes no key or no signature.
pub(crate) fn per_second(sample: Duration) -> Result<f64, BenchError> {
    let failed = |_| BenchError::Failed("RS256: the library makes no signature".to_owned());
    let key = RsaKeyPair::generate(KeySize::Rsa2048).map_err(failed)?;
    let mut signature = vec![0; key.public_modulus_len()];
    let random = SystemRandom::new();
    repeat(sample, || {
        key.sign(&RSA_PKCS1_SHA256, &random, &MESSAGE, &mut signature)
            .map_err(failed)
    })
}
