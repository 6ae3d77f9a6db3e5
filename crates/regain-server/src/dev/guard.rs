//! Keeps other people's pages away from the developer's surface: it has no login.

use axum::extract::Request;
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::api_error::ApiError;

/// Refuses what a page of another site sends with the developer's browser.
pub(super) async fn same_site(request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let site = request
        .headers()
        .get("sec-fetch-site")
        .and_then(|value| value.to_str().ok());
    match site {
        Some("cross-site") if !reads => ApiError::UntrustedOrigin.into_response(),
        _ => next.run(request).await,
    }
}
