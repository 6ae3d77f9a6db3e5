use std::convert::Infallible;
use std::future::pending;

use super::*;

/// Longer than any test runs.
const LONG: Duration = Duration::from_hours(1);
/// Longer than any test should take.
const MINUTE: Duration = Duration::from_mins(1);
const SHORT: Duration = Duration::from_millis(5);

/// A body that brings one part, and then nothing more without an end.
struct Stalling(Option<Bytes>);

impl HttpBody for Stalling {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.0.take() {
            Some(part) => Poll::Ready(Some(Ok(Frame::data(part)))),
            None => Poll::Pending,
        }
    }
}

fn request(body: Body) -> Request {
    Request::new(body)
}

/// Reads the whole body, as handlers do.
async fn read(request: Request) -> Response {
    match axum::body::to_bytes(request.into_body(), usize::MAX).await {
        Ok(_) => StatusCode::OK.into_response(),
        Err(_) => StatusCode::BAD_REQUEST.into_response(),
    }
}

#[test]
fn t_h2_a_body_must_come_within_fifteen_seconds_and_at_a_kibibyte_per_second() {
    for (received, seconds) in [
        (0, 5),
        (1_024, 6),
        (5 * 1_024, 10),
        (10 * 1_024, 15),
        (11 * 1_024, 15),
        (u64::MAX, 15),
    ] {
        let allowed = PACE.allows(received);
        assert_eq!(allowed, Duration::from_secs(seconds), "{received}");
    }
    assert!(PACE.allows(1_023) < Duration::from_secs(6));
    assert_eq!(PACE.handler, Duration::from_secs(10));
}

#[tokio::test]
async fn t_h2_whoever_stops_sending_is_told_so_and_let_go() {
    for part in [None, Some(Bytes::from_static(b"{"))] {
        // Both ends of time: by the average, and by the whole.
        for pace in [
            Pace {
                body: LONG,
                grace: SHORT,
                handler: LONG,
            },
            Pace {
                body: SHORT,
                grace: LONG,
                handler: LONG,
            },
        ] {
            let body = Body::new(Stalling(part.clone()));
            let answer = tokio::time::timeout(MINUTE, keep(pace, request(body), read)).await;
            assert_eq!(answer.unwrap().status(), StatusCode::REQUEST_TIMEOUT);
        }
    }
}

#[tokio::test]
async fn the_time_of_the_handler_begins_when_the_body_is_there() {
    let pace = Pace {
        body: LONG,
        grace: LONG,
        handler: SHORT,
    };
    let whole = || Body::from("{}");
    let answer = keep(pace, request(whole()), read).await;
    assert_eq!(answer.status(), StatusCode::OK);
    for body in [whole(), Body::empty()] {
        let answer = keep(pace, request(body), |request| async {
            drop(read(request).await);
            pending().await
        });
        let answer = tokio::time::timeout(MINUTE, answer).await.unwrap();
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    }
    // A body that nobody reads holds nobody up either.
    let ignored = request(Body::new(Stalling(None)));
    let answer = keep(pace, ignored, |request| async {
        drop(request);
        pending().await
    });
    let answer = tokio::time::timeout(MINUTE, answer).await.unwrap();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
}
