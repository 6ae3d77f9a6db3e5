//! Hosts out of configured URLs.

/// The host of a URL, without port; empty when there is none.
pub(super) fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::host_of;

    #[test]
    fn the_host_is_cut_out() {
        assert_eq!(host_of("https://id.example.com:8443/x?y"), "id.example.com");
        assert_eq!(host_of("http://localhost:8401/login/callback"), "localhost");
        assert_eq!(host_of("http://[::1]:8400"), "::1");
        assert_eq!(host_of("com.example.app:/callback"), "com.example.app");
    }
}
