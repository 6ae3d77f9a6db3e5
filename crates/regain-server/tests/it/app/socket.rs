//! Requests over real sockets, where time or many at once matter.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use regain_server::serve;
use regain_types::{Clock as _, SystemClock};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Barrier, oneshot};
use tokio::task::JoinSet;

use super::walk::BUSY_RETRIES_MAX;
use super::{Page, TestApp};

/// A listening server; it stops when this is dropped.
pub(crate) struct Listening {
    pub(crate) address: SocketAddr,
    _stop: oneshot::Sender<()>,
    _server: JoinSet<()>,
}

impl TestApp {
    /// Serves on a port of its own.
    pub(crate) async fn listen(&self) -> Listening {
        self.serve(self.router.clone()).await
    }

    /// Serves another node over the same database on a port of its own.
    pub(crate) async fn listen_again(&self) -> Listening {
        self.serve(self.again()).await
    }

    async fn serve(&self, router: Router) -> Listening {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let mut server = JoinSet::new();
        let peers = self.state.peers();
        server.spawn(serve(vec![listener], router, peers, async move {
            let _ = stopped.await;
        }));
        Listening {
            address,
            _stop: stop,
            _server: server,
        }
    }
}

/// A connection that is kept.
pub(crate) struct Connection {
    stream: TcpStream,
    clock: SystemClock,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            clock: SystemClock::new(),
            buffer: Vec::with_capacity(16 * 1_024),
        }
    }

    /// Posts JSON, and says how long the answer took.
    pub(crate) async fn post(&mut self, path: &str, body: &Value) -> (Page, Duration) {
        let request = request_of(path, &body.to_string());
        let started = self.clock.monotonic();
        self.stream.write_all(request.as_bytes()).await.unwrap();
        self.buffer.clear();
        let (head, length) = loop {
            assert_ne!(self.stream.read_buf(&mut self.buffer).await.unwrap(), 0);
            if let Some(found) = head_of(&self.buffer) {
                break found;
            }
        };
        while self.buffer.len() < head + length {
            assert_ne!(self.stream.read_buf(&mut self.buffer).await.unwrap(), 0);
        }
        let took = self.clock.monotonic().saturating_sub(started);
        (page_of(&self.buffer, head), took)
    }
}

/// Where the body begins and how long it is, once the head is complete.
fn head_of(bytes: &[u8]) -> Option<(usize, usize)> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&bytes[..end]).unwrap();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .expect("a length");
    Some((end, length.parse().unwrap()))
}

fn page_of(bytes: &[u8], body: usize) -> Page {
    let head = std::str::from_utf8(&bytes[..body]).unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap()["HTTP/1.1 ".len()..][..3]
        .parse::<u16>()
        .unwrap();
    let headers: HeaderMap = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            (name, HeaderValue::from_str(value).unwrap())
        })
        .collect();
    let status = StatusCode::from_u16(status).unwrap();
    Page::new(status, headers, bytes[body..].to_vec())
}

/// Posts a body and loses the answer on the way: the server has done what it does. Without
/// patience the connection breaks at once, wherever the server stands by then.
pub(crate) async fn lose(address: SocketAddr, path: &str, body: &Value, is_patient: bool) {
    let mut connection = Connection::open(address).await;
    if is_patient {
        drop(connection.post(path, body).await);
        return;
    }
    let request = request_of(path, &body.to_string());
    connection.stream.set_zero_linger().unwrap();
    connection
        .stream
        .write_all(request.as_bytes())
        .await
        .unwrap();
    // Sometimes after a millisecond, sometimes when a password has been hashed.
    let [size, part] = regain_types::random_array(&mut regain_types::SystemEntropy);
    let span = [1, 8, 64, 256][usize::from(size % 4)];
    let until = connection.clock.monotonic() + Duration::from_millis(span) * u32::from(part) / 256;
    while connection.clock.monotonic() < until {
        tokio::task::yield_now().await;
    }
}

fn request_of(path: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Posts all bodies at the same moment, each over a connection of its own. Whoever is asked to come
/// back does so, as clients do: a machine that is busy with other things does not always hash
/// within two seconds.
pub(crate) async fn at_once(address: SocketAddr, path: &str, bodies: Vec<Value>) -> Vec<Page> {
    all_at_once(&[address], path, bodies, BUSY_RETRIES_MAX).await
}

/// The same, but nobody comes back.
pub(crate) async fn once(address: SocketAddr, path: &str, bodies: Vec<Value>) -> Vec<Page> {
    all_at_once(&[address], path, bodies, 0).await
}

/// The same body as often as there are copies, over several nodes in turn.
pub(crate) async fn copies(
    nodes: &[SocketAddr],
    path: &str,
    body: &Value,
    count: usize,
) -> Vec<Page> {
    all_at_once(nodes, path, vec![body.clone(); count], BUSY_RETRIES_MAX).await
}

async fn all_at_once(
    nodes: &[SocketAddr],
    path: &str,
    bodies: Vec<Value>,
    retries_max: usize,
) -> Vec<Page> {
    let barrier = Arc::new(Barrier::new(bodies.len()));
    let mut requests = JoinSet::new();
    for (number, body) in bodies.into_iter().enumerate() {
        let address = nodes[number % nodes.len()];
        let (barrier, path) = (barrier.clone(), path.to_owned());
        requests.spawn(async move {
            let mut connection = Connection::open(address).await;
            barrier.wait().await;
            let mut page = connection.post(&path, &body).await.0;
            for _ in 0..retries_max {
                if page.status == 503 {
                    page = connection.post(&path, &body).await.0;
                }
            }
            page
        });
    }
    requests.join_all().await
}
