//! Ids: one type per kind, so that swapping two arguments does not compile.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::entropy::{Entropy, random_base62};

/// A text that is no id of the wanted kind.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a valid id: 1 to 100 characters of A-Z a-z 0-9 . _ - are allowed")]
pub struct IdError;

const ID_CHARS_MAX: usize = 100;

fn is_id(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= ID_CHARS_MAX
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Draws a new id: the kind's prefix, then random characters, 20 in all.
            pub fn random(entropy: &mut dyn Entropy) -> Self {
                const PREFIX: &str = $prefix;
                Self(format!("{PREFIX}{}", random_base62(entropy, 20 - PREFIX.len())))
            }

            /// Takes an id that was stored or sent.
            ///
            /// # Errors
            /// [`IdError`] when the text is empty, too long, or holds other characters than
            /// letters, digits, `.`, `_` and `-`.
            pub fn parse(text: impl Into<String>) -> Result<Self, IdError> {
                let text = text.into();
                if is_id(&text) { Ok(Self(text)) } else { Err(IdError) }
            }

            /// The id as it stands on the wire and in the store.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

ids! {
    /// An authenticator of the org (`aut…`).
    AuthenticatorId = "aut";
    /// One issued challenge inside a flow.
    ChallengeId = "cha";
    /// An OAuth client (`0oa…`, or a name that the operator chose).
    ClientId = "0oa";
    /// A user's instance of an authenticator; the prefix differs by kind, see `Descriptor`.
    EnrollmentId = "enr";
    /// One run of the ladder.
    FlowId = "flw";
    /// What a finished flow granted a client: the family of tokens issued from it.
    GrantId = "gra";
    /// The tenant (`00o…`).
    OrgId = "00o";
    /// A row of the outbox; the mail's `Message-ID` derives from it.
    OutboxId = "out";
    /// A user (`00u…`).
    UserId = "00u";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemEntropy;

    #[test]
    fn random_ids_have_the_vendor_shape() {
        let id = UserId::random(&mut SystemEntropy);
        assert_eq!(id.as_str().len(), 20);
        assert!(id.as_str().starts_with("00u"));
        assert_eq!(UserId::parse(id.as_str()), Ok(id));
    }

    #[test]
    fn ids_with_other_characters_are_refused() {
        for text in ["", "a b", "ä", "a/b", &"x".repeat(101)] {
            assert_eq!(ClientId::parse(text), Err(IdError), "{text}");
        }
    }
}
