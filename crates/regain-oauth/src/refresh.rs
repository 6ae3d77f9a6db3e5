//! Refresh tokens: one family per grant, no row per token (S-06).
//!
//! A token is the grant's id and a sequence number, with a MAC over both. The database keeps only
//! which number is the live one, so a token that is used twice within the grace period gets the
//! very same successor.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use regain_types::{GrantId, KeyRing, OrgId, Secret, Timestamp};

use crate::Grant;

/// How long a family of refresh tokens lives, however often it is used.
pub const REFRESH_TOKEN_TTL_SECONDS: i64 = 90 * 24 * 60 * 60;
/// How long it lives without being used.
pub const REFRESH_TOKEN_IDLE_SECONDS: i64 = 7 * 24 * 60 * 60;
/// How long a token that was used may be used again: its answer may have been lost.
pub const REFRESH_GRACE_SECONDS: i64 = 30;

const MAC_BYTES: usize = 32;

/// Which token of which family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshToken {
    /// The family.
    pub grant: GrantId,
    /// The place in it, from 0.
    pub sequence: u32,
}

impl RefreshToken {
    /// The text that a client keeps: `[A-Za-z0-9_-]` only, always the same for the same token.
    #[must_use]
    pub fn encode(&self, keys: &KeyRing, org: &OrgId) -> Secret<String> {
        let sequence = self.sequence.to_be_bytes();
        let grant = self.grant.as_str().as_bytes();
        let mac = keys
            .refresh_token
            .mac(&[org.as_str().as_bytes(), grant, &sequence]);
        Secret::new(URL_SAFE_NO_PAD.encode([mac.as_slice(), &sequence, grant].concat()))
    }

    /// Reads a token that this deployment made for this org; `None` for every other text.
    #[must_use]
    pub fn decode(text: &str, keys: &KeyRing, org: &OrgId) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (mac, rest) = bytes.split_first_chunk::<MAC_BYTES>()?;
        let (sequence, grant) = rest.split_first_chunk::<4>()?;
        let is_ours = keys
            .refresh_token
            .verify(&[org.as_str().as_bytes(), grant, sequence], mac);
        let grant = GrantId::parse(std::str::from_utf8(grant).ok()?).ok()?;
        is_ours.then_some(Self {
            grant,
            sequence: u32::from_be_bytes(*sequence),
        })
    }

    /// The token that follows in the family.
    #[must_use]
    pub fn successor(&self) -> Self {
        Self {
            grant: self.grant.clone(),
            sequence: self.sequence.saturating_add(1),
        }
    }
}

/// What to do with a refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshVerdict {
    /// The family is over, by time or by revocation.
    Expired,
    /// It was used before and the grace period is over: somebody has a copy. End the family.
    Reused,
    /// It is the live one: make its successor the live one.
    Rotate,
    /// It was used a moment ago: give the same successor again.
    SameSuccessor,
}

/// Judges the `sequence` of a family's token at a point in time.
#[must_use]
pub fn judge_refresh(grant: &Grant, sequence: u32, now: Timestamp) -> RefreshVerdict {
    if grant.revoked_at.is_some() || now >= grant.expires_at || now >= grant.idle_expires_at {
        return RefreshVerdict::Expired;
    }
    match grant.refresh_sequence.checked_sub(sequence) {
        // A number that was never given out can only come from before a restored backup.
        None => RefreshVerdict::Expired,
        Some(0) => RefreshVerdict::Rotate,
        Some(1) if now < grant.rotated_at.plus_seconds(REFRESH_GRACE_SECONDS) => {
            RefreshVerdict::SameSuccessor
        }
        Some(_) => RefreshVerdict::Reused,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regain_types::{AuthServer, ClientId, MasterKey, SystemEntropy, UserId};

    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_000_000);

    fn keys() -> KeyRing {
        KeyRing::derive(&MasterKey::random(&mut SystemEntropy))
    }

    fn org(id: &str) -> OrgId {
        OrgId::parse(id).unwrap()
    }

    fn grant(refresh_sequence: u32, rotated_at: Timestamp) -> Grant {
        Grant {
            id: GrantId::parse("gra1").unwrap(),
            user: UserId::parse("00u1").unwrap(),
            client_id: ClientId::parse("0oa1").unwrap(),
            server: AuthServer::Org,
            scopes: Vec::new(),
            nonce: None,
            auth_time: START,
            amr: Vec::new(),
            created_at: START,
            expires_at: START.plus_seconds(REFRESH_TOKEN_TTL_SECONDS),
            idle_expires_at: rotated_at.plus_seconds(REFRESH_TOKEN_IDLE_SECONDS),
            refresh_sequence,
            rotated_at,
            revoked_at: None,
        }
    }

    #[test]
    fn the_live_token_rotates_and_its_successor_comes_again_within_the_grace_period() {
        let rotated = grant(3, START);
        for (sequence, after_seconds, verdict) in [
            (3, 0, RefreshVerdict::Rotate),
            (3, 3_600, RefreshVerdict::Rotate),
            (2, 0, RefreshVerdict::SameSuccessor),
            (2, 29, RefreshVerdict::SameSuccessor),
            (2, 30, RefreshVerdict::Reused),
            (1, 0, RefreshVerdict::Reused),
            (0, 3_600, RefreshVerdict::Reused),
            (4, 0, RefreshVerdict::Expired),
        ] {
            assert_eq!(
                judge_refresh(&rotated, sequence, START.plus_seconds(after_seconds)),
                verdict,
                "{sequence} after {after_seconds} s"
            );
        }
    }

    #[test]
    fn a_family_ends_by_age_by_idleness_and_by_revocation() {
        let idle_end = START.plus_seconds(REFRESH_TOKEN_IDLE_SECONDS);
        let idle = grant(0, START);
        assert_eq!(
            judge_refresh(&idle, 0, idle_end.plus_seconds(-1)),
            RefreshVerdict::Rotate
        );
        assert_eq!(judge_refresh(&idle, 0, idle_end), RefreshVerdict::Expired);
        let end = START.plus_seconds(REFRESH_TOKEN_TTL_SECONDS);
        let old = grant(9, end.plus_seconds(-10));
        assert_eq!(
            judge_refresh(&old, 9, end.plus_seconds(-1)),
            RefreshVerdict::Rotate
        );
        assert_eq!(judge_refresh(&old, 9, end), RefreshVerdict::Expired);
        let revoked = Grant {
            revoked_at: Some(START),
            ..grant(1, START)
        };
        for sequence in [0, 1] {
            assert_eq!(
                judge_refresh(&revoked, sequence, START),
                RefreshVerdict::Expired
            );
        }
    }

    #[test]
    fn a_successor_is_the_same_text_each_time() {
        let (keys, org) = (keys(), org("00o1"));
        let token = RefreshToken {
            grant: GrantId::random(&mut SystemEntropy),
            sequence: 7,
        };
        let next = token.successor();
        assert_eq!(next.sequence, 8);
        assert_eq!(
            next.encode(&keys, &org).expose(),
            next.encode(&keys, &org).expose()
        );
        assert_ne!(
            next.encode(&keys, &org).expose(),
            token.encode(&keys, &org).expose()
        );
        assert_eq!(
            RefreshToken::decode(next.encode(&keys, &org).expose(), &keys, &org),
            Some(next)
        );
    }

    #[test]
    fn other_orgs_and_other_keys_do_not_know_it() {
        let (keys_a, keys_b) = (keys(), keys());
        let token = RefreshToken {
            grant: GrantId::random(&mut SystemEntropy),
            sequence: 0,
        };
        let text = token.encode(&keys_a, &org("00o1"));
        assert_eq!(
            RefreshToken::decode(text.expose(), &keys_a, &org("00o2")),
            None
        );
        assert_eq!(
            RefreshToken::decode(text.expose(), &keys_b, &org("00o1")),
            None
        );
    }

    proptest! {
        #[test]
        fn one_changed_character_is_refused(
            at in any::<prop::sample::Index>(),
            letter in "[A-Za-z0-9_-]",
        ) {
            let (keys, org) = (keys(), org("00o1"));
            let token = RefreshToken { grant: GrantId::random(&mut SystemEntropy), sequence: 1 };
            let text = token.encode(&keys, &org).expose().clone();
            let at = at.index(text.len());
            let changed = format!("{}{letter}{}", &text[..at], &text[at + 1..]);
            let expected = (changed == text).then_some(token);
            prop_assert_eq!(RefreshToken::decode(&changed, &keys, &org), expected);
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,120}") {
            prop_assert_eq!(RefreshToken::decode(&text, &keys(), &org("00o1")), None);
        }
    }
}
