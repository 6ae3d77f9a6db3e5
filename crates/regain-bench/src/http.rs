//! A client for HTTP/1.1 on one kept connection, with as little work as possible: what the generator
//! spends is taken from the engine, since both share the cores.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// More than any answer of the engine or of a peer.
const ANSWER_BYTES_MAX: usize = 1 << 20;
const READ_BYTES: usize = 16 * 1_024;
/// An answer that takes longer counts as an error.
const PATIENCE: Duration = Duration::from_secs(30);

/// One request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) path: &'a str,
    pub(crate) content_type: &'a str,
    /// Further lines of the head, each with its end of line.
    pub(crate) headers: &'a str,
    pub(crate) body: &'a str,
}

/// One answer; borrowed from the connection's buffer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) body: &'a str,
}

/// A connection that is opened when it is first used.
#[derive(Debug)]
pub(crate) struct Connection {
    address: SocketAddr,
    stream: Option<TcpStream>,
    sent: Vec<u8>,
    received: Vec<u8>,
}

impl Connection {
    pub(crate) const fn to(address: SocketAddr) -> Self {
        Self {
            address,
            stream: None,
            sent: Vec::new(),
            received: Vec::new(),
        }
    }

    /// Posts, and waits for the whole answer. After an error the next call opens a new connection.
    pub(crate) async fn post(&mut self, request: Request<'_>) -> Result<Answer<'_>, String> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => connect(self.address).await?,
        };
        self.sent.clear();
        write_request(&mut self.sent, request);
        self.received.clear();
        let exchange = exchange(&mut stream, &self.sent, &mut self.received);
        let head = tokio::time::timeout(PATIENCE, exchange)
            .await
            .map_err(|_| "no answer in time".to_owned())??;
        // Only a connection on which everything was read is used again.
        self.stream = Some(stream);
        let body = self.received.get(head.bytes..).unwrap_or_default();
        Ok(Answer {
            status: head.status,
            body: std::str::from_utf8(body).map_err(|_| "the answer is no text".to_owned())?,
        })
    }
}

async fn connect(address: SocketAddr) -> Result<TcpStream, String> {
    let stream = TcpStream::connect(address)
        .await
        .map_err(|error| format!("no connection: {error}"))?;
    stream
        .set_nodelay(true)
        .map_err(|error| error.to_string())?;
    Ok(stream)
}

fn write_request(out: &mut Vec<u8>, request: Request<'_>) {
    for part in [
        "POST ",
        request.path,
        " HTTP/1.1\r\nhost: localhost\r\nuser-agent: regain-bench\r\ncontent-type: ",
        request.content_type,
        "\r\ncontent-length: ",
        &request.body.len().to_string(),
        "\r\n",
        request.headers,
        "\r\n",
        request.body,
    ] {
        out.extend_from_slice(part.as_bytes());
    }
}

/// What the first lines of an answer say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    /// Of the head itself.
    bytes: usize,
    body_bytes: usize,
}

async fn exchange(
    stream: &mut TcpStream,
    sent: &[u8],
    received: &mut Vec<u8>,
) -> Result<Head, String> {
    stream
        .write_all(sent)
        .await
        .map_err(|error| format!("not sent: {error}"))?;
    let mut head = None;
    loop {
        if head.is_none() {
            head = read_head(received)?;
        }
        if let Some(head) = head
            && received.len() >= head.bytes + head.body_bytes
        {
            return Ok(head);
        }
        received.reserve(READ_BYTES);
        let read = stream
            .read_buf(received)
            .await
            .map_err(|error| format!("not answered: {error}"))?;
        if read == 0 {
            return Err("the connection was closed before the answer".to_owned());
        }
        if received.len() > ANSWER_BYTES_MAX {
            return Err("the answer is too long".to_owned());
        }
    }
}

/// The head, once it is complete. Every answer must say how long it is.
fn read_head(bytes: &[u8]) -> Result<Option<Head>, String> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    let Some(Ok(text)) = bytes.get(..end).map(std::str::from_utf8) else {
        return Err("the head is no text".to_owned());
    };
    let mut lines = text.split("\r\n");
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .and_then(|status| status.parse().ok())
        .ok_or("no status in the first line")?;
    let body_bytes = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse().ok())
        .ok_or("the answer does not say how long it is")?;
    Ok(Some(Head {
        status,
        bytes: end + 4,
        body_bytes,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_when_it_is_complete() {
        let text = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nx: y\r\n\r\n{}";
        let head = read_head(text).unwrap().unwrap();
        assert_eq!((head.status, head.body_bytes), (200, 2));
        assert_eq!(&text[head.bytes..], b"{}");
        for end in 0..head.bytes {
            assert_eq!(read_head(&text[..end]).unwrap(), None);
        }
    }

    #[test]
    fn an_answer_without_a_length_is_an_error() {
        assert!(read_head(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
        assert!(read_head(b"nonsense\r\n\r\n").is_err());
    }
}
