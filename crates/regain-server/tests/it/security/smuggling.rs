//! T-H1, H-06: requests that a proxy in front could read in another way. Each is refused, or read
//! in one way; what hides in a body is never answered.

use crate::app::TestApp;
use crate::app::raw::exchange;

/// Hides in bodies. Nothing else that is asked here is answered with an issuer.
const HIDDEN: &str = "GET /.well-known/openid-configuration HTTP/1.1\r\nhost: x\r\n\r\n";
const MARK: &str = "\"issuer\"";
/// Comes after everything: whatever is still read then ends the connection with it.
const LAST: &str = "GET /health/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
const TARGET: &str = "POST /idp/idx/introspect HTTP/1.1\r\nhost: x\r\n";

/// A case: its head after the first lines, its body, and the answers.
type Case = (&'static str, String, &'static [u16]);

/// Refused, and nothing more is read.
const REFUSED: &[u16] = &[400];
/// Read as a request whose body the endpoint does not take; the connection ends.
const READ_AND_CLOSED: &[u16] = &[400];
/// The same, and the connection lives on.
const READ: &[u16] = &[400, 200];

/// No chunk at all, and what follows if somebody goes by the length.
fn chunked_end() -> String {
    format!("0\r\n\r\n{HIDDEN}")
}

/// A body that is hidden in one chunk.
fn in_a_chunk() -> String {
    format!("{:x}\r\n{HIDDEN}\r\n0\r\n\r\n", HIDDEN.len())
}

fn lengths_and_codings() -> Vec<Case> {
    let mut cases: Vec<Case> = vec![
        // Both: chunks count, and nothing after them is a request.
        (
            "content-length: 200\r\ntransfer-encoding: chunked\r\n",
            chunked_end(),
            READ_AND_CLOSED,
        ),
        (
            "transfer-encoding: chunked\r\ncontent-length: 200\r\n",
            chunked_end(),
            READ_AND_CLOSED,
        ),
        (
            "content-length: 4\r\ntransfer-encoding: chunked\r\n",
            in_a_chunk(),
            READ_AND_CLOSED,
        ),
        (
            "transfer-encoding: chunked\r\ncontent-length: 4\r\n",
            in_a_chunk(),
            READ_AND_CLOSED,
        ),
        // Codings that end in chunks are read as chunks.
        ("transfer-encoding: chunked\r\n", in_a_chunk(), READ),
        ("transfer-encoding: Chunked\r\n", in_a_chunk(), READ),
        ("transfer-encoding: gzip, chunked\r\n", in_a_chunk(), READ),
    ];
    for head in [
        "transfer-encoding: xchunked\r\n",
        "transfer-encoding: chunked, identity\r\n",
        "transfer-encoding: identity\r\n",
        "transfer-encoding: gzip\r\n",
        "transfer-encoding: \"chunked\"\r\n",
        "transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n",
        "transfer-encoding: chun\tked\r\n",
        "transfer-encoding:\u{b}chunked\r\n",
        "transfer-encoding : chunked\r\n",
        " transfer-encoding: chunked\r\n",
        "transfer-encoding\t: chunked\r\n",
        "transfer-encoding: identity\r\ncontent-length: 0\r\n",
        "content-length: 0\r\ncontent-length: 66\r\n",
        "content-length: 66\r\ncontent-length: 0\r\n",
        "content-length: 0, 66\r\n",
        "content-length: 0,0\r\n",
        "content-length: +0\r\n",
        "content-length: -1\r\n",
        "content-length: 0x0\r\n",
        "content-length: 0 66\r\n",
        "content-length: 0;66\r\n",
        "content-length: \r\n",
        "content-length: 99999999999999999999\r\n",
        "content-length: \u{ff10}\r\n",
        "content-length : 0\r\n",
        // Lines that go on, lines that end in the middle, and what is no line.
        "x-a: b\r\n content-length: 66\r\n",
        "x-a: b\r\n\tc\r\n",
        "x-a: b\rcontent-length: 66\r\n",
        "x-a: b\r\r\n",
        "x-a: b\0c\r\n",
        "x-a\0: b\r\n",
        "x a: b\r\n",
        "x-a\r\n",
        ": b\r\n",
        "x-\u{e9}: b\r\n",
    ] {
        cases.push((head, HIDDEN.to_owned(), REFUSED));
    }
    cases
}

fn chunks() -> Vec<(String, &'static [u16])> {
    let size = format!("{:x}", HIDDEN.len());
    let mut cases = vec![
        (format!("{size};name=value\r\n{HIDDEN}\r\n0\r\n\r\n"), READ),
        (format!("000{size}\r\n{HIDDEN}\r\n0\r\n\r\n"), READ),
        (format!("{size}\r\n{HIDDEN}\r\n0\r\nx-a: b\r\n\r\n"), READ),
    ];
    for refused in [
        format!("0x{size}\r\n{HIDDEN}\r\n0\r\n\r\n"),
        format!("+{size}\r\n{HIDDEN}\r\n0\r\n\r\n"),
        format!("-1\r\n{HIDDEN}\r\n0\r\n\r\n"),
        format!("\r\n{HIDDEN}\r\n0\r\n\r\n"),
        format!("g\r\n{HIDDEN}\r\n0\r\n\r\n"),
        format!("10000000000000000\r\n{HIDDEN}\r\n0\r\n\r\n"),
        format!("ffffffffffffffffff0\r\n{HIDDEN}\r\n0\r\n\r\n"),
        format!("{size}\n{HIDDEN}\n0\n\n"),
        format!("{size}\r{HIDDEN}\r0\r\r"),
        format!("{size};a\nb\r\n{HIDDEN}\r\n0\r\n\r\n"),
        // Shorter and longer than it says.
        format!("1\r\n{HIDDEN}\r\n0\r\n\r\n"),
        format!("{size}\r\n{HIDDEN}{HIDDEN}\r\n0\r\n\r\n"),
        format!("{size}\r\n{HIDDEN}0\r\n\r\n"),
    ] {
        cases.push((refused, REFUSED));
    }
    cases
}

#[tokio::test]
async fn t_h1_no_request_that_hides_in_another_is_answered() {
    let app = TestApp::start().await;
    let server = app.listen().await;
    let bare = format!("{HIDDEN}{LAST}");
    let said = exchange(server.address, bare.as_bytes()).await;
    assert!(said.0.contains(MARK), "the mark would be seen: {said:?}");
    for (head, body, expected) in lengths_and_codings() {
        let sent = format!("{TARGET}{head}\r\n{body}{LAST}");
        let said = exchange(server.address, sent.as_bytes()).await;
        assert!(!said.0.contains(MARK), "{head:?}: {said:?}");
        assert_eq!(said.statuses(), expected, "{head:?}: {said:?}");
    }
    for (body, expected) in chunks() {
        let sent = format!("{TARGET}transfer-encoding: chunked\r\n\r\n{body}{LAST}");
        let said = exchange(server.address, sent.as_bytes()).await;
        assert!(!said.0.contains(MARK), "{body:?}: {said:?}");
        assert_eq!(said.statuses(), expected, "{body:?}: {said:?}");
    }
    app.close().await;
}

#[tokio::test]
async fn t_h1_bodies_that_nobody_reads_are_no_requests_either() {
    let app = TestApp::start().await;
    let server = app.listen().await;
    let length = HIDDEN.len();
    let by_length = format!("content-length: {length}\r\n\r\n{HIDDEN}");
    let in_chunks = format!("transfer-encoding: chunked\r\n\r\n{}", in_a_chunk());
    let expecting = format!("expect: 100-continue\r\n{by_length}");
    // Announced as more than is taken, and not sent to its end.
    let unfinished = format!("content-length: 70000\r\n\r\n{HIDDEN}");
    for (line, status) in [
        ("GET /health/live HTTP/1.1\r\n", 200),
        ("HEAD /health/live HTTP/1.1\r\n", 200),
        ("DELETE /health/live HTTP/1.1\r\n", 405),
        ("POST /nowhere HTTP/1.1\r\n", 404),
        ("OPTIONS /idp/idx/introspect HTTP/1.1\r\n", 405),
        (
            "POST /idp/idx/introspect HTTP/1.1\r\ncontent-type: text/plain\r\n",
            415,
        ),
        (
            "POST /idp/idx/introspect HTTP/1.1\r\norigin: https://evil.example\r\n",
            403,
        ),
        ("POST /oauth2/v1/token HTTP/1.1\r\n", 401),
    ] {
        for body in [&by_length, &in_chunks, &expecting] {
            let sent = format!("{line}host: x\r\n{body}{LAST}");
            let said = exchange(server.address, sent.as_bytes()).await;
            assert!(!said.0.contains(MARK), "{line:?}: {said:?}");
            let statuses = said.statuses();
            let answers: Vec<_> = statuses.iter().filter(|it| **it != 100).collect();
            assert_eq!(*answers[0], status, "{line:?}: {said:?}");
            assert!(matches!(answers[1..], [] | [200]), "{line:?}: {said:?}");
        }
    }
    let sent = format!("{TARGET}{unfinished}");
    let said = exchange(server.address, sent.as_bytes()).await;
    assert_eq!(said.statuses(), [413], "{said:?}");
    app.close().await;
}

#[tokio::test]
async fn t_h1_odd_first_lines_are_refused_or_read_in_one_way() {
    let app = TestApp::start().await;
    let server = app.listen().await;
    for (line, expected) in [
        // Another host in the line or in the header steers nothing.
        (
            "GET http://evil.example/health/live HTTP/1.1",
            &[200, 200][..],
        ),
        ("GET http://evil.example/nowhere HTTP/1.1", &[404, 200]),
        (
            "GET http://user@evil.example:1/health/live?a HTTP/1.1",
            &[200, 200],
        ),
        ("OPTIONS * HTTP/1.1", &[404, 200]),
        ("CONNECT evil.example:443 HTTP/1.1", &[404, 200]),
        ("TRACE /health/live HTTP/1.1", &[405, 200]),
        ("get /health/live HTTP/1.1", &[405, 200]),
        ("GET //health/live HTTP/1.1", &[404, 200]),
        ("GET /health/%6cive HTTP/1.1", &[404, 200]),
        ("GET /health/./live HTTP/1.1", &[404, 200]),
        ("GET /nowhere/../health/live HTTP/1.1", &[404, 200]),
        ("GET /health/live;a HTTP/1.1", &[404, 200]),
        ("GET /health\\live HTTP/1.1", &[404, 200]),
        // No line of HTTP/1.1.
        ("GET /health/live HTTP/1.2", &[400]),
        ("GET /health/live HTTP/2.0", &[400]),
        ("GET /health/live HTTP/1.1 HTTP/1.1", &[400]),
        ("GET /health/live http/1.1", &[400]),
        ("GET /health/live", &[400]),
        ("GET  /health/live HTTP/1.1", &[400]),
        ("GET\t/health/live HTTP/1.1", &[400]),
        ("GET /health/live\tHTTP/1.1", &[400]),
        ("GET /health/li ve HTTP/1.1", &[400]),
        ("GET /health/live\0 HTTP/1.1", &[400]),
        ("GET /health/live\r HTTP/1.1", &[400]),
        ("G@T /health/live HTTP/1.1", &[400]),
        (" GET /health/live HTTP/1.1", &[400]),
    ] {
        let sent = format!("{line}\r\nhost: x\r\n\r\n{LAST}");
        let said = exchange(server.address, sent.as_bytes()).await;
        assert_eq!(said.statuses(), expected, "{line:?}: {said:?}");
    }
    // Whatever host a request names, addresses come from the configuration (B3).
    for head in [
        "GET http://evil.example/.well-known/openid-configuration HTTP/1.1\r\nhost: evil.example",
        "GET /.well-known/openid-configuration HTTP/1.1\r\nhost: evil.example\r\nhost: x",
        "GET /.well-known/openid-configuration HTTP/1.1\r\nx-forwarded-host: evil.example",
    ] {
        let sent = format!("{head}\r\nconnection: close\r\n\r\n");
        let said = exchange(server.address, sent.as_bytes()).await;
        assert!(
            said.0.contains(MARK) && !said.0.contains("evil.example"),
            "{said:?}"
        );
    }
    app.close().await;
}

#[tokio::test]
async fn t_h1_nobody_leaves_http_for_another_protocol() {
    let app = TestApp::start().await;
    let server = app.listen().await;
    for upgrade in [
        "upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n",
        "upgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n",
        "upgrade: TLS/1.2\r\n",
    ] {
        let sent = format!(
            "GET /health/live HTTP/1.1\r\nhost: x\r\nconnection: upgrade, http2-settings\r\n{upgrade}\r\n{LAST}"
        );
        let said = exchange(server.address, sent.as_bytes()).await;
        assert_eq!(said.statuses(), [200, 200], "{upgrade}: {said:?}");
    }
    app.close().await;
}
