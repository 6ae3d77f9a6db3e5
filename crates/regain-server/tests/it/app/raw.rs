//! Bytes on a socket, as no client of HTTP would send them.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How long the slowest machine may take until a connection is closed.
const PATIENCE: Duration = Duration::from_mins(1);
/// Long enough for most answers; nothing is asserted about it.
const A_MOMENT: Duration = Duration::from_millis(50);

/// Everything that the server said on one connection.
#[derive(Clone, Debug)]
pub(crate) struct Said(pub(crate) String);

impl Said {
    /// The status of each answer of HTTP/1.1, in order.
    pub(crate) fn statuses(&self) -> Vec<u16> {
        self.0
            .match_indices("HTTP/1.1 ")
            .map(|(at, text)| self.0[at + text.len()..][..3].parse().unwrap())
            .collect()
    }
}

/// Sends bytes, and reads until the server closes the connection.
pub(crate) async fn exchange(address: SocketAddr, sent: &[u8]) -> Said {
    let mut peer = TcpStream::connect(address).await.unwrap();
    // It may hang up while we are still talking.
    let _ = peer.write_all(sent).await;
    read_to_end(peer).await
}

/// Sends bytes, listens for a moment, says that no more will come, and reads to the end: for bytes
/// of which nobody knows whether the server waits for more.
pub(crate) async fn exchange_and_leave(address: SocketAddr, sent: &[u8]) -> Said {
    let mut peer = TcpStream::connect(address).await.unwrap();
    let _ = peer.write_all(sent).await;
    let mut bytes = Vec::new();
    let _ = tokio::time::timeout(A_MOMENT, peer.read_to_end(&mut bytes)).await;
    let _ = peer.shutdown().await;
    let rest = read_to_end(peer).await;
    Said(String::from_utf8_lossy(&bytes).into_owned() + &rest.0)
}

async fn read_to_end(mut peer: TcpStream) -> Said {
    let mut bytes = Vec::new();
    let end = peer.read_to_end(&mut bytes);
    // A reset loses nothing that was read before it.
    let ended = tokio::time::timeout(PATIENCE, end).await;
    assert!(ended.is_ok(), "the server neither answers nor hangs up");
    Said(String::from_utf8_lossy(&bytes).into_owned())
}
