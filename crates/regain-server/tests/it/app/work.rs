//! Proof of work, done as the Sign-In Widget's worker does it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The token that solves a challenge.
pub(crate) fn solve(challenge: &Value) -> String {
    let salt = challenge["salt"].as_str().unwrap();
    let wanted = bytes(challenge["challenge"].as_str().unwrap());
    let is_it = |number: &u64| Sha256::digest(format!("{salt}{number}"))[..] == wanted[..];
    let number = (0..challenge["maxnumber"].as_u64().unwrap())
        .find(is_it)
        .unwrap();
    let solution = json!({
        "algorithm": challenge["algorithm"], "challenge": challenge["challenge"],
        "number": number, "salt": salt, "signature": challenge["signature"], "took": 7,
    });
    STANDARD.encode(solution.to_string())
}

fn bytes(hex: &str) -> Vec<u8> {
    let places = (0..hex.len()).step_by(2);
    places
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect()
}
