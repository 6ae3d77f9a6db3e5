//! The server over HTTP on a real store: the tree mirrors the routes, `security` the test
//! catalogue of the security rules.

mod app;
mod idx;
mod outbox;
mod security;
