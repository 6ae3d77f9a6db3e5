//! OAuth 2.0 and OpenID Connect as pure functions: clients, PKCE, tokens, keys, discovery.
//!
//! What it is not: it reads no clock, no store and no request; the server hands everything in.
//! Read [`Client`], [`Grant`] and then the modules in the order of a token request.
#![deny(missing_docs)]
#![deny(clippy::wildcard_enum_match_arm)]

mod client;
mod grant;

pub use client::Client;
pub use grant::Grant;
