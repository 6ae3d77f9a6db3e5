//! Clients that tell an answer from a connection that broke.

use std::io::ErrorKind;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// What became of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// A whole answer with this status, and whether the connection goes on.
    Answered(u16, bool),
    /// It was sent, at least in part, and no whole answer came.
    Lost(String),
}

/// Opens a connection; `None` when nobody listens any more.
pub(super) async fn connect(address: SocketAddr) -> Option<TcpStream> {
    match TcpStream::connect(address).await {
        Ok(stream) => Some(stream),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => None,
        Err(error) => panic!("neither accepted nor refused: {error}"),
    }
}

/// Sends a request and reads the answer.
pub(super) async fn ask(stream: &mut TcpStream, request: &str) -> Outcome {
    if let Err(error) = stream.write_all(request.as_bytes()).await {
        return Outcome::Lost(format!("not sent: {error}"));
    }
    answer(stream).await
}

/// Reads an answer.
pub(super) async fn answer(stream: &mut TcpStream) -> Outcome {
    let mut bytes = Vec::new();
    loop {
        if let Some(outcome) = whole(&bytes) {
            return outcome;
        }
        match stream.read_buf(&mut bytes).await {
            Ok(0) => return Outcome::Lost(format!("ended after {} bytes", bytes.len())),
            Ok(_) => {}
            Err(error) => return Outcome::Lost(format!("{error} after {} bytes", bytes.len())),
        }
    }
}

/// The outcome, once all of the answer is there.
fn whole(bytes: &[u8]) -> Option<Outcome> {
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&bytes[..head])
        .unwrap()
        .to_ascii_lowercase();
    let length: usize = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |length| length.parse().unwrap());
    let status = text.split(' ').nth(1).unwrap().parse().unwrap();
    let goes_on = !text.lines().any(|line| line == "connection: close");
    (bytes.len() >= head + length).then_some(Outcome::Answered(status, goes_on))
}

/// Asks again and again: over one connection for as long as it goes on, or over a new one each
/// time; until nobody listens any more. Says how many were answered, and what was lost.
pub(super) async fn load(
    address: SocketAddr,
    is_kept: bool,
    requests: Vec<String>,
) -> (usize, Vec<String>) {
    let (mut answered, mut lost) = (0, Vec::new());
    let mut kept = None;
    for request in requests.iter().cycle() {
        let mut stream = match kept.take() {
            Some(stream) => stream,
            None => match connect(address).await {
                Some(stream) => stream,
                None => break,
            },
        };
        match ask(&mut stream, request).await {
            Outcome::Answered(_, goes_on) => {
                answered += 1;
                kept = (is_kept && goes_on).then_some(stream);
            }
            Outcome::Lost(how) => lost.push(how),
        }
    }
    (answered, lost)
}

#[test]
fn half_an_answer_is_none() {
    let text = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";
    assert_eq!(whole(text), Some(Outcome::Answered(200, false)));
    for end in 0..text.len() {
        assert_eq!(whole(&text[..end]), None);
    }
}
