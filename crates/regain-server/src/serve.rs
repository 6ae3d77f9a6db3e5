//! The accept loop: HTTP/1.1 and HTTP/2 on plain sockets or over TLS, with time-outs for slow peers (H-02)
//! and a stop that lets requests finish.

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

use crate::farewell::{Closing, accept};
use crate::tls::ServerTls;

const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
const PATIENCE: Patience = Patience {
    first: HEADER_TIMEOUT,
    next: Duration::from_mins(1),
};
const HEADER_BYTES_MAX: usize = 32 * 1_024;
const HTTP2_STREAMS_MAX: u32 = 100;
/// How long requests in flight may take once the server accepts no more. Handlers have ten seconds;
/// who takes longer does not read. With five seconds before and what comes after, a stop takes less
/// than 25 s.
const DRAIN: Duration = Duration::from_secs(14);

/// How long a connection may be open without a request.
#[derive(Clone, Copy, Debug)]
struct Patience {
    /// Before the first one.
    first: Duration,
    /// After one; HTTP/1.1 has [`HEADER_TIMEOUT`] for it already.
    next: Duration,
}

/// Serves on all listeners until `shutdown` is done; then finishes what is in flight.
pub async fn serve(
    listeners: Vec<TcpListener>,
    router: Router,
    shutdown: impl Future<Output = ()>,
) {
    serve_with(listeners, (router, None), shutdown, PATIENCE).await;
}

/// Serves as [`serve`] does, over TLS.
pub async fn serve_tls(
    listeners: Vec<TcpListener>,
    router: Router,
    tls: Arc<ServerTls>,
    shutdown: impl Future<Output = ()>,
) {
    serve_with(listeners, (router, Some(tls)), shutdown, PATIENCE).await;
}

async fn serve_with(
    listeners: Vec<TcpListener>,
    (router, tls): (Router, Option<Arc<ServerTls>>),
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
                let _ = stream.set_nodelay(true);
                let (router, closing) = (router.clone(), closing.clone());
                let tls = tls.clone();
                connections.spawn(async move {
                    let Some(tls) = tls else {
                        return speak((stream, peer), router, closing, patience).await;
                    };
                    if let Some(stream) = tls.accept(stream).await {
                        speak((stream, peer), router, closing, patience).await;
                    }
                });
            }
        }
        while connections.try_join_next().is_some() {}
    }
    // A connection that holds on for longer is cut.
    let all = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(DRAIN, all).await;
}

/// Speaks HTTP on a connection until it ends.
async fn speak<S>(
    (stream, peer): (S, SocketAddr),
    router: Router,
    closing: Closing,
    patience: Patience,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let requests = Arc::new(Requests::default());
    let counted = Arc::clone(&requests);
    let service = service_fn(move |mut request: hyper::Request<_>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        let (router, counted) = (router.clone(), counted.begin());
        async move {
            let response = router.oneshot(request).await;
            drop(counted);
            response
        }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(HEADER_BYTES_MAX)
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(HTTP2_STREAMS_MAX);
    let connection =
        builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
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
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    const SHORT: Patience = Patience {
        first: Duration::from_millis(10),
        next: Duration::from_millis(10),
    };

    #[tokio::test]
    async fn whoever_never_asks_is_hung_up_on() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let forever = std::future::pending();
        let server = serve_with(vec![listener], (Router::new(), None), forever, SHORT);
        // T-H2: silence, half a preface, and a whole one without a request after it.
        let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
        let peers = async {
            for sent in ["", "P", "PRI * HTTP/2.0\r\n", preface] {
                let mut peer = TcpStream::connect(address).await.unwrap();
                peer.write_all(sent.as_bytes()).await.unwrap();
                let mut told = Vec::new();
                peer.read_to_end(&mut told).await.unwrap();
            }
        };
        tokio::select! {
            () = server => panic!("the server stopped"),
            () = peers => {}
        }
    }

    #[tokio::test]
    async fn a_connection_with_a_request_on_its_way_is_no_idle_one() {
        let requests = Arc::new(Requests::default());
        let running = requests.begin();
        let away = requests.stay_away(SHORT);
        let mut away = std::pin::pin!(away);
        let limit = SHORT.next * 5;
        assert!(tokio::time::timeout(limit, &mut away).await.is_err());
        drop(running);
        away.await;
    }
}
