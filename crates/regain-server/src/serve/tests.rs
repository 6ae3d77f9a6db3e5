use axum::routing::{get, post};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::peers::Ceilings;
use super::*;

const SHORT: Patience = Patience {
    head: Duration::from_millis(10),
    first: Duration::from_millis(10),
    next: Duration::from_millis(10),
};
/// Longer than any test runs.
const LONG: Duration = Duration::from_hours(1);
const PATIENT: Patience = Patience {
    head: LONG,
    first: LONG,
    next: LONG,
};
/// Longer than any test should take.
const MINUTE: Duration = Duration::from_mins(1);
const PREFACE: &str = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Serves while `peers` do something.
async fn beside<T>(
    (router, ceilings, patience): (Router, Ceilings, Patience),
    peers: impl AsyncFnOnce(SocketAddr) -> T,
) -> T {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let forever = std::future::pending();
    let crowd = Crowd::new(Peers::default(), ceilings);
    let server = serve_with(vec![listener], (router, None), crowd, forever, patience);
    tokio::select! {
        () = server => panic!("the server stopped"),
        told = tokio::time::timeout(MINUTE, peers(address)) => told.unwrap(),
    }
}

/// What the server says until it hangs up.
async fn told(address: SocketAddr, sent: &[u8]) -> Vec<u8> {
    let mut peer = TcpStream::connect(address).await.unwrap();
    // It may hang up while we are still talking.
    let _ = peer.write_all(sent).await;
    rest(&mut peer).await
}

async fn rest(peer: &mut TcpStream) -> Vec<u8> {
    let mut told = Vec::new();
    let _ = peer.read_to_end(&mut told).await;
    told
}

#[tokio::test]
async fn t_h2_whoever_never_asks_is_hung_up_on() {
    beside((Router::new(), CEILINGS, SHORT), async |address| {
        // Silence, half a preface, and a whole one without a request after it.
        for sent in ["", "P", "PRI * HTTP/2.0\r\n", PREFACE] {
            told(address, sent.as_bytes()).await;
        }
    })
    .await;
}

#[tokio::test]
async fn t_h2_a_head_that_does_not_come_to_its_end_is_hung_up_on() {
    let patience = Patience {
        head: Duration::from_millis(10),
        first: LONG,
        next: LONG,
    };
    beside((Router::new(), CEILINGS, patience), async |address| {
        for sent in ["GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nhost: x\r\nx-a: b"] {
            let told = told(address, sent.as_bytes()).await;
            assert!(!told.starts_with(b"HTTP/1.1 2"), "{told:?}");
        }
    })
    .await;
    assert_eq!(PATIENCE.head, Duration::from_secs(10));
    assert_eq!(PATIENCE.next, Duration::from_mins(1));
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

const ASKED: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";

async fn asks(peer: &mut TcpStream) -> bool {
    let mut first = [0; 12];
    peer.write_all(ASKED).await.is_ok()
        && peer.read_exact(&mut first).await.is_ok()
        && first.starts_with(b"HTTP/1.1 200")
}

#[tokio::test]
async fn t_h2_one_connection_too_many_is_closed_at_once_and_others_stay() {
    let router = Router::new().route("/", get(|| async {}));
    for ceilings in [Ceilings { all: 9, host: 2 }, Ceilings { all: 2, host: 9 }] {
        beside((router.clone(), ceilings, PATIENT), async |address| {
            let mut inside = Vec::new();
            for _ in 0..2 {
                let mut peer = TcpStream::connect(address).await.unwrap();
                assert!(asks(&mut peer).await);
                inside.push(peer);
            }
            for _ in 0..3 {
                let mut peer = TcpStream::connect(address).await.unwrap();
                assert!(rest(&mut peer).await.is_empty());
            }
            drop(inside.pop());
            // It takes a moment until the server sees that there is room again.
            let mut peer = TcpStream::connect(address).await.unwrap();
            while !asks(&mut peer).await {
                peer = TcpStream::connect(address).await.unwrap();
            }
        })
        .await;
    }
}

/// A frame of HTTP/2 (RFC 9113 §4.1).
pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// `POST /` with `http` as scheme and no authority, from the static table (RFC 7541, appendix A).
const POST: [u8; 3] = [0x83, 0x84, 0x86];
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ACK: u8 = 1;

/// A peer that speaks HTTP/2 in frames.
struct Frames(TcpStream);

impl Frames {
    async fn open(address: SocketAddr, settings: &[u8]) -> Self {
        let mut peer = Self(TcpStream::connect(address).await.unwrap());
        let begin = [PREFACE.as_bytes(), &frame(SETTINGS, 0, 0, settings)].concat();
        peer.0.write_all(&begin).await.unwrap();
        peer
    }

    async fn send(&mut self, bytes: &[u8]) -> bool {
        self.0.write_all(bytes).await.is_ok()
    }

    /// The next frame: its kind, its flags, its payload. Nothing when the server hung up.
    async fn next(&mut self) -> Option<(u8, u8, Vec<u8>)> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).await.ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        self.0.read_exact(&mut payload).await.ok()?;
        Some((head[3], head[4], payload))
    }

    /// Waits until the server has read everything.
    async fn is_read(&mut self) -> bool {
        if !self.send(&frame(PING, 0, 0, &[7; 8])).await {
            return false;
        }
        while let Some((kind, flags, _)) = self.next().await {
            if (kind, flags) == (PING, ACK) {
                return true;
            }
        }
        false
    }

    /// Opens some streams, and resets them when the server has seen them.
    async fn reset(&mut self, streams: std::ops::Range<u32>) -> bool {
        let each = |frame: fn(u32) -> Vec<u8>| -> Vec<u8> {
            streams.clone().flat_map(|it| frame(1 + 2 * it)).collect()
        };
        let (opened, reset) = (each(open), each(cancel));
        self.send(&opened).await
            && self.is_read().await
            && self.send(&reset).await
            && self.is_read().await
    }
}

/// A request whose body is to come.
fn open(stream: u32) -> Vec<u8> {
    frame(HEADERS, END_HEADERS, stream, &POST)
}

/// `CANCEL`.
fn cancel(stream: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])
}

/// Waits for a body, and for ever.
fn waiting() -> Router {
    Router::new().route(
        "/",
        post(|_: axum::body::Bytes| std::future::pending::<()>()),
    )
}

#[tokio::test]
async fn t_h2_the_two_hundredth_reset_in_ten_seconds_ends_the_connection() {
    beside((waiting(), CEILINGS, PATIENT), async |address| {
        let mut peer = Frames::open(address, &[]).await;
        // As many at once as may be reset before anybody looks at them.
        for begin in (0..190).step_by(10) {
            assert!(peer.reset(begin..begin + 10).await, "{begin}");
        }
        assert!(peer.reset(190..199).await);
        assert!(!peer.reset(199..200).await);
    })
    .await;
}

#[tokio::test]
async fn t_h2_a_burst_of_resets_ends_the_connection() {
    beside((waiting(), CEILINGS, PATIENT), async |address| {
        let mut peer = Frames::open(address, &[]).await;
        let flood: Vec<u8> = (0..10_000)
            .flat_map(|it| [open(1 + 2 * it), cancel(1 + 2 * it)].concat())
            .collect();
        let _ = peer.send(&flood).await;
        while peer.next().await.is_some() {}
    })
    .await;
}

#[tokio::test]
async fn t_h2_a_head_that_is_continued_without_end_ends_the_connection() {
    beside((waiting(), CEILINGS, PATIENT), async |address| {
        // Large pieces of one header, and pieces without anything in them.
        for piece in [&[0; 16_000][..], &[]] {
            let mut peer = Frames::open(address, &[]).await;
            let mut sent = 0;
            peer.send(&frame(HEADERS, 0, 1, &POST)).await;
            while sent < 10_000 && peer.send(&frame(CONTINUATION, 0, 1, piece)).await {
                sent += 1;
            }
            while peer.next().await.is_some() {}
        }
    })
    .await;
}

#[tokio::test]
async fn t_h2_no_more_than_a_hundred_streams_are_open() {
    beside((waiting(), CEILINGS, PATIENT), async |address| {
        let mut peer = Frames::open(address, &[]).await;
        let mut announced = None;
        while announced.is_none() {
            let (kind, flags, payload) = peer.next().await.unwrap();
            if (kind, flags) == (SETTINGS, 0) {
                // SETTINGS_MAX_CONCURRENT_STREAMS is the third.
                announced = payload
                    .chunks(6)
                    .find(|it| it[..2] == [0, 3])
                    .map(|it| u32::from_be_bytes([it[2], it[3], it[4], it[5]]));
            }
        }
        assert_eq!(announced, Some(100));
        // Once the server's settings are acknowledged, it holds us to them.
        peer.send(&frame(SETTINGS, ACK, 0, &[])).await;
        for number in 0..101 {
            peer.send(&open(1 + 2 * number)).await;
        }
        // The 101st is refused (`REFUSED_STREAM`), and the others stay.
        loop {
            let (kind, _, payload) = peer.next().await.unwrap();
            if kind == RST_STREAM {
                assert_eq!(payload, [0, 0, 0, 7]);
                return;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn t_h2_whoever_takes_no_answer_is_hung_up_on() {
    let long: &'static str = Box::leak("x".repeat(60_000).into_boxed_str());
    let router = Router::new().route("/", post(move || async move { long }));
    let patience = Patience {
        head: LONG,
        first: Duration::from_millis(500),
        next: Duration::from_millis(50),
    };
    beside((router, CEILINGS, patience), async |address| {
        // SETTINGS_INITIAL_WINDOW_SIZE of zero: not a byte of any body may be sent.
        let mut peer = Frames::open(address, &[0, 4, 0, 0, 0, 0]).await;
        for number in 0..100 {
            let flags = END_HEADERS | END_STREAM;
            peer.send(&frame(HEADERS, flags, 1 + 2 * number, &POST))
                .await;
        }
        let mut begun = 0;
        while let Some((kind, _, payload)) = peer.next().await {
            assert!(kind != DATA || payload.is_empty());
            begun += usize::from(kind == HEADERS);
        }
        assert!(begun > 0, "an answer waits");
    })
    .await;
}
