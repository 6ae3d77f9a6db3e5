//! How much of bodies that are not whole yet is held (H-02, R-15).
//!
//! A whole body belongs to a request, and requests have places. Before that, whoever sends half of
//! many bodies would make the server hold all those halves until their time is over. A body that is
//! all there when its request is, as those of steps are, is never refused here.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use futures_util::FutureExt as _;
use futures_util::stream::once;
use http_body_util::BodyExt as _;
use hyper::body::Frame;

use crate::json::BODY_BYTES_MAX;

/// Of one connection: two of the longest. HTTP/1.1 has one at a time, and a hundred streams of
/// HTTP/2 send steps, of which each has less than a kibibyte.
const CONNECTION_BYTES_MAX: usize = 2 * BODY_BYTES_MAX;
/// Of all connections, with what waits for them. One address has 200 connections, and with them
/// half of it; what holds the bytes is up to twice as large.
const ALL_BYTES_MAX: usize = 64 * 1_024 * 1_024;
/// What waits for a body besides its head: a future of the handlers around.
const WAITING_BYTES: usize = 2 * 1_024;

/// Bytes that are held, and how many may be.
#[derive(Debug)]
struct Held {
    bytes: AtomicUsize,
    at_most: usize,
}

impl Held {
    const fn at_most(at_most: usize) -> Self {
        Self {
            bytes: AtomicUsize::new(0),
            at_most,
        }
    }

    /// Takes room for more, if there is some.
    fn take(&self, more: usize) -> bool {
        let with_more = |held: usize| {
            let held = held.saturating_add(more);
            (held <= self.at_most).then_some(held)
        };
        self.bytes
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, with_more)
            .is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// What is held for one connection; the accept loop gives it to each of its requests.
#[derive(Clone, Debug)]
pub(crate) struct OfConnection(Arc<Held>);

impl OfConnection {
    /// Of a person. Behind a proxy are many, who must not wait for each other: what holds for all
    /// connections is all that holds for theirs.
    pub(crate) fn new(stands_for_many: bool) -> Self {
        Self(Arc::new(Held::at_most(if stands_for_many {
            ALL_BYTES_MAX
        } else {
            CONNECTION_BYTES_MAX
        })))
    }
}

/// What is held for all connections.
#[derive(Debug)]
pub(super) struct OfAll(Held);

impl Default for OfAll {
    fn default() -> Self {
        Self(Held::at_most(ALL_BYTES_MAX))
    }
}

/// There is no room for what has come of a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoRoom;

/// What has come of one body.
struct Coming<'a> {
    bytes: Vec<u8>,
    of_all: usize,
    of_connection: usize,
    connection: Option<OfConnection>,
    all: &'a Held,
}

impl Coming<'_> {
    /// A body is waited for, and the head of its request with it.
    fn wait_for(&mut self, headers: &HeaderMap) -> Result<(), NoRoom> {
        let each = headers
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len());
        let bytes = WAITING_BYTES + each.sum::<usize>();
        if !self.all.take(bytes) {
            return Err(NoRoom);
        }
        self.of_all += bytes;
        Ok(())
    }

    fn add(&mut self, part: &[u8]) -> Result<(), NoRoom> {
        if !self.all.take(part.len()) {
            return Err(NoRoom);
        }
        self.of_all += part.len();
        if let Some(OfConnection(held)) = &self.connection {
            if !held.take(part.len()) {
                return Err(NoRoom);
            }
            self.of_connection += part.len();
        }
        self.bytes.extend_from_slice(part);
        Ok(())
    }
}

impl Drop for Coming<'_> {
    fn drop(&mut self) {
        self.all.give_back(self.of_all);
        if let Some(OfConnection(held)) = &self.connection {
            held.give_back(self.of_connection);
        }
    }
}

impl OfAll {
    /// Waits for the body: whoever sends it slowly, or never, holds no place with it. What cannot
    /// be read, or is too long, is left to the endpoint to refuse.
    pub(super) async fn read_whole(&self, request: Request) -> Result<Request, NoRoom> {
        let announced = request.headers().get(header::CONTENT_LENGTH);
        let announced = announced.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        if request.body().is_end_stream() || announced.is_some_and(|bytes| bytes > BODY_BYTES_MAX) {
            return Ok(request);
        }
        let connection = request.extensions().get::<OfConnection>().cloned();
        let (parts, mut body) = request.into_parts();
        let mut next = body.frame().now_or_never();
        // What is all there is not held, so nobody's unfinished bodies keep it out.
        if body.is_end_stream()
            && let Some(Some(Ok(only))) = next
        {
            let body = Body::from(only.into_data().unwrap_or_default());
            return Ok(Request::from_parts(parts, body));
        }
        let mut coming = Coming {
            bytes: Vec::new(),
            of_all: 0,
            of_connection: 0,
            connection,
            all: &self.0,
        };
        coming.wait_for(&parts.headers)?;
        loop {
            let frame = match next.take() {
                Some(frame) => frame,
                None => body.frame().await,
            };
            match frame.map(|frame| frame.map(Frame::into_data)) {
                None => break,
                Some(Ok(Ok(part))) if part.len() > BODY_BYTES_MAX - coming.bytes.len() => {
                    let too_long = Body::from(vec![0; BODY_BYTES_MAX + 1]);
                    return Ok(Request::from_parts(parts, too_long));
                }
                Some(Ok(Ok(part))) => coming.add(&part)?,
                // Trailers: nobody asks for them.
                Some(Ok(Err(_))) => {}
                Some(Err(error)) => {
                    let broken = once(async { Err::<Bytes, _>(error) });
                    return Ok(Request::from_parts(parts, Body::from_stream(broken)));
                }
            }
        }
        let bytes = std::mem::take(&mut coming.bytes);
        Ok(Request::from_parts(parts, Body::from(bytes)))
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::body::to_bytes;
    use futures_util::stream::{StreamExt as _, iter, pending};

    use super::*;
    use crate::serve::CEILINGS;

    /// A body that begins like this and does not end.
    fn unfinished(part: &'static [u8]) -> Body {
        let begun = once(async move { Ok::<_, Infallible>(part) });
        Body::from_stream(begun.chain(pending()))
    }

    /// A body that comes in two parts.
    fn parted() -> Body {
        Body::from_stream(iter(["x", ""].map(Ok::<_, Infallible>)))
    }

    fn of(connection: &OfConnection, body: Body) -> Request {
        let mut request = Request::new(body);
        request.extensions_mut().insert(connection.clone());
        request
    }

    static PART: [u8; BODY_BYTES_MAX] = [b'x'; BODY_BYTES_MAX];

    /// Whether it is refused; otherwise it waits for more, and is kept.
    macro_rules! refused {
        ($all:expr, $request:expr, $kept:expr) => {{
            let mut waiting = Box::pin($all.read_whole($request));
            let refused = matches!(waiting.as_mut().now_or_never(), Some(Err(NoRoom)));
            if !refused {
                $kept.push(waiting);
            }
            refused
        }};
    }

    #[tokio::test]
    async fn t_h2_of_halves_of_bodies_a_connection_leaves_two_of_the_longest() {
        let all = OfAll::default();
        let (one, other) = (OfConnection::new(false), OfConnection::new(false));
        let mut kept = Vec::new();
        for part in [&PART[..], &PART[1..], b"x"] {
            assert!(!refused!(all, of(&one, unfinished(part)), kept));
        }
        assert!(refused!(all, of(&one, unfinished(b"x")), kept));
        assert!(!refused!(all, of(&other, unfinished(b"x")), kept));
        // Who goes away leaves room, and who comes to an end.
        drop(kept.remove(2));
        let whole = all.read_whole(of(&one, parted())).await.unwrap();
        assert_eq!(to_bytes(whole.into_body(), 9).await.unwrap(), "x");
        assert!(!refused!(all, of(&one, unfinished(b"x")), kept));
        kept.clear();
        assert_eq!(all.0.bytes.load(Ordering::Relaxed), 0);
        assert_eq!(one.0.bytes.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn t_h2_of_halves_of_bodies_all_connections_leave_64_mebibytes() {
        let all = OfAll::default();
        let mut kept = Vec::new();
        let room = ALL_BYTES_MAX / (BODY_BYTES_MAX + WAITING_BYTES);
        for _ in 0..room {
            let connection = OfConnection::new(false);
            let request = of(&connection, unfinished(&PART));
            assert!(!refused!(all, request, kept));
        }
        // Some bytes are left, and then none; nor for anybody behind a proxy.
        let filling = OfConnection::new(true);
        while !refused!(all, of(&filling, unfinished(b"x")), kept) {}
        for stands_for_many in [false, true] {
            let connection = OfConnection::new(stands_for_many);
            assert!(refused!(all, of(&connection, unfinished(b"x")), kept));
            assert_eq!(connection.0.bytes.load(Ordering::Relaxed), 0);
            // Nobody is kept out with a body that is all there.
            let whole = all.read_whole(of(&connection, Body::from("step"))).await;
            let body = to_bytes(whole.unwrap().into_body(), 9).await.unwrap();
            assert_eq!(body, "step");
        }
        // All connections of one address leave room for others (H-02).
        const { assert!(CEILINGS.host * CONNECTION_BYTES_MAX <= ALL_BYTES_MAX / 2) };
    }

    #[tokio::test]
    async fn many_behind_a_proxy_have_more_than_a_person() {
        let all = OfAll::default();
        let proxy = OfConnection::new(true);
        let mut kept = Vec::new();
        for _ in 0..100 {
            assert!(!refused!(all, of(&proxy, unfinished(&PART)), kept));
        }
    }
}
