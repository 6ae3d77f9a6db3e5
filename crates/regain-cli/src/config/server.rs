//! `[server]`: where people reach the engine, and where it listens.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};
use url::Url;

use super::problem::Problems;

/// The section.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Server {
    /// Where apps and browsers reach the engine: scheme, host, port. Every URL that leaves the
    /// engine begins with it, whatever a request says (B3).
    pub(crate) public_url: String,
    /// Addresses with ports to listen on.
    pub(crate) listen: Vec<String>,
    /// Addresses of proxies whose `X-Forwarded-For` is believed (B2).
    pub(crate) trusted_proxies: Vec<String>,
    /// Where `/metrics` and `/health/ready` with reasons are: an address with a port, or a port
    /// alone for 127.0.0.1 (H-09). Without it there is no such listener.
    pub(crate) metrics_listen: Option<String>,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            public_url: "http://localhost:8400".to_owned(),
            listen: vec!["127.0.0.1:8400".to_owned()],
            trusted_proxies: Vec::new(),
            metrics_listen: None,
        }
    }
}

/// The section, checked.
#[derive(Debug, Default)]
pub(crate) struct CheckedServer {
    pub(crate) public_url: String,
    pub(crate) listen: Vec<SocketAddr>,
    pub(crate) trusted_proxies: Vec<IpAddr>,
    pub(crate) metrics_listen: Option<SocketAddr>,
}

impl Server {
    /// Checks the values.
    pub(crate) fn check(&self, problems: &mut Problems<'_>) -> CheckedServer {
        CheckedServer {
            public_url: origin("server.public_url", &self.public_url, problems),
            listen: listen("server.listen", &self.listen, problems),
            trusted_proxies: self
                .trusted_proxies
                .iter()
                .filter_map(|text| {
                    let parsed = text.parse().ok();
                    if parsed.is_none() {
                        let message = format!("{text:?} is no IP address");
                        problems.add("server.trusted_proxies", message);
                    }
                    parsed
                })
                .collect(),
            metrics_listen: self
                .metrics_listen
                .as_deref()
                .and_then(|text| port_or_address("server.metrics_listen", text, problems)),
        }
    }
}

/// An origin without a slash at its end, as browsers write it; empty when it is none.
pub(crate) fn origin(key: &str, text: &str, problems: &mut Problems<'_>) -> String {
    let parsed = Url::parse(text).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && matches!(url.path(), "" | "/")
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    });
    parsed.map_or_else(
        || {
            problems.add(
                key,
                format!("must be an origin such as https://id.example.com (no path), not {text:?}"),
            );
            String::new()
        },
        |url| url.origin().ascii_serialization(),
    )
}

fn listen(key: &str, texts: &[String], problems: &mut Problems<'_>) -> Vec<SocketAddr> {
    if texts.is_empty() {
        problems.add(
            key,
            "must name an address at least, such as [\"127.0.0.1:8400\"]",
        );
    }
    texts
        .iter()
        .filter_map(|text| socket_address(key, text, problems))
        .collect()
}

/// An address with a port, or a port of this machine alone.
fn port_or_address(key: &str, text: &str, problems: &mut Problems<'_>) -> Option<SocketAddr> {
    match text.parse::<u16>() {
        Ok(port) => Some((Ipv4Addr::LOCALHOST, port).into()),
        Err(_) => socket_address(key, text, problems),
    }
}

/// An address with a port.
pub(crate) fn socket_address(
    key: &str,
    text: &str,
    problems: &mut Problems<'_>,
) -> Option<SocketAddr> {
    let parsed = text.parse().ok();
    if parsed.is_none() {
        problems.add(
            key,
            format!(
                "must be addresses with a port such as 127.0.0.1:8400 or [::1]:8400, not {text:?}"
            ),
        );
    }
    parsed
}
