//! Sockets that wait for connections.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::{TcpListener, TcpSocket};

use crate::failure::{Failure, reason};

/// How often another free port is tried when the first is free on one address only.
const FREE_PORT_TRIES: usize = 20;
/// Connections that are made and not accepted yet, where the system allows so many. Beyond that a
/// peer only hears nothing and tries again after a second: too long to be told that there is no room
///
const NOT_ACCEPTED_MAX: u32 = 4_096;

/// Binds every address.
///
/// # Errors
/// A [`Failure`] that names the one that cannot be had.
pub(crate) fn bind(addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, Failure> {
    let mut listeners = Vec::with_capacity(addresses.len());
    for address in addresses {
        listeners.push(listen(*address).map_err(|error| cannot(*address, &error))?);
    }
    Ok(listeners)
}

/// Binds 127.0.0.1 and `::1`, and `extra` besides; with port 0 a port that is free on all of them.
/// A machine without IPv6 does without `::1`.
///
/// # Errors
/// A [`Failure`] that names the address or the port that cannot be had.
pub(crate) fn bind_local(
    port: u16,
    extra: Option<IpAddr>,
) -> Result<(u16, Vec<TcpListener>), Failure> {
    let mut tries = FREE_PORT_TRIES;
    loop {
        tries -= 1;
        match bind_all(port, &hosts(extra)) {
            Ok(bound) => return Ok(bound),
            // Some address of a port that the system chose is taken: let it choose again.
            Err((_, error))
                if port == 0 && tries > 0 && error.kind() == io::ErrorKind::AddrInUse => {}
            Err((address, error)) => return Err(cannot(address, &error)),
        }
    }
}

/// An address for everybody covers the local one of its kind.
fn hosts(extra: Option<IpAddr>) -> Vec<IpAddr> {
    let (v4, v6) = (
        IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::LOCALHOST),
    );
    match extra {
        None => vec![v4, v6],
        Some(IpAddr::V4(all)) if all.is_unspecified() => vec![IpAddr::V4(all), v6],
        Some(IpAddr::V6(all)) if all.is_unspecified() => vec![IpAddr::V6(all)],
        Some(other) if other.is_loopback() => vec![v4, v6],
        Some(other) => vec![v4, v6, other],
    }
}

fn bind_all(
    port: u16,
    hosts: &[IpAddr],
) -> Result<(u16, Vec<TcpListener>), (SocketAddr, io::Error)> {
    let mut port = port;
    let mut listeners = Vec::new();
    for host in hosts {
        let address = SocketAddr::new(*host, port);
        match listen(address) {
            Ok(listener) => {
                port = listener
                    .local_addr()
                    .map_err(|error| (address, error))?
                    .port();
                listeners.push(listener);
            }
            Err(error) if is_missing(*host, &error) => {}
            Err(error) => return Err((address, error)),
        }
    }
    Ok((port, listeners))
}

/// Whether the machine has no such address at all, which only matters when it was asked for.
fn is_missing(host: IpAddr, error: &io::Error) -> bool {
    host == IpAddr::V6(Ipv6Addr::LOCALHOST)
        && matches!(
            error.kind(),
            io::ErrorKind::AddrNotAvailable | io::ErrorKind::Unsupported
        )
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    // A port that was in use a moment ago is free.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(NOT_ACCEPTED_MAX)
}

fn cannot(address: SocketAddr, error: &io::Error) -> Failure {
    let port = address.port();
    Failure::unusable(match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "port {port} is taken ({address}): stop the program that listens there, or choose another port"
        ),
        io::ErrorKind::AddrNotAvailable => {
            format!("cannot listen on {address}: this machine has no such address")
        }
        io::ErrorKind::PermissionDenied => format!(
            "cannot listen on {address}: ports below 1024 need a privilege; choose another port"
        ),
        _ => format!("cannot listen on {address}: {}", reason(error)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_free_port_is_the_same_on_every_address() {
        let (port, listeners) = bind_local(0, None).unwrap();
        assert_ne!(port, 0);
        for listener in &listeners {
            assert_eq!(listener.local_addr().unwrap().port(), port);
        }
        assert!(
            listeners
                .iter()
                .any(|l| l.local_addr().unwrap().ip().is_ipv4())
        );
    }

    #[tokio::test]
    async fn a_taken_port_is_named() {
        let holder = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = holder.local_addr().unwrap().port();
        let failure = bind_local(port, None).unwrap_err();
        assert!(
            failure
                .to_string()
                .contains(&format!("port {port} is taken")),
            "{failure}"
        );
        assert_eq!(failure.exit(), crate::failure::Exit::Unusable);
    }

    #[test]
    fn an_address_for_everybody_is_not_bound_twice() {
        let all = "0.0.0.0".parse().unwrap();
        assert_eq!(hosts(Some(all)), [all, IpAddr::V6(Ipv6Addr::LOCALHOST)]);
        assert_eq!(hosts(Some("10.1.2.3".parse().unwrap())).len(), 3);
    }
}
