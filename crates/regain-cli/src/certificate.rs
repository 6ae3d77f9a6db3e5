//! Keeps the certificate of a running engine fresh: renewals replace its files.

use std::sync::Arc;
use std::time::Duration;

use regain_server::{ServerTls, TlsError};
use tokio::signal::unix::Signal;

use crate::config::tls_error;
use crate::stopping::Stop;

/// How often the files are looked at. SIGHUP looks at once.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Reads the files again when they change or when SIGHUP asks for it, until the process stops.
/// Open connections stay; a pair that cannot be used is logged, and the old one stays in use.
pub(crate) async fn keep_fresh(tls: Option<Arc<ServerTls>>, mut hangup: Signal, stop: Stop) {
    let mut stopped = std::pin::pin!(stop.wait());
    loop {
        let asked = tokio::select! {
            () = &mut stopped => return,
            _ = hangup.recv() => true,
            () = tokio::time::sleep(LOOK_EVERY) => false,
        };
        match &tls {
            Some(tls) if asked || tls.has_changed() => reload(tls),
            None if asked => tracing::info!("SIGHUP: there is no certificate to read again"),
            Some(_) | None => {}
        }
    }
}

fn reload(tls: &ServerTls) {
    match tls.reload() {
        Ok(()) => {
            let expires_at = tls.expires_at().map(|at| at.to_string());
            tracing::info!(expires_at, "the certificate was read again");
        }
        Err(error) => {
            let path = match &error {
                error if TlsError::is_about_key(error) => tls.key(),
                _ => tls.certificate(),
            };
            tracing::error!(
                "the certificate stays as it was: {}: {}",
                path.display(),
                tls_error(&error)
            );
        }
    }
}
