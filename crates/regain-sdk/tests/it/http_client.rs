//! The default transport against a socket: what it counts as sent, and what it does not follow.

use std::time::Duration;

use regain_sdk::testkit::documents;
use regain_sdk::{Error, IdxClient, Timeouts};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::support::{BASE, REDIRECT_URI};

fn client(issuer: &str) -> IdxClient {
    let limits = Timeouts {
        connect: Duration::from_secs(5),
        request: Duration::from_secs(5),
    };
    let builder = IdxClient::builder(issuer)
        .client_id("id")
        .redirect_uri(REDIRECT_URI);
    builder.timeouts(limits).build().unwrap()
}

/// Answers each connection with the next of these texts, and gives back what was asked.
async fn serve(listener: TcpListener, answers: Vec<String>) -> Vec<String> {
    let mut asked = Vec::new();
    for answer in answers {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 64 * 1024];
        let length = socket.read(&mut request).await.unwrap();
        asked.push(String::from_utf8_lossy(&request[..length]).into_owned());
        // A client that has seen enough may close first.
        drop(socket.write_all(answer.as_bytes()).await);
        drop(socket.shutdown().await);
    }
    asked
}

fn http(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
}

async fn run(answers: Vec<String>) -> (Result<regain_sdk::Outcome, Error>, Vec<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    let client = client(&issuer);
    tokio::join!(client.begin().start(), serve(listener, answers))
}

fn start() -> [String; 2] {
    let discovery = documents::discovery(BASE).to_string();
    [
        http("200 OK", &discovery),
        http("200 OK", &documents::interact().to_string()),
    ]
}

#[tokio::test]
async fn a_flow_runs_over_a_socket() {
    let page = documents::sign_in_page(BASE).to_string();
    let answers = [start().to_vec(), vec![http("200 OK", &page)]].concat();
    let (outcome, asked) = run(answers).await;
    assert_eq!(outcome.unwrap().step().unwrap().name(), "identify");
    assert!(asked[0].starts_with("GET /.well-known/openid-configuration HTTP/1.1\r\n"));
    assert!(asked[1].starts_with("POST /oauth2/v1/interact HTTP/1.1\r\n"));
    assert!(asked[2].starts_with("POST /idp/idx/introspect HTTP/1.1\r\n"));
    assert!(asked[2].ends_with(r#"{"interactionHandle":"IH-script"}"#));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let redirect = "HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n";
    let answers = [start().to_vec(), vec![redirect.to_owned()]].concat();
    let (outcome, asked) = run(answers).await;
    assert!(matches!(outcome, Err(Error::Protocol(e)) if e.status == 302));
    assert_eq!(asked.len(), 3);
}

#[tokio::test]
async fn a_refused_connection_was_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = client(&issuer).begin().start().await.unwrap_err();
    assert!(
        matches!(&error, Error::Transport(e) if !e.is_sent()),
        "{error:?}"
    );
    assert!(error.is_retryable());
}

#[tokio::test]
async fn a_lost_answer_may_have_been_sent() {
    let cut = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{".to_owned();
    let answers = [start().to_vec(), vec![cut]].concat();
    let (outcome, _) = run(answers).await;
    assert!(matches!(outcome, Err(Error::Transport(e)) if e.is_sent()));
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let huge = http("200 OK", &" ".repeat(3 * 1024 * 1024));
    let answers = [start().to_vec(), vec![huge]].concat();
    let (outcome, _) = run(answers).await;
    assert!(matches!(outcome, Err(Error::Transport(e)) if e.is_sent()));
}
