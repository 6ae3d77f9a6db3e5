use std::net::Ipv4Addr;

use axum::http::HeaderValue;
use proptest::prelude::*;

use super::*;

fn networks(texts: &[&str]) -> Vec<Network> {
    texts
        .iter()
        .map(|text| Network::parse(text).unwrap())
        .collect()
}

fn headers(forwarded: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in forwarded {
        headers.append(FORWARDED_FOR, HeaderValue::from_str(value).unwrap());
    }
    headers
}

fn client(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
    let peer = peer.parse().unwrap();
    of_client(peer, &headers(forwarded), &networks(trusted)).to_string()
}

#[test]
fn forwarding_headers_of_strangers_are_ignored() {
    let forged = ["198.51.100.1"];
    assert_eq!(client("203.0.113.9", &forged, &[]), "203.0.113.9");
    assert_eq!(client("203.0.113.9", &forged, &["10.0.0.1"]), "203.0.113.9");
}

#[test]
fn behind_proxies_the_right_most_stranger_counts() {
    let trusted = ["10.0.0.0/30", "fd00::/8"];
    for (peer, forwarded, expected) in [
        (
            "10.0.0.1",
            "1.1.1.1, 198.51.100.7, 10.0.0.2",
            "198.51.100.7",
        ),
        ("10.0.0.1", "198.51.100.7, nonsense", "10.0.0.1"),
        ("::ffff:10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "198.51.100.7:4711", "198.51.100.7"),
        ("fd12::1", "[2001:db8::7]:4711", "2001:db8::7"),
        ("10.0.0.1", "::ffff:198.51.100.7", "198.51.100.7"),
        ("10.0.0.5", "198.51.100.7", "10.0.0.5"),
        ("10.0.0.1", "", "10.0.0.1"),
    ] {
        assert_eq!(
            client(peer, &[forwarded], &trusted),
            expected,
            "{forwarded}"
        );
    }
    let two_lines = ["1.1.1.1", "198.51.100.7"];
    assert_eq!(client("10.0.0.1", &two_lines, &trusted), "198.51.100.7");
}

#[test]
fn networks_are_read_strictly() {
    let everything = Network::parse("0.0.0.0/0").unwrap();
    assert!(everything.contains("203.0.113.9".parse().unwrap()));
    assert!(!everything.contains("2001:db8::1".parse().unwrap()));
    assert!(
        Network::parse("::/0")
            .unwrap()
            .contains("fe80::1".parse().unwrap())
    );
    for text in [
        "10.0.0.0/33",
        "::/129",
        "10.0.0",
        "localhost",
        "",
        "10.0.0.0/+8",
    ] {
        assert_eq!(Network::parse(text), None, "{text}");
    }
}

#[test]
fn other_spellings_of_an_address_are_one_bucket() {
    // T-G4: mapped forms, ports and zones.
    let plain = host(read("203.0.113.9").unwrap());
    for spelling in [
        "::ffff:203.0.113.9",
        "203.0.113.9:80",
        "::ffff:cb00:7109",
        "[::ffff:203.0.113.9]:1",
    ] {
        assert_eq!(host(read(spelling).unwrap()), plain, "{spelling}");
    }
    assert_eq!(
        host(read("fe80::1%eth0").unwrap()),
        host(read("fe80::1%2").unwrap())
    );
    assert_ne!(host(read("203.0.113.10").unwrap()), plain);
}

#[test]
fn strangers_lose_their_forwarding_headers() {
    let mut told = headers(&["198.51.100.1"]);
    told.insert("x-forwarded-host", HeaderValue::from_static("evil.example"));
    told.insert("forwarded", HeaderValue::from_static("host=evil.example"));
    let mut kept = told.clone();
    remove_forwarding(&mut told, false);
    assert!(told.is_empty());
    remove_forwarding(&mut kept, true);
    assert_eq!(kept, headers(&["198.51.100.1"]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    /// T-G4: whatever an IPv6 host does with the bits that are its own, it is one; and a site
    /// with the bits that are a site's.
    #[test]
    fn t_g4_one_network_is_one_bucket(address: u128, moved: u128, v4: u32, v4_moved: u8) {
        let at = |bits: u128| IpAddr::V6(Ipv6Addr::from_bits(bits));
        let v6 = address | 1 << 127;
        prop_assert_eq!(host(at(v6)), host(at(v6 ^ (moved & u128::from(u64::MAX)))));
        prop_assert_eq!(site(at(v6)), site(at(v6 ^ (moved & ((1 << 80) - 1)))));
        prop_assert_ne!(host(at(v6)), host(at(v6 ^ (1 << 64))));
        prop_assert_ne!(site(at(v6)), site(at(v6 ^ (1 << 80))));
        let v4_at = |bits| IpAddr::V4(Ipv4Addr::from_bits(bits));
        let mapped = IpAddr::V6(Ipv4Addr::from_bits(v4).to_ipv6_mapped());
        prop_assert_eq!(host(v4_at(v4)), host(mapped));
        prop_assert_eq!(site(v4_at(v4)), site(v4_at(v4 ^ u32::from(v4_moved))));
        prop_assert_ne!(site(v4_at(v4)), site(v4_at(v4 ^ (1 << 8))));
        prop_assert_ne!(host(v4_at(v4)), host(v4_at(v4 ^ 1)));
    }

    /// T-H6: whatever a client writes into the header, behind a chain of trusted proxies it counts
    /// by its own address; and without one by its peer's.
    #[test]
    fn t_h6_nothing_that_a_client_writes_moves_its_address(
        forged in prop::collection::vec("[0-9a-f.:,% ]{0,24}", 0..4),
        real: u32,
        proxies in prop::collection::vec(0_u32..256, 0..4),
    ) {
        let trusted = networks(&["10.0.0.0/24"]);
        let real = IpAddr::V4(Ipv4Addr::from_bits(real | 1 << 31));
        let mut chain = vec![real];
        chain.extend(proxies.iter().map(|last| IpAddr::V4(Ipv4Addr::from_bits(10 << 24 | last))));
        let mut told = headers(&forged.iter().map(String::as_str).collect::<Vec<_>>());
        // Each proxy adds whom it heard; the last one is the peer.
        let (peer, heard) = chain.split_last().unwrap();
        for hop in heard {
            told.append(FORWARDED_FOR, HeaderValue::from_str(&hop.to_string()).unwrap());
        }
        prop_assert_eq!(of_client(*peer, &told, &trusted), real);
        prop_assert_eq!(of_client(real, &told, &[]), real);
    }
}
