//! The barest HTTP server of the same make: what a request costs before the engine does anything.

use std::io::{self, Write as _};

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use tokio::net::TcpListener;

use crate::error::{BenchError, Doing as _};

/// Where it answers.
pub(crate) const PATH: &str = "/echo";

/// Serves on a free port of this machine, whose number it prints, until the process ends.
///
/// # Errors
/// [`BenchError::Io`] when there is no port.
pub async fn serve_echo() -> Result<(), BenchError> {
    let listener = TcpListener::bind(("127.0.0.1", 0))
        .await
        .doing("the bare HTTP server has no port")?;
    let port = listener.local_addr().doing("its address")?.port();
    writeln!(io::stdout().lock(), "{port}").doing("stdout")?;
    let router = Router::new().route(PATH, post(|body: Bytes| async { body }));
    axum::serve(listener, router)
        .await
        .doing("the bare HTTP server")
}
