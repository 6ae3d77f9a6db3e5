//! T-E2: what is derived looks like what is drawn.

use regain_types::{Entropy, KeyRing, MasterKey, random_base62};

use super::synthetic_id;

const IDS: usize = 5_000;
const ALPHABET: usize = 62;
/// p > 0.01 with 61 degrees of freedom.
const CHI_MAX: f64 = 89.59;

/// Numbers that a seed repeats (splitmix64), so that the outcome is the same each time.
struct Seeded(u64);

impl Entropy for Seeded {
    fn fill(&mut self, bytes: &mut [u8]) {
        for part in bytes.chunks_mut(8) {
            self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut mixed = self.0;
            mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
            mixed ^= mixed >> 31;
            part.copy_from_slice(&mixed.to_le_bytes()[..part.len()]);
        }
    }
}

/// How often each character comes.
fn counts(ids: impl Iterator<Item = String>) -> [f64; ALPHABET] {
    let mut counts = [0.0; ALPHABET];
    for byte in ids.flat_map(String::into_bytes) {
        let place = match byte {
            b'0'..=b'9' => byte - b'0',
            b'A'..=b'Z' => byte - b'A' + 10,
            b'a'..=b'z' => byte - b'a' + 36,
            other => panic!("{other} in an id"),
        };
        counts[usize::from(place)] += 1.0;
    }
    counts
}

/// Of two samples of one size.
fn chi_square(one: &[f64; ALPHABET], other: &[f64; ALPHABET]) -> f64 {
    let parts = one.iter().zip(other);
    parts
        .map(|(one, other)| (one - other).powi(2) / (one + other))
        .sum()
}

#[test]
fn t_e2_characters_of_synthetic_ids_come_as_often_as_those_of_drawn_ones() {
    let keys = KeyRing::derive(&MasterKey::random(&mut Seeded(1)));
    let synthetic = |number: usize| {
        let name = format!("nobody{number}@example.com");
        synthetic_id(&keys, "eae", &[b"00oorg", name.as_bytes()])[3..].to_owned()
    };
    let mut entropy = Seeded(2);
    let derived = counts((0..IDS).map(synthetic));
    let drawn = counts((0..IDS).map(|_| random_base62(&mut entropy, 17)));
    let chi = chi_square(&derived, &drawn);
    assert!(chi < CHI_MAX, "{chi}");
    // It sees it when one character in thirty gives way to another.
    let mut skewed = derived;
    skewed[0] += skewed[1] / 3.0;
    skewed[1] -= skewed[1] / 3.0;
    assert!(chi_square(&skewed, &drawn) > CHI_MAX);
}
