//! T-H1, H-01: addresses, headers and bodies are taken up to their limits and not a byte more, over
//! HTTP/1.1 and HTTP/2, and whoever sends more is told so in the form that clients read.

use std::net::SocketAddr;

use axum::http::Request;
use h2::client::SendRequest;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::app::raw::exchange;
use crate::app::{Page, TestApp};

const URL_BYTES_MAX: usize = 8 * 1_024;
const HEADER_BYTES_MAX: usize = 32 * 1_024;
const HEADERS_MAX: usize = 100;
const BODY_BYTES_MAX: usize = 64 * 1_024;
const LIVE: &str = "/health/live";

/// A request, to be sent in any version.
#[derive(Clone, Debug)]
struct Sized {
    method: &'static str,
    url: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Sized {
    fn get(url: String) -> Self {
        Self {
            method: "GET",
            url,
            headers: Vec::new(),
            body: String::new(),
        }
    }

    fn post(url: &str, content_type: &str, body: String) -> Self {
        Self {
            method: "POST",
            url: url.to_owned(),
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body,
        }
    }

    /// With so many headers, which are so large together as they stand in HTTP/1.1.
    fn with_headers(count: usize, bytes: usize) -> Self {
        let mut request = Self::get(LIVE.to_owned());
        let mut left = bytes;
        for number in 0..count {
            let name = format!("x-{number:03}");
            let line = name.len() + 4;
            let last = number + 1 == count;
            let value = if last {
                left - line
            } else {
                (bytes / count).min(left) - line
            };
            left -= line + value;
            request.headers.push((name, "v".repeat(value)));
        }
        assert_eq!(left, 0);
        request
    }

    /// Over HTTP/1.1. All headers are those of the request: `host` and `connection` count too.
    async fn http1(&self, address: SocketAddr) -> Page {
        let headers: Vec<String> = self
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let headers = headers.concat();
        let length = if self.body.is_empty() {
            String::new()
        } else {
            format!("content-length: {}\r\n", self.body.len())
        };
        let (method, url, body) = (self.method, &self.url, &self.body);
        // HTTP/1.0 ends the connection without a header that says so.
        let sent = format!("{method} {url} HTTP/1.0\r\n{headers}{length}\r\n{body}");
        let said = exchange(address, sent.as_bytes()).await;
        let (head, body) = said.0.split_once("\r\n\r\n").unwrap();
        let status = head["HTTP/1.0 ".len()..][..3].parse::<u16>().unwrap();
        let headers = head.lines().skip(1).map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.parse().unwrap(), value.parse().unwrap())
        });
        Page::new(
            status.try_into().unwrap(),
            headers.collect(),
            body.as_bytes().to_vec(),
        )
    }

    async fn http2(&self, client: &Http2) -> Page {
        let mut request = Request::builder()
            .method(self.method)
            .uri(format!("http://x{}", self.url));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let mut sender = client.sender.clone().ready().await.unwrap();
        let (answer, mut stream) = sender
            .send_request(request.body(()).unwrap(), self.body.is_empty())
            .unwrap();
        if !self.body.is_empty() {
            // Who is refused before the end is told before the end.
            let _ = stream.send_data(self.body.clone().into(), true);
        }
        let (parts, mut body) = answer.await.unwrap().into_parts();
        let mut bytes = Vec::new();
        while let Some(Ok(part)) = body.data().await {
            let _ = body.flow_control().release_capacity(part.len());
            bytes.extend(part);
        }
        Page::new(parts.status, parts.headers, bytes)
    }
}

/// A connection of HTTP/2.
struct Http2 {
    sender: SendRequest<axum::body::Bytes>,
    _connection: JoinSet<()>,
}

impl Http2 {
    async fn open(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).await.unwrap();
        let (sender, connection) = h2::client::handshake(socket).await.unwrap();
        let mut task = JoinSet::new();
        task.spawn(async move {
            let _ = connection.await;
        });
        Self {
            sender,
            _connection: task,
        }
    }
}

/// Sends it in both versions: the statuses must be these, and refusals have the envelope.
async fn expect(address: SocketAddr, request: &Sized, status: u16, code: Option<&str>) {
    let client = Http2::open(address).await;
    for page in [request.http1(address).await, request.http2(&client).await] {
        page.expect_status(status);
        match code {
            Some("oauth") => assert_eq!(page.json["error"], "invalid_request", "{}", page.json),
            Some(code) => {
                page.expect_api_error(status, code);
                assert!(page.json["errorCauses"][0]["errorSummary"].is_string());
                assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
            }
            None => {}
        }
    }
}

#[tokio::test]
async fn t_h1_an_address_has_eight_kibibytes_and_not_a_byte_more() {
    let app = TestApp::start().await;
    let server = app.listen().await;
    for (path, of_good_size) in [
        (LIVE, 200),
        ("/oauth2/v1/keys", 200),
        ("/nowhere", 404),
        ("/idp/idx/introspect", 405),
    ] {
        let url = |bytes: usize| format!("{path}?{}", "x".repeat(bytes - path.len() - 1));
        let good = Sized::get(url(URL_BYTES_MAX));
        expect(server.address, &good, of_good_size, None).await;
        for more in [1, 1_000] {
            let long = Sized::get(url(URL_BYTES_MAX + more));
            expect(server.address, &long, 414, Some("E0000020")).await;
        }
    }
    app.close().await;
}

#[tokio::test]
async fn t_h1_headers_have_thirty_two_kibibytes_and_are_a_hundred_and_not_one_more() {
    let app = TestApp::start().await;
    let server = app.listen().await;
    for (count, bytes, status) in [
        (HEADERS_MAX, 4_096, 200),
        (HEADERS_MAX, HEADER_BYTES_MAX, 200),
        (1, HEADER_BYTES_MAX, 200),
        (HEADERS_MAX + 1, 4_096, 431),
        (HEADERS_MAX, HEADER_BYTES_MAX + 1, 431),
        (2, HEADER_BYTES_MAX + 1, 431),
        (HEADERS_MAX + 20, HEADER_BYTES_MAX, 431),
    ] {
        let request = Sized::with_headers(count, bytes);
        let code = (status == 431).then_some("E0000020");
        expect(server.address, &request, status, code).await;
        // The longest address beside them takes nothing away.
        let mut request = request;
        request.url = format!("{LIVE}?{}", "x".repeat(URL_BYTES_MAX - LIVE.len() - 1));
        expect(server.address, &request, status, code).await;
    }
    // What is far too much is not even read: there is a status, and no more.
    for (count, bytes) in [(1_000, 16_000), (1, 1_000_000)] {
        let page = Sized::with_headers(count, bytes)
            .http1(server.address)
            .await;
        page.expect_status(431);
        assert!(page.bytes.is_empty());
    }
    let client = Http2::open(server.address).await;
    let page = Sized::with_headers(1_000, 60_000).http2(&client).await;
    page.expect_status(431);
    app.close().await;
}

#[tokio::test]
async fn t_h1_bodies_have_sixty_four_kibibytes_and_not_a_byte_more() {
    let app = TestApp::start().await;
    let server = app.listen().await;
    let json = |bytes: usize| {
        let start = "{\"stateHandle\":\"none\",\"x\":\"";
        format!("{start}{}\"}}", "x".repeat(bytes - start.len() - 2))
    };
    let form = |bytes: usize| format!("token={}", "x".repeat(bytes - 6));
    for path in ["/idp/idx/cancel", "/idp/idx/challenge/poll"] {
        for (bytes, status, code) in [
            (BODY_BYTES_MAX, 401, None),
            (BODY_BYTES_MAX + 1, 413, Some("E0000003")),
        ] {
            let request = Sized::post(path, "application/json", json(bytes));
            expect(server.address, &request, status, code).await;
        }
    }
    for (path, of_good_size) in [
        ("/oauth2/v1/revoke", 200),
        ("/oauth2/default/v1/introspect", 401),
    ] {
        for (bytes, status, code) in [
            (BODY_BYTES_MAX, of_good_size, None),
            (BODY_BYTES_MAX + 1, 413, Some("oauth")),
        ] {
            let request = Sized::post(path, "application/x-www-form-urlencoded", form(bytes));
            expect(server.address, &request, status, code).await;
        }
    }
    // In chunks, and without a length beforehand.
    for (bytes, status) in [(BODY_BYTES_MAX, 401), (BODY_BYTES_MAX + 1, 413)] {
        let sent = format!(
            "POST /idp/idx/cancel HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n{bytes:x}\r\n{}\r\n0\r\n\r\n",
            json(bytes)
        );
        let said = exchange(server.address, sent.as_bytes()).await;
        assert_eq!(said.statuses(), [status]);
    }
    app.close().await;
}

#[tokio::test]
async fn t_h1_json_is_thirty_two_deep_and_has_a_thousand_members_and_not_one_more() {
    let app = TestApp::start().await;
    // The document itself is the first of them; the handle and `x` are two members.
    let deep = |levels: usize| {
        let (open, close) = ("[".repeat(levels - 1), "]".repeat(levels - 1));
        format!("{{\"stateHandle\":\"none\",\"x\":{open}{close}}}")
    };
    let deep_objects = |levels: usize| {
        let (open, close) = ("{\"a\":".repeat(levels - 1), "}".repeat(levels - 1));
        format!("{{\"stateHandle\":\"none\",\"x\":{open}1{close}}}")
    };
    let list = |members: usize| json!({"stateHandle": "none", "x": vec![1; members - 2]});
    let object = |members: usize| {
        let mut all = json!({"stateHandle": "none"});
        for number in 1..members {
            all[format!("m{number}")] = Value::Null;
        }
        all
    };
    for endpoint in regain_engine::Endpoint::ALL {
        for (good, bad) in [
            (deep(32), deep(33)),
            (deep_objects(32), deep_objects(33)),
            (list(1_000).to_string(), list(1_001).to_string()),
            (object(1_000).to_string(), object(1_001).to_string()),
        ] {
            let post = |body| app.post_raw(endpoint.path(), Some("application/json"), body);
            // Good ones are looked at: there is no such flow, or a member is missing.
            let page = post(good).await;
            if page.status != 401 {
                page.expect_api_error(400, "E0000003");
                let cause = &page.json["errorCauses"][0]["errorSummary"];
                assert_eq!(cause, "a member is missing or has the wrong type");
            }
            let page = post(bad).await;
            page.expect_api_error(400, "E0000003");
            let cause = &page.json["errorCauses"][0]["errorSummary"];
            assert!(cause.as_str().unwrap().starts_with("at line 1"), "{cause}");
        }
    }
    app.close().await;
}

/// A stream brings most of the longest body and then nothing: two of a connection are waited for,
/// and the others are sent away at once.
#[tokio::test]
async fn t_h2_halves_of_bodies_fill_no_memory_over_one_connection() {
    const STREAMS: usize = 40;
    let app = TestApp::with(|setup| setup.dev = false).await;
    let server = app.listen().await;
    let client = Http2::open(server.address).await;
    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        let request = Request::post("http://x/idp/idx/challenge/poll")
            .header("content-type", "application/json")
            .body(())
            .unwrap();
        let mut sender = client.sender.clone().ready().await.unwrap();
        let (answer, mut stream) = sender.send_request(request, false).unwrap();
        // As much as the peer lets through, with no end.
        stream
            .send_data(vec![b' '; BODY_BYTES_MAX - 1].into(), false)
            .unwrap();
        streams.push((answer, stream));
    }
    let mut answers: JoinSet<u16> = JoinSet::new();
    let mut open = Vec::new();
    for (answer, stream) in streams {
        open.push(stream);
        answers.spawn(async move { answer.await.unwrap().status().as_u16() });
    }
    for _ in 0..STREAMS - 2 {
        assert_eq!(answers.join_next().await.unwrap().unwrap(), 503);
    }
    // Steps of others are taken meanwhile, and over this connection too.
    let step = Sized::post(
        "/idp/idx/challenge/poll",
        "application/json",
        json!({"stateHandle": "none"}).to_string(),
    );
    let other = Http2::open(server.address).await;
    step.http2(&other).await.expect_status(401);
    step.http2(&client).await.expect_status(401);
    // The two that are waited for end well.
    for stream in &mut open {
        let _ = stream.send_data(" ".into(), true);
    }
    while let Some(status) = answers.join_next().await {
        assert_eq!(status.unwrap(), 400);
    }
    app.close().await;
}
