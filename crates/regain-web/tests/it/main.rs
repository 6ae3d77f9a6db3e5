//! The web app over HTTP, with a small engine behind the SDK's transport.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise"
)]

mod brand;
mod browser;
mod engine;
mod failures;
mod keys;
mod pages;
mod protection;
mod recovery;
mod redirects;
mod sessions;
mod sign_in;
mod tabs;
