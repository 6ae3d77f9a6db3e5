//! The end of a server at which no request is lost.
//!
//! Three things would reset a connection: the listener, when it goes with connections in its queue
//! that the system has accepted and we have not; a connection that is closed with a request in its
//! buffer which nobody has read; and one that was handed over but not spoken with yet. So the
//! listener takes no new connections first and empties its queue ([`accept`]), what was accepted is
//! spoken with, and a connection ends with the answer to a request, or after a silence in which none
//! came ([`Closing::or_silence`]).

use std::net::SocketAddr;
use std::time::Duration;

use socket2::{SockFilter, SockRef};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};

/// After an error of `accept` (too many open files), breathe.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Handshakes that have begun end within this, on networks too.
const HANDSHAKES: Duration = Duration::from_millis(100);
/// A connection on which nothing is asked for so long is not in use.
const SILENCE: Duration = Duration::from_millis(500);
/// One on which nothing was asked yet was perhaps just opened.
const SILENCE_AT_FIRST: Duration = Duration::from_secs(1);

/// Whether the server accepts no more connections.
#[derive(Clone, Debug)]
pub(crate) struct Closing(watch::Receiver<bool>);

impl Closing {
    /// And what says so.
    pub(crate) fn pair() -> (watch::Sender<bool>, Self) {
        let (sender, receiver) = watch::channel(false);
        (sender, Self(receiver))
    }

    async fn begun(&mut self) {
        // A sender that is gone means the same.
        let _ = self.0.wait_for(|is_closing| *is_closing).await;
    }

    /// Waits until the server closes, and then until a request is being answered, which shall be
    /// the last one, or none came for a while. `asked` says how many have begun, and whether one is
    /// being answered.
    pub(crate) async fn or_silence(mut self, asked: impl Fn() -> (usize, bool)) {
        self.begun().await;
        loop {
            let (begun, is_running) = asked();
            if is_running {
                return;
            }
            let silence = if begun == 0 {
                SILENCE_AT_FIRST
            } else {
                SILENCE
            };
            tokio::time::sleep(silence).await;
            if asked() == (begun, false) {
                return;
            }
        }
    }
}

/// Accepts connections until the server closes, and then those that are on their way already.
pub(crate) async fn accept(
    listener: TcpListener,
    accepted: mpsc::Sender<(TcpStream, SocketAddr)>,
    mut closing: Closing,
) {
    loop {
        tokio::select! {
            () = closing.begun() => break,
            connection = listener.accept() => match connection {
                Ok(connection) => {
                    if accepted.send(connection).await.is_err() {
                        return;
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    if let Err(error) = take_no_more(&listener) {
        tracing::debug!(%error, "connections of this moment may be reset");
    }
    // As long as a peer takes for the last part of a handshake.
    let rest = async {
        while let Ok(connection) = listener.accept().await {
            if accepted.send(connection).await.is_err() {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(HANDSHAKES, rest).await;
}

/// Lets the system drop whatever begins a connection: peers try again a second later, and by then
/// they are refused. Between the last `accept` and the end of the listener there is always a moment;
/// this way nobody connects in it.
fn take_no_more(listener: &TcpListener) -> std::io::Result<()> {
    // The filter sees the TCP header. Of its fourteenth byte, load SYN and ACK: SYN alone begins.
    const LOAD_BYTE: u16 = 0x30;
    const AND: u16 = 0x54;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    const FLAGS_AT: u32 = 13;
    const SYN_AND_ACK: u32 = 0x12;
    const SYN: u32 = 0x02;
    const WHOLE: u32 = u32::MAX;
    SockRef::from(listener).attach_filter(&[
        SockFilter::new(LOAD_BYTE, 0, 0, FLAGS_AT),
        SockFilter::new(AND, 0, 0, SYN_AND_ACK),
        SockFilter::new(JUMP_IF_EQUAL, 0, 1, SYN),
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(RETURN, 0, 0, WHOLE),
    ])
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// Longer than a connection on one machine takes, and shorter than the second try of one.
    const NO_ANSWER: Duration = Duration::from_millis(300);

    async fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    #[tokio::test]
    async fn t_r14_a_listener_that_takes_no_more_keeps_what_it_has() {
        let (listener, address) = listener().await;
        let mut early = TcpStream::connect(address).await.unwrap();
        take_no_more(&listener).unwrap();
        let late = TcpStream::connect(address);
        let late = tokio::time::timeout(NO_ANSWER, late).await;
        assert!(late.is_err(), "neither accepted nor refused: {late:?}");
        // What was there before speaks on, in both directions.
        early.write_all(b"early").await.unwrap();
        let (mut accepted, _) = listener.accept().await.unwrap();
        drop(listener);
        let mut read = [0; 5];
        accepted.read_exact(&mut read).await.unwrap();
        accepted.write_all(&read).await.unwrap();
        early.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"early");
        let refused = TcpStream::connect(address).await.unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    }

    #[tokio::test]
    async fn t_r14_connections_that_wait_at_the_end_are_handed_over() {
        let (listener, address) = listener().await;
        let mut peers = Vec::new();
        for _ in 0..50 {
            peers.push(TcpStream::connect(address).await.unwrap());
        }
        let (close, closing) = Closing::pair();
        close.send_replace(true);
        let (sender, mut accepted) = mpsc::channel(64);
        accept(listener, sender, closing).await;
        let mut count = 0;
        while accepted.recv().await.is_some() {
            count += 1;
        }
        assert_eq!(count, peers.len());
    }

    #[tokio::test]
    async fn t_r14_a_connection_ends_with_an_answer_or_after_a_silence() {
        let (close, closing) = Closing::pair();
        close.send_replace(true);
        // Being answered: at once.
        closing.clone().or_silence(|| (1, true)).await;
        // Asked again and again: not as long as that goes on.
        let asked = std::cell::Cell::new(0);
        let quiet_after = 3;
        closing
            .or_silence(|| {
                asked.set(asked.get() + 1);
                (asked.get().min(2 * quiet_after), false)
            })
            .await;
        assert!(asked.get() >= 2 * quiet_after, "{}", asked.get());
    }
}
