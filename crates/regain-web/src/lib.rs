//! The web app of the flow: sign in, recover a password, home. Server-rendered pages that work
//! without a script, and speak to the engine through `regain-sdk` alone.
//!
//! What it is not: no rule about who may do what is decided here, and no page knows how the wire
//! looks. A step that this version has no page for is drawn from the server's own form.
//!
//! Read [`WebConfig`] and [`router`] first; then, inside, `routing` (which page shows which step)
//! and `advance` (how a form moves a transaction).
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! # let directory = tempfile::tempdir().unwrap();
//! let app: axum::Router = regain_web::router(regain_web::WebConfig {
//!     issuer: "http://localhost:8400/oauth2/default".to_owned(),
//!     client_id: "regain-demo-web".to_owned(),
//!     client_secret: Some("regain-demo-secret".to_owned().into()),
//!     public_url: "http://localhost:8401".parse().unwrap(),
//!     app_name: "Example".to_owned(),
//!     support_url: None,
//!     brand: regain_web::Brand::default(),
//!     data_dir: directory.path().join("app"),
//!     dev_mailbox_url: None,
//!     trusted_proxies: Vec::new(),
//! })
//! .await
//! .unwrap();
//! let _service = app.into_make_service_with_connect_info::<std::net::SocketAddr>();
//! # });
//! ```
#![deny(missing_docs)]

mod advance;
mod app;
mod assets;
mod brand;
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

pub use brand::{Brand, BrandError, Colour, Logo};
pub use config::{WebConfig, WebError};
pub use router::{router, router_with};
