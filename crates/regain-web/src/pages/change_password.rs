//! `/.well-known/change-password`: where password managers send people.
//!
//! Source: W3C *A Well-Known URL for Changing Passwords* §3.

use axum::response::Response;

use crate::visit::go_to;

/// GET.
pub(crate) async fn show() -> Response {
    go_to("/recover-password")
}
