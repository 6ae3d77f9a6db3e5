//! The accept loop: HTTP/1.1 and HTTP/2 on plain sockets, with time-outs for slow peers (H-02)
//! and a stop that lets requests finish.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tower::ServiceExt as _;

const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
const HEADER_BYTES_MAX: usize = 32 * 1_024;
const HTTP2_STREAMS_MAX: u32 = 100;
/// How long requests in flight may take once the server stops.
const DRAIN: Duration = Duration::from_secs(20);
/// After an error of `accept` (too many open files), breathe.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves on all listeners until `shutdown` is done; then finishes what is in flight.
pub async fn serve(
    listeners: Vec<TcpListener>,
    router: Router,
    shutdown: impl Future<Output = ()>,
) {
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let (sender, mut accepted) = tokio::sync::mpsc::channel::<(TcpStream, SocketAddr)>(64);
    let mut acceptors = JoinSet::new();
    for listener in listeners {
        let sender = sender.clone();
        acceptors.spawn(async move {
            loop {
                match listener.accept().await {
                    Ok(connection) => {
                        if sender.send(connection).await.is_err() {
                            return;
                        }
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a connection was not accepted");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                }
            }
        });
    }
    drop(sender);
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            connection = accepted.recv() => {
                let Some((stream, peer)) = connection else { break };
                connections.spawn(connection_of(stream, peer, &router, &graceful));
            }
        }
        while connections.try_join_next().is_some() {}
    }
    acceptors.abort_all();
    // A connection that holds on for longer is cut.
    let _ = tokio::time::timeout(DRAIN, graceful.shutdown()).await;
}

fn connection_of(
    stream: TcpStream,
    peer: SocketAddr,
    router: &Router,
    graceful: &GracefulShutdown,
) -> impl Future<Output = ()> + Send + 'static {
    let _ = stream.set_nodelay(true);
    let service = router
        .clone()
        .map_request(move |mut request: hyper::Request<_>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            request
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
    let connection = builder
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
        .into_owned();
    let watched = graceful.watch(connection);
    async move {
        // Peers that hang up in the middle are everyday life.
        let _ = watched.await;
    }
}
