//! Which pages may call with the user's browser (`idx-wire` §1.5, O-10): exact origins only.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::api_error::ApiError;
use crate::settings::Settings;
use crate::state::AppState;

const METHODS: &str = "GET, POST, PUT, DELETE, OPTIONS";
const REQUEST_HEADERS: &str = "content-type, accept, authorization, x-okta-user-agent-extended, \
    x-device-fingerprint, x-device-token, x-requested-with, accept-language, dpop";
const EXPOSED: &str = "x-okta-request-id, x-rate-limit-limit, x-rate-limit-remaining, \
    x-rate-limit-reset, dpop-nonce, www-authenticate";
const MAX_AGE_SECONDS: &str = "3600";

/// Answers preflights, and marks answers to trusted pages.
pub(crate) async fn cors<F: Future<Output = Response>>(
    state: &AppState,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let trusted = origin
        .as_ref()
        .is_some_and(|origin| is_trusted(origin, state.settings()));
    let is_preflight = request.method() == Method::OPTIONS
        && request
            .headers()
            .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = match (is_preflight, trusted) {
        (true, true) => StatusCode::NO_CONTENT.into_response(),
        (true, false) => ApiError::UntrustedOrigin.into_response(),
        (false, _) => next(request).await,
    };
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    if let (true, Some(origin)) = (trusted, origin) {
        allow(headers, origin, is_preflight);
    }
    response
}

/// Refuses what a page that is not trusted sends with somebody's browser (H-03). Some such requests
/// need no preflight: beacons, forms, and bodies without a media type, which pass for JSON here.
/// Browsers name the origin of whatever may change something, and say when another site asks;
/// whoever is no browser says neither.
pub(crate) async fn known_pages_only<F: Future<Output = Response>>(
    state: &AppState,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let reads = matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    if reads || is_known_page(request.headers(), state.settings()) {
        next(request).await
    } else {
        ApiError::UntrustedOrigin.into_response()
    }
}

fn is_known_page(headers: &HeaderMap, settings: &Settings) -> bool {
    let mut origins = headers.get_all(header::ORIGIN).iter().peekable();
    if origins.peek().is_some() {
        return origins.all(|origin| is_trusted(origin, settings));
    }
    headers
        .get("sec-fetch-site")
        .is_none_or(|site| site == "same-origin" || site == "none")
}

fn is_trusted(origin: &HeaderValue, settings: &Settings) -> bool {
    let Ok(origin) = origin.to_str() else {
        return false;
    };
    let mut trusted = settings.trusted_origins.iter();
    origin == settings.public_url || trusted.any(|trusted| trusted == origin)
}

fn allow(headers: &mut HeaderMap, origin: HeaderValue, is_preflight: bool) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
        HeaderValue::from_static("true"),
    );
    headers.insert(
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static(EXPOSED),
    );
    if is_preflight {
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static(METHODS),
        );
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static(REQUEST_HEADERS),
        );
        headers.insert(
            header::ACCESS_CONTROL_MAX_AGE,
            HeaderValue::from_static(MAX_AGE_SECONDS),
        );
    }
}
