//! The nouns that every other crate speaks in: ids, secrets, identifiers, time, randomness, keys.
//!
//! What it is not: there is no I/O here but the two named places that ask the system for time and
//! randomness, [`SystemClock`] and [`SystemEntropy`]. Read [`Identifier`], [`Secret`] and
//! [`KeyRing`] first.
//!
//! ```
//! use regain_types::Identifier;
//! let typed = Identifier::parse(" Alice@Example.COM ").unwrap();
//! assert_eq!(typed.canonical(), "alice@example.com");
//! ```
#![deny(missing_docs)]

mod auth_server;
mod entropy;
mod id;
mod identifier;
mod keys;
mod pepper;
mod secret;
mod time;

pub use auth_server::AuthServer;
pub use entropy::{Entropy, SystemEntropy, random_array, random_base62, random_token};
pub use id::{
    AuthenticatorId, ChallengeId, ClientId, EnrollmentId, FlowId, GrantId, IdError, OrgId,
    OutboxId, UserId,
};
pub use identifier::{Identifier, IdentifierError};
pub use keys::{KeyRing, MacKey, MasterKey, TokenHash};
pub use pepper::{NoPepperVersion, Pepper, PepperKey, PepperRefused, PepperVersion};
pub use secret::Secret;
pub use time::{Clock, SystemClock, Timestamp};
