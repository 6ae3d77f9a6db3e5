//! The accept loop: HTTP/1.1 and HTTP/2 on plain sockets or over TLS, with ceilings for many and
//! time-outs for slow peers (H-02), and a stop that lets requests finish.

mod peers;
mod resets;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tower::{ServiceExt as _, service_fn};

use crate::bounds::{HEADER_BYTES_MAX, HEADERS_MAX, URL_BYTES_MAX};
use crate::farewell::{Closing, accept};
use crate::shedding::bodies::OfConnection;
use crate::tls::ServerTls;

pub(crate) use peers::CEILINGS;
use peers::Crowd;
pub use peers::Peers;
use resets::Counted;

const PATIENCE: Patience = Patience {
    head: Duration::from_secs(10),
    first: Duration::from_secs(10),
    next: Duration::from_mins(1),
};
/// A head that is longer is not read to its end. Below that, [`crate::bounds`] is exact, and
/// answers in the clients' words; the rest is for the method, for spaces, and for the 32 bytes that
/// HTTP/2 adds to each header (RFC 9113 §6.5.2).
const HEAD_BYTES_MAX: u32 = 48 * 1_024;
const _: () =
    assert!(HEAD_BYTES_MAX as usize > URL_BYTES_MAX + HEADER_BYTES_MAX + 32 * HEADERS_MAX);
/// Headers of HTTP/1.1 that are read to refuse them.
const HEADERS_READ_MAX: usize = HEADERS_MAX + 28;
const HTTP2_STREAMS_MAX: u32 = 100;
/// What a peer may send ahead of being read, per stream and in all: a whole body, and some.
const HTTP2_STREAM_WINDOW_BYTES: u32 = 64 * 1_024;
const HTTP2_CONNECTION_WINDOW_BYTES: u32 = 4 * HTTP2_STREAM_WINDOW_BYTES;
/// Streams that are reset before anybody looked at them; one more ends the connection.
const HTTP2_UNSEEN_RESETS_MAX: usize = 20;
/// Streams that had to be reset because the peer broke the protocol; one more ends the connection.
const HTTP2_ERRORS_MAX: usize = 200;
/// How long requests in flight may take once the server accepts no more. Handlers have ten seconds;
/// who takes longer does not read. With five seconds before and what comes after, a stop takes less
/// than 25 s.
const DRAIN: Duration = Duration::from_secs(14);

/// How long a connection may be open without a request.
#[derive(Clone, Copy, Debug)]
struct Patience {
    /// For the head of a request of HTTP/1.1, from the end of the one before.
    head: Duration,
    /// Before the first one.
    first: Duration,
    /// After one; HTTP/1.1 has `head` for it already.
    next: Duration,
}

/// Serves on all listeners until `shutdown` is done; then finishes what is in flight. `peers` says
/// which addresses may have more connections than one person needs.
pub async fn serve(
    listeners: Vec<TcpListener>,
    router: Router,
    peers: Peers,
    shutdown: impl Future<Output = ()>,
) {
    let crowd = Crowd::new(peers, CEILINGS);
    serve_with(listeners, (router, None), crowd, shutdown, PATIENCE).await;
}

/// Serves as [`serve`] does, over TLS.
pub async fn serve_tls(
    listeners: Vec<TcpListener>,
    router: Router,
    tls: Arc<ServerTls>,
    peers: Peers,
    shutdown: impl Future<Output = ()>,
) {
    let crowd = Crowd::new(peers, CEILINGS);
    serve_with(listeners, (router, Some(tls)), crowd, shutdown, PATIENCE).await;
}

async fn serve_with(
    listeners: Vec<TcpListener>,
    (router, tls): (Router, Option<Arc<ServerTls>>),
    crowd: Arc<Crowd>,
    shutdown: impl Future<Output = ()>,
    patience: Patience,
) {
    let (close, closing) = Closing::pair();
    let mut connections = JoinSet::new();
    let (sender, mut accepted) = tokio::sync::mpsc::channel::<(TcpStream, SocketAddr)>(64);
    let mut acceptors = JoinSet::new();
    for listener in listeners {
        acceptors.spawn(accept(listener, sender.clone(), closing.clone()));
    }
    drop(sender);
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            // The acceptors hand over what is on its way already; then there is nothing to receive.
            () = &mut shutdown, if !*close.borrow() => {
                close.send_replace(true);
            }
            connection = accepted.recv() => {
                let Some((stream, peer)) = connection else { break };
                let Some(place) = crowd.admit(peer.ip()) else { continue };
                let _ = stream.set_nodelay(true);
                let (router, closing) = (router.clone(), closing.clone());
                let tls = tls.clone();
                connections.spawn(async move {
                    let bodies = OfConnection::new(place.stands_for_many());
                    let peer = Peer { address: peer, bodies };
                    let Some(tls) = tls else {
                        return speak((stream, peer), router, closing, patience).await;
                    };
                    if let Some(stream) = tls.accept(stream).await {
                        speak((stream, peer), router, closing, patience).await;
                    }
                    drop(place);
                });
            }
        }
        while connections.try_join_next().is_some() {}
    }
    // A connection that holds on for longer is cut.
    let all = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(DRAIN, all).await;
}

/// Whom the requests of a connection come from.
struct Peer {
    address: SocketAddr,
    bodies: OfConnection,
}

/// Speaks HTTP on a connection until it ends.
async fn speak<S>((stream, peer): (S, Peer), router: Router, closing: Closing, patience: Patience)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let requests = Arc::new(Requests::default());
    let counted = Arc::clone(&requests);
    let service = service_fn(move |mut request: hyper::Request<_>| {
        request.extensions_mut().insert(ConnectInfo(peer.address));
        request.extensions_mut().insert(peer.bodies.clone());
        let (router, counted) = (router.clone(), counted.begin());
        async move {
            let response = router.oneshot(request).await;
            drop(counted);
            response
        }
    });
    let stream = TokioIo::new(Counted::new(stream));
    let builder = protocols(patience);
    let connection = builder.serve_connection(stream, TowerToHyperService::new(service));
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        // Peers that hang up in the middle are everyday life.
        _ = &mut connection => return,
        () = requests.stay_away(patience) => return,
        () = closing.or_silence(|| requests.so_far()) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}

/// Both versions of HTTP, bounded (H-01, H-02). Tables of headers stay at 4 KiB, and frames that
/// continue a head are as many as [`HEAD_BYTES_MAX`] needs: the library sees to that.
fn protocols(patience: Patience) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(patience.head)
        .max_headers(HEADERS_READ_MAX)
        .max_buf_size(HEAD_BYTES_MAX as usize)
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(HTTP2_STREAMS_MAX)
        .max_header_list_size(HEAD_BYTES_MAX)
        .initial_stream_window_size(HTTP2_STREAM_WINDOW_BYTES)
        .initial_connection_window_size(HTTP2_CONNECTION_WINDOW_BYTES)
        .max_pending_accept_reset_streams(HTTP2_UNSEEN_RESETS_MAX)
        .max_local_error_reset_streams(HTTP2_ERRORS_MAX);
    builder
}

/// The requests of one connection. The library measures how long a head takes, but not how long a
/// peer says nothing before it is clear which HTTP it speaks, nor between requests of HTTP/2.
#[derive(Debug, Default)]
struct Requests {
    begun: AtomicUsize,
    running: AtomicUsize,
}

/// Counts as running until it is dropped.
struct Running(Arc<Requests>);

impl Requests {
    fn begin(self: &Arc<Self>) -> Running {
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.running.fetch_add(1, Ordering::Relaxed);
        Running(Arc::clone(self))
    }

    /// How many have begun, and whether one is being answered.
    fn so_far(&self) -> (usize, bool) {
        let is_running = self.running.load(Ordering::Relaxed) > 0;
        (self.begun.load(Ordering::Relaxed), is_running)
    }

    /// Waits until no first request came in time, or no next one.
    async fn stay_away(&self, patience: Patience) {
        let mut seen = 0;
        let mut wait = patience.first;
        loop {
            tokio::time::sleep(wait).await;
            let begun = self.begun.load(Ordering::Relaxed);
            if begun == seen && self.running.load(Ordering::Relaxed) == 0 {
                return;
            }
            (seen, wait) = (begun, patience.next);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
