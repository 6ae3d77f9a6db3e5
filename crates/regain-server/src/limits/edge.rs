//! The outermost limit, and the headers: every answer says how much is left (`idx-wire` §1.4).

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};

use super::share::{Ceiling, Quota, Verdict};
use super::{Over, key_of};
use crate::address;
use crate::api_error::ApiError;
use crate::state::AppState;

const LIMIT: HeaderName = HeaderName::from_static("x-rate-limit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-rate-limit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-rate-limit-reset");
/// All requests of one address, whatever they ask for. It keeps one peer from using up a node, and
/// is far above what the server of a large app needs for tokens; each node counts its own.
const ANY: Ceiling = Ceiling {
    at_most: 60_000,
    window_seconds: 60,
};
/// Where a confidential client may name its user's address.
const INTERACT: &str = "/v1/interact";

/// Who sent a request: the peer, or whom a trusted proxy names.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

/// Finds out who sends, counts the request, and says in the answer what is left.
pub(crate) async fn edge<F: Future<Output = Response>>(
    state: &AppState,
    mut request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let peer = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map_or(address::NOWHERE, |info| info.0.ip());
    let proxies = &state.settings().trusted_proxies;
    let client = address::of_client(peer, request.headers(), proxies);
    let is_interact = request.uri().path().ends_with(INTERACT);
    if client == peer.to_canonical() {
        address::remove_forwarding(request.headers_mut(), is_interact);
    }
    request.extensions_mut().insert(ClientAddress(client));
    let limits = state.limits();
    let (quota, mut response) = if state.settings().policy.limits.volume {
        let key = key_of(state, b"any", &[&address::host(client).bytes()]);
        match limits.charge(state, key, (ANY, Over::ThisNode)).await {
            Ok(Verdict::Admitted(quota)) => (quota, next(request).await),
            Ok(Verdict::Refused(quota, _)) => {
                let wait = quota.resets_at.seconds_since(limits.now());
                (quota, ApiError::TooManyRequests(wait).into_response())
            }
            Err(error) => (unused(state, ANY), ApiError::from(error).into_response()),
        }
    } else {
        (unused(state, ANY), next(request).await)
    };
    if !response.headers().contains_key(LIMIT) {
        set_headers(response.headers_mut(), quota);
    }
    response
}

/// What stands in answers when nothing is counted.
pub(super) fn unused(state: &AppState, ceiling: Ceiling) -> Quota {
    Quota {
        limit: ceiling.at_most,
        remaining: ceiling.at_most,
        resets_at: ceiling.window_end(state.limits().now()),
    }
}

/// Says what is left.
pub(super) fn set_headers(headers: &mut HeaderMap, quota: Quota) {
    headers.insert(LIMIT, HeaderValue::from(quota.limit));
    headers.insert(REMAINING, HeaderValue::from(quota.remaining));
    headers.insert(RESET, HeaderValue::from(quota.resets_at.as_seconds()));
}
