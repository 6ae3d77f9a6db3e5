//! Whose request it is: the peer's address, or what a trusted proxy says.

use std::net::IpAddr;

use http::HeaderMap;

/// Entries of `X-Forwarded-For` that are read; a longer list is nobody's honest path.
const FORWARDED_HOPS_MAX: usize = 20;

/// An address, or all addresses that share its first bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Network {
    base: IpAddr,
    prefix_bits: u32,
}

impl Network {
    /// Reads `192.0.2.1`, `10.0.0.0/8` or `fd00::/8`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let base: IpAddr = address.trim().parse().ok()?;
        let bits_max = if base.is_ipv4() { 32 } else { 128 };
        let prefix_bits = match bits {
            Some(bits) => bits.parse().ok().filter(|bits| *bits <= bits_max)?,
            None => bits_max,
        };
        Some(Self { base, prefix_bits })
    }

    fn contains(self, address: IpAddr) -> bool {
        match (self.base, address) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                let shift = 32_u32.saturating_sub(self.prefix_bits);
                (base.to_bits() ^ address.to_bits())
                    .checked_shr(shift)
                    .unwrap_or(0)
                    == 0
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => {
                let shift = 128_u32.saturating_sub(self.prefix_bits);
                (base.to_bits() ^ address.to_bits())
                    .checked_shr(shift)
                    .unwrap_or(0)
                    == 0
            }
            _ => false,
        }
    }
}

/// The address of the person: walks `X-Forwarded-For` from its end for as long as the last hop is
/// a trusted proxy. Without trusted proxies the header counts for nothing.
pub(crate) fn of(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut current = peer.to_canonical();
    let forwarded: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    for hop in forwarded.iter().rev().take(FORWARDED_HOPS_MAX) {
        if !is_trusted(current) {
            break;
        }
        match hop.trim().parse::<IpAddr>() {
            Ok(address) => current = address.to_canonical(),
            Err(_) => break,
        }
    }
    current
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(peer: &str, forwarded: &str, trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", forwarded.parse().unwrap());
        let trusted: Vec<_> = trusted
            .iter()
            .map(|text| Network::parse(text).unwrap())
            .collect();
        of(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn the_header_counts_only_behind_a_trusted_proxy() {
        assert_eq!(address("192.0.2.1", "203.0.113.9", &[]), "192.0.2.1");
        assert_eq!(
            address("192.0.2.1", "203.0.113.9", &["192.0.2.0/24"]),
            "203.0.113.9"
        );
        assert_eq!(
            address("::ffff:192.0.2.1", "203.0.113.9", &["192.0.2.1"]),
            "203.0.113.9"
        );
    }

    #[test]
    fn what_the_client_wrote_itself_is_not_believed() {
        let trusted = &["10.0.0.0/8"];
        assert_eq!(
            address("10.0.0.1", "198.51.100.7, 203.0.113.9, 10.0.0.2", trusted),
            "203.0.113.9"
        );
        assert_eq!(
            address("10.0.0.1", "198.51.100.7, nonsense", trusted),
            "10.0.0.1"
        );
    }

    #[test]
    fn networks_are_read_strictly() {
        assert!(
            Network::parse("0.0.0.0/0")
                .unwrap()
                .contains("203.0.113.9".parse().unwrap())
        );
        assert!(
            !Network::parse("fd00::/8")
                .unwrap()
                .contains("fe80::1".parse().unwrap())
        );
        for text in ["10.0.0.0/33", "::/129", "10.0.0", "localhost", ""] {
            assert_eq!(Network::parse(text), None, "{text}");
        }
    }
}
