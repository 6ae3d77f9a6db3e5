//! OAuth 2.0 and OpenID Connect as pure functions: clients, PKCE, tokens, keys, discovery.
//!
//! What it is not: it reads no clock, no store and no request; the server hands everything in.
//! Read [`Client`], [`Grant`] and then the modules in the order of a request: [`Form`],
//! [`Credentials`], [`InteractRequest`] or [`TokenRequest`], [`judge_code`] or [`judge_refresh`],
//! [`Issue`].
//!
//! ```
//! use regain_oauth::{Form, TokenRequest};
//! let form = Form::parse(b"grant_type=refresh_token&refresh_token=abc").unwrap();
//! assert!(matches!(TokenRequest::read(&form), Ok(TokenRequest::RefreshToken { .. })));
//! ```
#![deny(missing_docs)]
#![deny(clippy::wildcard_enum_match_arm)]

mod claims;
mod client;
mod client_authentication;
mod discovery;
mod error;
mod form;
mod grant;
mod interact;
mod introspection;
mod issue;
mod key_seal;
mod pkce;
mod redeem;
mod refresh;
mod scope;
mod signing_key;
mod token_request;

pub use claims::{
    ACCESS_TOKEN_TTL_SECONDS, AccessTokenClaims, ID_TOKEN_TTL_SECONDS, IdTokenClaims, Profile,
    audience, grant_of,
};
pub use client::Client;
pub use client_authentication::{ClientProof, Credentials};
pub use discovery::discovery;
pub use error::OAuthError;
pub use form::Form;
pub use grant::{Approval, Grant};
pub use interact::InteractRequest;
pub use introspection::{
    GrantState, PresentedToken, inactive, introspection, read_access_token, read_id_token,
};
pub use issue::Issue;
pub use pkce::{is_s256_challenge, verifies};
pub use redeem::{CodeBinding, CodeClaim, CodeVerdict, judge_code};
pub use refresh::{
    REFRESH_GRACE_SECONDS, REFRESH_TOKEN_IDLE_SECONDS, REFRESH_TOKEN_TTL_SECONDS, RefreshToken,
    RefreshVerdict, judge_refresh,
};
pub use scope::{has_scope, parse_scopes};
pub use signing_key::{JwtKind, KeyError, KeySet, SigningKey};
pub use token_request::TokenRequest;
