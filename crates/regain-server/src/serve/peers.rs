//! How many connections there may be (H-02). What comes on top is closed at once.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::address::{self, Network};

/// Who connects to a listener. One address has 200 connections at most, unless many people stand
/// behind it.
#[derive(Clone, Debug, Default)]
pub struct Peers {
    of_many: Vec<Network>,
}

impl Peers {
    /// People, and these proxies, each of which stands for many.
    #[must_use]
    pub const fn behind(proxies: Vec<Network>) -> Self {
        Self { of_many: proxies }
    }

    /// Whoever develops or measures: everything comes from one machine.
    #[must_use]
    pub fn on_one_machine() -> Self {
        Self::behind(vec![Network::EVERYTHING])
    }

    fn are_many(&self, address: IpAddr) -> bool {
        self.of_many
            .iter()
            .any(|network| network.contains(address.to_canonical()))
    }
}

/// How many may be open at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ceilings {
    pub(super) all: usize,
    /// From an IPv4 address or a /64 of IPv6.
    pub(crate) host: usize,
}

pub(crate) const CEILINGS: Ceilings = Ceilings {
    all: 10_000,
    host: 200,
};
/// The log says once in a while that connections are refused, not each time.
const SAID_EVERY: Duration = Duration::from_mins(1);

/// The connections that are open.
#[derive(Debug)]
pub(super) struct Crowd {
    peers: Peers,
    ceilings: Ceilings,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    all: usize,
    hosts: HashMap<Network, usize>,
    said_at: Option<Instant>,
}

impl Crowd {
    pub(super) fn new(peers: Peers, ceilings: Ceilings) -> Arc<Self> {
        Arc::new(Self {
            peers,
            ceilings,
            open: Mutex::default(),
        })
    }

    /// A place for one more connection, if there is one.
    pub(super) fn admit(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let host = (!self.peers.are_many(address)).then(|| address::host(address));
        let mut open = self.open();
        let of_host = host.map_or(0, |host| open.hosts.get(&host).copied().unwrap_or(0));
        if open.all >= self.ceilings.all || of_host >= self.ceilings.host {
            open.say_refused(of_host);
            return None;
        }
        open.all += 1;
        if let Some(host) = host {
            open.hosts.insert(host, of_host + 1);
        }
        drop(open);
        Some(Place {
            crowd: Arc::clone(self),
            host,
        })
    }

    fn leave(&self, host: Option<Network>) {
        let mut open = self.open();
        open.all = open.all.saturating_sub(1);
        let Some(host) = host else { return };
        // Whoever is gone is forgotten.
        match open.hosts.get_mut(&host) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                open.hosts.remove(&host);
            }
        }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn say_refused(&mut self, of_host: usize) {
        if self.said_at.is_none_or(|at| at.elapsed() >= SAID_EVERY) {
            self.said_at = Some(Instant::now());
            tracing::warn!(
                open = self.all,
                of_this_address = of_host,
                "too many connections: new ones are closed at once"
            );
        }
    }
}

/// A connection's place, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    crowd: Arc<Crowd>,
    host: Option<Network>,
}

impl Place {
    /// Whether many people stand behind whoever connected.
    pub(super) const fn stands_for_many(&self) -> bool {
        self.host.is_none()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.crowd.leave(self.host);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crowd(peers: Peers) -> Arc<Crowd> {
        Crowd::new(peers, CEILINGS)
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn t_h2_an_address_has_two_hundred_connections_and_not_one_more() {
        for (one, same, another) in [
            ("192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2"),
            ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"),
        ] {
            let crowd = crowd(Peers::default());
            let admit = |text| crowd.admit(address(text));
            let mut places: Vec<Place> = (0..100)
                .flat_map(|_| [admit(one).unwrap(), admit(same).unwrap()])
                .collect();
            assert!(admit(one).is_none() && admit(same).is_none(), "{one}");
            let other = admit(another).unwrap();
            places.pop();
            let place = admit(same).unwrap();
            assert!(admit(one).is_none(), "{one}");
            drop((places, place, other));
            let open = crowd.open();
            assert_eq!((open.all, open.hosts.len()), (0, 0), "{one}");
        }
    }

    #[test]
    fn t_h2_ten_thousand_connections_are_open_and_not_one_more() {
        let crowd = crowd(Peers::default());
        let admit = |number: u32| crowd.admit(IpAddr::from(number.to_be_bytes()));
        let mut places: Vec<Place> = (0..10_000).map(|it| admit(it).unwrap()).collect();
        assert!(admit(10_000).is_none());
        places.pop();
        let place = admit(10_000);
        assert!(place.is_some() && admit(10_001).is_none());
    }

    #[test]
    fn t_h2_a_trusted_proxy_stands_for_many_people() {
        let proxies = vec![Network::parse("10.0.0.0/8").unwrap()];
        let crowd = crowd(Peers::behind(proxies));
        let behind_it: Vec<_> = (0..500).map(|_| crowd.admit(address("10.1.2.3"))).collect();
        assert!(behind_it.iter().all(Option::is_some));
        let mapped = crowd.admit(address("::ffff:10.1.2.3"));
        assert!(mapped.is_some());
        let direct: Vec<_> = (0..201).map(|_| crowd.admit(address("11.1.2.3"))).collect();
        assert_eq!(direct.iter().flatten().count(), 200);
        // The ceiling of all holds for proxies as well.
        let more: Vec<_> = (0..10_000)
            .map(|_| crowd.admit(address("10.1.2.3")))
            .collect();
        assert_eq!(more.iter().flatten().count(), 10_000 - 500 - 1 - 200);
    }

    #[test]
    fn on_one_machine_an_address_has_as_many_as_there_are() {
        for peer in ["127.0.0.1", "::1", "192.0.2.1"] {
            let crowd = crowd(Peers::on_one_machine());
            let places: Vec<_> = (0..10_001).map(|_| crowd.admit(address(peer))).collect();
            assert_eq!(places.iter().flatten().count(), 10_000, "{peer}");
        }
    }
}
