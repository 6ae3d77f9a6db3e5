//! Whose request it is (B2), and which addresses count as one (G-06).

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::http::HeaderMap;

/// Entries of `X-Forwarded-For` that are read; a longer list is nobody's honest path.
const HOPS_MAX: usize = 20;
/// What a proxy may say about a request. From anybody else it is removed.
const FORWARDING: [&str; 8] = [
    "forwarded",
    FORWARDED_FOR,
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-proto",
    "x-original-host",
    "x-real-ip",
];
/// The header that the person's address comes in.
pub(crate) const FORWARDED_FOR: &str = "x-forwarded-for";
/// One household or host has all of a /64, and moves within it as it likes.
const V6_HOST_BITS: u32 = 64;
/// One site has a /48; one small network of IPv4 a /24.
const V6_SITE_BITS: u32 = 48;
const V4_SITE_BITS: u32 = 24;
/// An IPv4 address stands behind 96 bits that are always the same (RFC 4291 §2.5.5.2).
const V4_OFFSET_BITS: u32 = 96;

/// An address, or all addresses that share its first bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network {
    /// IPv4 as mapped IPv6, so that both are compared in one way.
    base: u128,
    bits: u32,
}

impl Network {
    /// All addresses that there are.
    pub(crate) const EVERYTHING: Self = Self { base: 0, bits: 0 };

    /// Reads `192.0.2.1`, `10.0.0.0/8` or `fd00::/8`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let base: IpAddr = address.trim().parse().ok()?;
        let (offset, bits_max) = match base {
            IpAddr::V4(_) => (V4_OFFSET_BITS, 32),
            IpAddr::V6(_) => (0, 128),
        };
        let bits = match bits {
            Some(bits) if bits.bytes().all(|byte| byte.is_ascii_digit()) => {
                bits.parse().ok().filter(|bits| *bits <= bits_max)?
            }
            Some(_) => return None,
            None => bits_max,
        };
        Some(Self::of(base, offset + bits))
    }

    /// The network of an address; `bits` counts those of IPv6.
    fn of(address: IpAddr, bits: u32) -> Self {
        Self {
            base: number(address) & mask(bits),
            bits,
        }
    }

    /// Whether an address is in it.
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        number(address) & mask(self.bits) == self.base
    }

    /// The bytes that name it, for keys of limits.
    #[must_use]
    pub(crate) fn bytes(self) -> [u8; 17] {
        let mut bytes = [0; 17];
        for (slot, byte) in bytes.iter_mut().zip(self.base.to_be_bytes()) {
            *slot = byte;
        }
        if let Some(last) = bytes.last_mut() {
            *last = u8::try_from(self.bits).unwrap_or(u8::MAX);
        }
        bytes
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

const fn mask(bits: u32) -> u128 {
    match u128::MAX.checked_shl(128 - bits) {
        Some(mask) => mask,
        None => 0,
    }
}

/// The one that limits are counted for: an IPv4 address, or the /64 of an IPv6 one.
#[must_use]
pub(crate) fn host(address: IpAddr) -> Network {
    match address.to_canonical() {
        address @ IpAddr::V4(_) => Network::of(address, 128),
        address @ IpAddr::V6(_) => Network::of(address, V6_HOST_BITS),
    }
}

/// The wider one around it: /24 of IPv4, /48 of IPv6.
#[must_use]
pub(crate) fn site(address: IpAddr) -> Network {
    match address.to_canonical() {
        address @ IpAddr::V4(_) => Network::of(address, V4_OFFSET_BITS + V4_SITE_BITS),
        address @ IpAddr::V6(_) => Network::of(address, V6_SITE_BITS),
    }
}

/// Reads an address as proxies write it: `203.0.113.9`, `203.0.113.9:4711`, `[2001:db8::1]:4711`,
/// `fe80::1%eth0`. An IPv4 address in IPv6 clothes is the IPv4 address.
#[must_use]
pub(crate) fn read(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let plain = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    let without_zone = plain.split('%').next().unwrap_or_default();
    let address = match without_zone.parse::<IpAddr>() {
        Ok(address) => Some(address),
        Err(_) => text.parse::<SocketAddr>().ok().map(|socket| socket.ip()),
    };
    address.map(|address| address.to_canonical())
}

/// The right-most address that no trusted proxy has (T-H6). Where a hop cannot be read, the proxy
/// that wrote it is the last that is known.
#[must_use]
pub(crate) fn of_client(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let mut current = peer.to_canonical();
    let forwarded: Vec<&str> = headers
        .get_all(FORWARDED_FOR)
        .iter()
        .map(|value| value.to_str().unwrap_or_default())
        .flat_map(|value| value.split(','))
        .collect();
    for hop in forwarded.iter().rev().take(HOPS_MAX) {
        if !trusted.iter().any(|network| network.contains(current)) {
            break;
        }
        match read(hop) {
            Some(address) => current = address,
            None => break,
        }
    }
    current
}

/// Removes what only a trusted proxy may say (B2). `X-Forwarded-For` stays where a client that
/// proves itself by its secret may say it (H-10).
pub(crate) fn remove_forwarding(headers: &mut HeaderMap, keeps_forwarded_for: bool) {
    for name in FORWARDING {
        if name != FORWARDED_FOR || !keeps_forwarded_for {
            headers.remove(name);
        }
    }
}

/// Where no peer is known (a router that is called without a socket), all requests are one
/// stranger's.
pub(crate) const NOWHERE: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

#[cfg(test)]
mod tests;
