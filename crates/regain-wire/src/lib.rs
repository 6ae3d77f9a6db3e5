//! The JSON shapes on the wire: IDX documents and requests, OAuth 2.0 and OpenID Connect.
//!
//! What it is not: there are no rules here about who may do what. The server writes these types,
//! the SDK reads them; whatever a reader does not know is kept in `extra`, so that decoding and
//! encoding again loses nothing.
//!
//! Read [`idx::IdxResponse`] first, then [`idx::Form`] and [`idx::Field`].
//!
//! ```
//! let text = r#"{"version":"1.0.0","intent":"LOGIN","somethingNew":7}"#;
//! let document: regain_wire::idx::IdxResponse = serde_json::from_str(text).unwrap();
//! assert_eq!(document.extra["somethingNew"], 7);
//! ```
#![deny(missing_docs)]
#![deny(clippy::wildcard_enum_match_arm)]

pub mod idx;
pub mod oauth;
