//! Keeps other people's pages away from the developer's surface: it has no login.

use std::net::{Ipv4Addr, Ipv6Addr};

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::api_error::ApiError;
use crate::state::AppState;

/// Refuses what a page of another site sends with the developer's browser.
pub(super) async fn own_pages_only(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Response {
    let host = text(request.headers(), "host")
        .or_else(|| request.uri().authority().map(Authority::as_str))
        .unwrap_or_default();
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let settings = state.settings();
    let is_trusted = |origin: &str| {
        origin == settings.public_url || settings.trusted_origins.iter().any(|it| it == origin)
    };
    let is_ours = is_own_host(host, &settings.public_url)
        && (reads || is_own_page(request.headers(), host, is_trusted));
    if is_ours {
        next.run(request).await
    } else {
        ApiError::UntrustedOrigin.into_response()
    }
}

/// Whether a name can only lead here. A page of a stranger can give its own name our address
/// (DNS rebinding), and is then same-origin with us; it cannot do so with addresses, with
/// `localhost` or with names of the local network, which have no dot.
fn is_own_host(host: &str, public_url: &str) -> bool {
    let name = name_of(host);
    let is_address = name.parse::<Ipv4Addr>().is_ok() || name.parse::<Ipv6Addr>().is_ok();
    is_address
        || !name.contains('.')
        || name.to_ascii_lowercase().ends_with(".localhost")
        || name.eq_ignore_ascii_case(name_of(authority_of(public_url)))
}

/// Whether a page that may call us sent this, or something that is no browser.
fn is_own_page(headers: &HeaderMap, host: &str, is_trusted: impl Fn(&str) -> bool) -> bool {
    let site = text(headers, "sec-fetch-site");
    match text(headers, header::ORIGIN.as_str()) {
        // Forms of pages without a referrer say `null`.
        Some("null") => site == Some("same-origin"),
        None => matches!(site, None | Some("none" | "same-origin")),
        Some(origin) => authority_of(origin) == host || is_trusted(origin),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    // What is not ASCII is nobody's origin.
    headers.get(name).map(|value| value.to_str().unwrap_or("?"))
}

fn authority_of(origin: &str) -> &str {
    let rest = origin.split_once("://").map_or(origin, |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default()
}

/// A host without its port.
fn name_of(host: &str) -> &str {
    match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn names_that_a_stranger_can_point_at_us_are_not_ours() {
        let public = "http://id.example.com:8400";
        for host in [
            "localhost:8400",
            "127.0.0.1",
            "[::1]:8400",
            "192.168.1.7:8400",
            "engine:8400",
            "app.localhost:8400",
            "ID.example.com:8400",
            "",
        ] {
            assert!(is_own_host(host, public), "{host}");
        }
        for host in [
            "evil.example:8400",
            "localhost.evil.example",
            "127.0.0.1.evil.example:8400",
            "id.example.com.evil.example",
            "localhost.",
        ] {
            assert!(!is_own_host(host, public), "{host}");
        }
    }

    #[test]
    fn only_our_pages_and_trusted_ones_change_anything() {
        let may = |headers: &[(&'static str, &'static str)]| {
            let headers = headers
                .iter()
                .map(|(name, value)| {
                    let name = HeaderName::from_static(name);
                    (name, HeaderValue::from_static(value))
                })
                .collect();
            is_own_page(&headers, "127.0.0.1:8400", |it| {
                it == "http://localhost:8401"
            })
        };
        assert!(may(&[]), "no browser");
        assert!(may(&[("sec-fetch-site", "same-origin")]));
        assert!(may(&[
            ("origin", "null"),
            ("sec-fetch-site", "same-origin")
        ]));
        assert!(may(&[("origin", "http://127.0.0.1:8400")]));
        assert!(may(&[
            ("origin", "http://localhost:8401"),
            ("sec-fetch-site", "same-site")
        ]));
        for hostile in [
            &[("sec-fetch-site", "cross-site")][..],
            // A page on another port of this machine, and one in a sandboxed frame.
            &[("sec-fetch-site", "same-site")],
            &[("origin", "http://localhost:9999")],
            &[("origin", "http://127.0.0.1:84000")],
            &[("origin", "null")],
            &[("origin", "https://evil.example")],
        ] {
            assert!(!may(hostile), "{hostile:?}");
        }
    }
}
