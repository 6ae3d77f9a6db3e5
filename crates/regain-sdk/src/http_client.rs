//! The default transport.

use async_trait::async_trait;
use url::{Host, Url};

use crate::config::{ConfigError, Timeouts};
use crate::{Transport, TransportError};

/// Most bytes of an answer. Documents have a few kilobytes; one with an inlined picture has more.
const ANSWER_BYTES_MAX: usize = 2 * 1024 * 1024;

/// `reqwest` with time limits, without redirects, cookies and retries.
#[derive(Debug)]
pub(crate) struct HttpClient(reqwest::Client);

impl HttpClient {
    pub(crate) fn new(issuer: &Url, timeouts: Timeouts) -> Result<Self, ConfigError> {
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(timeouts.connect)
            .timeout(timeouts.request);
        if is_loopback(issuer) {
            // A proxy cannot reach what listens on this machine only.
            builder = builder.no_proxy();
        }
        if issuer.scheme() == "http" {
            // No certificate will be looked at: a machine that trusts nobody will do, such as a
            // slim image. Endpoints have the issuer's scheme.
            builder = builder.tls_certs_only([]);
        }
        builder.build().map(Self).map_err(|e| {
            ConfigError::Transport(format!(
                "{e}; are certificates of authorities installed (Debian: ca-certificates)?"
            ))
        })
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[async_trait]
impl Transport for HttpClient {
    async fn send(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Result<http::Response<Vec<u8>>, TransportError> {
        let request = reqwest::Request::try_from(request).map_err(TransportError::not_sent)?;
        let mut answer = self.0.execute(request).await.map_err(|e| {
            // URLs of this protocol hold no secret, but the errors' text need not show them.
            let is_sent = !(e.is_connect() || e.is_builder());
            let e = e.without_url();
            if is_sent {
                TransportError::maybe_sent(e)
            } else {
                TransportError::not_sent(e)
            }
        })?;
        let mut body = Vec::new();
        while let Some(chunk) = answer
            .chunk()
            .await
            .map_err(|e| TransportError::maybe_sent(e.without_url()))?
        {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(TransportError::maybe_sent("the answer is too large"));
            }
            body.extend_from_slice(&chunk);
        }
        let mut response = http::Response::new(body);
        *response.status_mut() = answer.status();
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        Ok(response)
    }
}
