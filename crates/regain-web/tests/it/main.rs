//! The web app over HTTP, with a small engine behind the SDK's transport.

mod browser;
mod engine;
mod failures;
mod keys;
mod pages;
mod protection;
mod recovery;
mod sessions;
mod sign_in;
mod tabs;
