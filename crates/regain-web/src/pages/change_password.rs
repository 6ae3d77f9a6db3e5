//! `/.well-known/change-password`: where password managers send people.
//!
//! Source: W3C *A Well-Known URL for Changing Passwords* §3.

use axum::response::Response;

use crate::routing::Page;
use crate::visit::{go_to, new_entry_href};

/// GET.
pub(crate) async fn show() -> Response {
    go_to(&new_entry_href(&Page::Recover))
}
