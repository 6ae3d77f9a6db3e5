//! How long a request may take: its body to arrive, and then its handler (H-02).

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use hyper::body::{Frame, SizeHint};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::api_error::ApiError;

const PACE: Pace = Pace {
    body: Duration::from_secs(15),
    grace: Duration::from_secs(5),
    handler: Duration::from_secs(10),
};
/// What must arrive on average, once [`Pace::grace`] is over.
const BODY_BYTES_PER_SECOND_MIN: u64 = 1_024;

#[derive(Clone, Copy, Debug)]
struct Pace {
    /// For the whole body.
    body: Duration,
    /// What a body may be behind the least speed: networks stall for a moment.
    grace: Duration,
    /// For the handler, from when the body is there.
    handler: Duration,
}

impl Pace {
    /// How long after its beginning a body of which so much has come may be unfinished.
    fn allows(self, received_bytes: u64) -> Duration {
        let earned = received_bytes.saturating_mul(1_000) / BODY_BYTES_PER_SECOND_MIN;
        self.grace
            .saturating_add(Duration::from_millis(earned))
            .min(self.body)
    }
}

/// Answers 408 to who sends too slowly, and 503 for a handler that takes too long. A handler waits
/// for the whole body before it does anything, so that nothing is half done.
pub(crate) async fn in_time<F: Future<Output = Response>>(
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    keep(PACE, request, next).await
}

async fn keep<F: Future<Output = Response>>(
    pace: Pace,
    request: Request,
    handle: impl FnOnce(Request) -> F,
) -> Response {
    if request.body().is_end_stream() {
        return finish(pace, handle(request)).await;
    }
    let arrival = Arc::new(Arrival::default());
    let arriving = Arc::clone(&arrival);
    let request = request.map(|body| {
        Body::new(Arriving {
            body,
            arrival: arriving,
        })
    });
    let mut answer = pin!(handle(request));
    tokio::select! {
        biased;
        answer = &mut answer => return answer,
        () = arrival.over.notified() => {}
        () = arrival.late(pace) => return ApiError::BodyTooSlow.into_response(),
    }
    finish(pace, answer).await
}

async fn finish(pace: Pace, answer: impl Future<Output = Response>) -> Response {
    match tokio::time::timeout(pace.handler, answer).await {
        Ok(answer) => answer,
        // In which words depends on the endpoint: the router knows.
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

/// How much of a body is here.
#[derive(Debug, Default)]
struct Arrival {
    received_bytes: AtomicU64,
    /// Told when no more is awaited.
    over: Notify,
}

impl Arrival {
    /// Waits until the body is behind.
    async fn late(&self, pace: Pace) {
        let began = Instant::now();
        loop {
            let received = self.received_bytes.load(Ordering::Relaxed);
            let due = began + pace.allows(received);
            if due <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(due).await;
        }
    }
}

/// A body that tells how it arrives.
struct Arriving {
    body: Body,
    arrival: Arc<Arrival>,
}

impl HttpBody for Arriving {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
                self.arrival
                    .received_bytes
                    .fetch_add(bytes, Ordering::Relaxed);
            }
            Poll::Ready(None | Some(Err(_))) => self.arrival.over.notify_one(),
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Arriving {
    /// Whoever needs no body drops it unread; whoever knows its length asks no further.
    fn drop(&mut self) {
        self.arrival.over.notify_one();
    }
}

#[cfg(test)]
mod tests;
