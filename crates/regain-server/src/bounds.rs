//! How large the head of a request may be (H-01). What is much larger never comes so far: the
//! accept loop refuses it without a word.

use axum::extract::Request;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};

use crate::api_error::ApiError;

/// The longest address with its query that is read, in bytes.
pub(crate) const URL_BYTES_MAX: usize = 8 * 1_024;
/// All headers together, in bytes, as they stand in HTTP/1.1.
pub(crate) const HEADER_BYTES_MAX: usize = 32 * 1_024;
/// How many there may be; several of one name count each.
pub(crate) const HEADERS_MAX: usize = 100;
/// A colon, a space and the end of the line.
const HEADER_LINE_BYTES: usize = 4;

/// Refuses heads that are too large, in the envelope that clients read.
pub(crate) async fn bounded_head<F: Future<Output = Response>>(
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    match refusal(request.uri(), request.headers()) {
        Some(error) => error.into_response(),
        None => next(request).await,
    }
}

fn refusal(uri: &Uri, headers: &HeaderMap) -> Option<ApiError> {
    let url_bytes = uri.path_and_query().map_or(0, |url| url.as_str().len());
    if url_bytes > URL_BYTES_MAX {
        return Some(ApiError::UrlTooLong);
    }
    let bytes: usize = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + HEADER_LINE_BYTES)
        .sum();
    (headers.len() > HEADERS_MAX || bytes > HEADER_BYTES_MAX).then_some(ApiError::HeadersTooLarge)
}
