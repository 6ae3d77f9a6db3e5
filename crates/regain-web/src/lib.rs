//! The web app of the flow: sign in, recover a password, home. Server-rendered pages that work
//! without a script, and speak to the engine through `regain-sdk` alone.
//!
//! What it is not: no rule about who may do what is decided here, and no page knows how the wire
//! looks. A step that this version has no page for is drawn from the server's own form.
//!
//! Read [`WebConfig`] and [`router`] first; then, inside, `routing` (which page shows which step)
//! and `advance` (how a form moves a transaction).
#![deny(missing_docs)]

mod advance;
mod app;
mod assets;
mod browser;
mod client_address;
mod config;
mod failure;
mod form;
mod front;
mod headers;
mod keys;
mod pages;
mod password_rules;
mod raw_form;
mod record;
mod router;
mod routing;
mod sentences;
mod session;
mod store;
mod system;
mod turn;
mod view;
mod visit;

pub use config::{WebConfig, WebError};
pub use router::{router, router_with};
