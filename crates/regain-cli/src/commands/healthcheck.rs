//! `regain healthcheck`: for images that hold no other program that could ask.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use url::Url;

use crate::failure::{Failure, reason};
use crate::print;

/// Less than the time that orchestrators give a check.
const PATIENCE: Duration = Duration::from_secs(2);
/// More than the answer has.
const ANSWER_BYTES_MAX: u64 = 64 * 1_024;

/// Ask a running engine whether it is ready; exit code 1 if not
#[derive(Debug, Args)]
#[command(after_help = "\
The address is one of server.metrics_listen, or of server.listen without TLS.
Example: regain healthcheck --url http://127.0.0.1:9464/health/ready")]
pub(crate) struct Options {
    /// What to ask, over plain HTTP
    #[arg(
        long,
        value_name = "URL",
        default_value = "http://127.0.0.1:9464/health/ready"
    )]
    url: Url,
}

/// Prints what the engine says.
pub(crate) async fn run(options: Options) -> Result<ExitCode, Failure> {
    let url = &options.url;
    if url.scheme() != "http" {
        return Err(Failure::unusable(format!(
            "--url {url}: only plain http:// is asked; take the address of server.metrics_listen"
        )));
    }
    let answer = tokio::time::timeout(PATIENCE, ask(url))
        .await
        .map_err(|_| Failure::failed(format!("{url} does not answer")))??;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    print(body.trim());
    let is_ok = head
        .split_whitespace()
        .nth(1)
        .is_some_and(|status| status == "200");
    Ok(if is_ok {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn ask(url: &Url) -> Result<String, Failure> {
    let cannot = |error: std::io::Error| Failure::failed(format!("{url}: {}", reason(&error)));
    let host = url.host_str().unwrap_or_default();
    let address = format!("{host}:{}", url.port_or_known_default().unwrap_or(80));
    let mut stream = TcpStream::connect(&address).await.map_err(cannot)?;
    let path = url.path();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.map_err(cannot)?;
    let mut answer = Vec::new();
    stream
        .take(ANSWER_BYTES_MAX)
        .read_to_end(&mut answer)
        .await
        .map_err(cannot)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
