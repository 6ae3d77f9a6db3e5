//! Headers of every answer (`idx-wire` §1.4, H-04, H-05); a handler's own value stays.

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Version, header};
use axum::response::Response;

use crate::meta::RequestId;
use crate::state::AppState;

/// Clients show errors of 403 only with it.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-okta-request-id");

const DEFAULTS: [(HeaderName, &str); 9] = [
    (header::CACHE_CONTROL, "no-cache, no-store"),
    (header::PRAGMA, "no-cache"),
    (header::EXPIRES, "0"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'none'",
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=()",
    ),
];
const HSTS: &str = "max-age=31536000; includeSubDomains";

/// Gives the request an id, and the answer its headers.
pub(crate) async fn headers<F: Future<Output = Response>>(
    state: &AppState,
    mut request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let id = RequestId::random();
    let is_http1 = request.version() < Version::HTTP_2;
    request.extensions_mut().insert(id.clone());
    let mut response = next(request).await;
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id.0) {
        headers.insert(REQUEST_ID, id);
    }
    // A handler that lets its answer be kept says so in all three.
    let kept = headers.contains_key(header::CACHE_CONTROL);
    for (name, value) in DEFAULTS {
        if kept && (name == header::PRAGMA || name == header::EXPIRES) {
            continue;
        }
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    // So that nobody sends the next request on a connection that ends; HTTP/2 has frames for that.
    if is_http1 && state.is_stopping() {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    if state.settings().public_url.starts_with("https://") {
        headers
            .entry(header::STRICT_TRANSPORT_SECURITY)
            .or_insert(HeaderValue::from_static(HSTS));
    }
    response
}
