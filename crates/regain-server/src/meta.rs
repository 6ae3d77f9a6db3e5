//! Who asks: the end user's address and agent, from places that are believed (B2).

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use regain_store::RequestMeta;
use regain_types::{SystemEntropy, random_base62};

use crate::state::AppState;

const USER_AGENT_BYTES_MAX: usize = 512;

/// The id of a request, set by the outermost layer.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(pub(crate) String);

impl RequestId {
    /// Draws one.
    #[must_use]
    pub(crate) fn random() -> Self {
        Self(format!("req{}", random_base62(&mut SystemEntropy, 17)))
    }
}

/// Extracts [`RequestMeta`].
#[derive(Clone, Debug)]
pub(crate) struct Meta(pub(crate) RequestMeta);

impl FromRequestParts<AppState> for Meta {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &AppState,
    ) -> Result<Self, Self::Rejection> {
        let peer = parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map(|info| info.0.ip());
        let proxies = &state.settings().trusted_proxies;
        let id = parts
            .extensions
            .get::<RequestId>()
            .map(|id| id.0.clone())
            .unwrap_or_default();
        Ok(Self(RequestMeta {
            request_id: id,
            address: peer.map(|peer| client_address(peer, &parts.headers, proxies).to_string()),
            user_agent: user_agent(&parts.headers),
        }))
    }
}

/// The right-most address that no trusted proxy has (T-H6).
fn client_address(peer: IpAddr, headers: &HeaderMap, proxies: &[IpAddr]) -> IpAddr {
    let peer = peer.to_canonical();
    if !proxies.contains(&peer) {
        return peer;
    }
    headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|hop| hop.trim().parse::<IpAddr>().map(|hop| hop.to_canonical()))
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
        .map_while(Result::ok)
        .find(|hop| !proxies.contains(hop))
        .unwrap_or(peer)
}

/// The agent, cut and without control characters (U-03, U-04).
#[must_use]
pub(crate) fn user_agent(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::USER_AGENT)?.to_str().ok()?;
    Some(
        text.chars()
            .filter(|c| !c.is_control())
            .take(USER_AGENT_BYTES_MAX)
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn address(peer: &str, forwarded: &[&'static str], proxies: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", HeaderValue::from_static(value));
        }
        let proxies: Vec<IpAddr> = proxies.iter().map(|p| p.parse().unwrap()).collect();
        client_address(peer.parse().unwrap(), &headers, &proxies).to_string()
    }

    #[test]
    fn forwarding_headers_of_strangers_are_ignored() {
        assert_eq!(
            address("203.0.113.9", &["198.51.100.1"], &[]),
            "203.0.113.9"
        );
        assert_eq!(
            address("203.0.113.9", &["198.51.100.1"], &["10.0.0.1"]),
            "203.0.113.9"
        );
    }

    #[test]
    fn behind_proxies_the_right_most_stranger_counts() {
        let proxies = ["10.0.0.1", "10.0.0.2"];
        assert_eq!(
            address("10.0.0.1", &["1.1.1.1, 198.51.100.7, 10.0.0.2"], &proxies),
            "198.51.100.7"
        );
        assert_eq!(
            address("10.0.0.1", &["1.1.1.1", "198.51.100.7"], &proxies),
            "198.51.100.7"
        );
        assert_eq!(
            address("10.0.0.1", &["198.51.100.7, nonsense"], &proxies),
            "10.0.0.1"
        );
        assert_eq!(
            address("::ffff:10.0.0.1", &["198.51.100.7"], &proxies),
            "198.51.100.7"
        );
    }
}
