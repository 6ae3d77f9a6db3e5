//! Handles: the opaque values by which clients name a flow. The store knows only their hashes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use regain_types::{Entropy, KeyRing, Secret, random_token};

use crate::flow::Flow;

/// Draws an interaction handle: 256 bits, 43 characters of `[A-Za-z0-9_-]`.
pub fn new_interaction_handle(entropy: &mut dyn Entropy) -> String {
    random_token(entropy)
}

/// The state handle of a flow's `generation`, derived from its interaction handle, so that
/// `introspect` can show it although only its hash is stored. Every cancel gives the next one.
#[must_use]
pub fn state_handle(keys: &KeyRing, interaction_handle: &str, generation: u32) -> String {
    let first = shaped(
        keys.state_handle
            .mac(&[b"first", interaction_handle.as_bytes()]),
    );
    (0..generation).fold(first, |handle, _| next_state_handle(keys, &handle))
}

/// The handle after a cancel, which knows only the present one.
#[must_use]
pub fn next_state_handle(keys: &KeyRing, state_handle: &str) -> String {
    shaped(keys.state_handle.mac(&[b"next", state_handle.as_bytes()]))
}

/// The interaction code of a completed flow. It derives from the flow, so that a repeated
/// completing request gets the same answer.
#[must_use]
pub fn interaction_code(keys: &KeyRing, flow: &Flow) -> Secret<String> {
    let tag = keys
        .interaction_code
        .mac(&[flow.id.as_str().as_bytes(), &flow.generation.to_be_bytes()]);
    Secret::new(URL_SAFE_NO_PAD.encode(tag))
}

/// The vendor's handles begin with `02`.
fn shaped(mac: [u8; 32]) -> String {
    format!("02{}", URL_SAFE_NO_PAD.encode(mac))
}
