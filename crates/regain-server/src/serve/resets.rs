//! Counts the streams that a peer resets over HTTP/2, and hangs up on who does nothing else (H-02).
//!
//! A stream that is opened and reset at once costs its sender two small frames, and does not count
//! among those that are open. The library bounds how many wait unread; what it has handed out by
//! then it does not count. So the frames are counted here, by their first nine bytes (RFC 9113
//! §4.1), before the library reads them.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// So many within [`RESETS_WINDOW`] end the connection.
const RESETS_MAX: usize = 200;
const RESETS_WINDOW: Duration = Duration::from_secs(10);
/// What HTTP/2 begins with (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const FRAME_HEAD_BYTES: usize = 9;
const RST_STREAM: u8 = 3;

/// A stream whose resets are counted.
#[derive(Debug)]
pub(super) struct Counted<S> {
    stream: S,
    frames: Frames,
    resets: Resets,
}

impl<S> Counted<S> {
    pub(super) fn new(stream: S) -> Self {
        Self {
            stream,
            frames: Frames::Preface(0),
            resets: Resets::default(),
        }
    }
}

/// Where in what a peer sends we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Frames {
    /// So many bytes of the preface have come.
    Preface(usize),
    /// So many bytes of a frame's head.
    Head([u8; FRAME_HEAD_BYTES], usize),
    /// So many bytes of its payload are to come.
    Payload(usize),
    /// It does not speak HTTP/2.
    Other,
}

impl Frames {
    /// Reads on, and says how many streams were reset.
    fn feed(&mut self, mut bytes: &[u8]) -> usize {
        let mut resets = 0;
        while let Some((first, rest)) = bytes.split_first() {
            match self {
                Self::Other => return resets,
                Self::Preface(seen) => {
                    if PREFACE.get(*seen) != Some(first) {
                        *self = Self::Other;
                        return resets;
                    }
                    *seen += 1;
                    if *seen == PREFACE.len() {
                        *self = Self::Head([0; FRAME_HEAD_BYTES], 0);
                    }
                    bytes = rest;
                }
                Self::Head(head, seen) => {
                    if let Some(slot) = head.get_mut(*seen) {
                        *slot = *first;
                    }
                    *seen += 1;
                    if *seen == FRAME_HEAD_BYTES {
                        let [a, b, c, kind, ..] = *head;
                        resets += usize::from(kind == RST_STREAM);
                        *self = Self::after_head(u32::from_be_bytes([0, a, b, c]));
                    }
                    bytes = rest;
                }
                Self::Payload(left) => {
                    let skipped = (*left).min(bytes.len());
                    bytes = bytes.get(skipped..).unwrap_or_default();
                    *left -= skipped;
                    if *left == 0 {
                        *self = Self::Head([0; FRAME_HEAD_BYTES], 0);
                    }
                }
            }
        }
        resets
    }

    fn after_head(length: u32) -> Self {
        match usize::try_from(length) {
            Ok(0) | Err(_) => Self::Head([0; FRAME_HEAD_BYTES], 0),
            Ok(length) => Self::Payload(length),
        }
    }
}

/// When the last resets came.
#[derive(Debug, Default)]
struct Resets(VecDeque<Instant>);

impl Resets {
    /// Notes some more; whether it is a flood.
    fn add(&mut self, count: usize, now: Instant) -> bool {
        while let Some(oldest) = self.0.front()
            && now.saturating_duration_since(*oldest) >= RESETS_WINDOW
        {
            self.0.pop_front();
        }
        let room = RESETS_MAX.saturating_sub(self.0.len());
        self.0.extend(std::iter::repeat_n(now, count.min(room)));
        count >= room
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(cx, buffer))?;
        let fresh = buffer.filled().get(before..).unwrap_or_default();
        let resets = this.frames.feed(fresh);
        if resets > 0 && this.resets.add(resets, Instant::now()) {
            tracing::debug!("a peer that resets its streams over and over is hung up on");
            return Poll::Ready(Err(io::Error::from(io::ErrorKind::ConnectionAborted)));
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::tests::frame;

    #[test]
    fn resets_are_counted_however_the_bytes_are_cut() {
        let mut bytes = PREFACE.to_vec();
        // A payload that looks like frames of resets, empty frames, and three resets.
        let decoy = frame(RST_STREAM, 0, 1, &[0; 4]).repeat(50);
        for (kind, payload) in [
            (4, &[][..]),
            (1, &decoy),
            (3, &[0, 0, 0, 8]),
            (0, &[]),
            (3, &[0, 0, 0, 8]),
            (0, &decoy),
            (3, &[0, 0, 0, 8]),
        ] {
            bytes.extend(frame(kind, 0, 1, payload));
        }
        for size in [1, 2, 3, 8, 9, 10, 33, bytes.len()] {
            let mut frames = Frames::Preface(0);
            let counted: usize = bytes.chunks(size).map(|part| frames.feed(part)).sum();
            assert_eq!(counted, 3, "{size}");
        }
        let mut http1 = Frames::Preface(0);
        let sent = [b"POST / HTTP/1.1\r\n\r\n", &*frame(3, 0, 1, &[0; 4])].concat();
        assert_eq!(http1.feed(&sent), 0);
        assert_eq!(http1, Frames::Other);
    }

    #[test]
    fn t_h2_two_hundred_resets_within_ten_seconds_are_a_flood_and_fewer_are_none() {
        let begin = Instant::now();
        let at = |millis| begin + Duration::from_millis(millis);
        let mut resets = Resets::default();
        assert!((0..199).all(|_| !resets.add(1, at(0))));
        assert!(resets.add(1, at(9_999)));
        // The first 199 are ten seconds old by now.
        let mut resets = Resets::default();
        assert!(!resets.add(199, at(0)));
        assert!(!resets.add(199, at(10_000)));
        assert!(resets.add(1, at(10_001)));
        // At twenty a second, a little under the limit, for a minute.
        let mut steady = Resets::default();
        assert!((0..1_140).all(|turn| !steady.add(1, at(turn * 51))));
        assert!(Resets::default().add(usize::MAX, begin));
    }
}
