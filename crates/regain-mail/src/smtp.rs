//! Mails leave through a relay, by SMTP.

mod submission;
mod trust;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use regain_types::Secret;

use crate::{Accepted, Message, SendError, Transport};

/// Connections that wait for the next mail; more are closed after their mail.
const IDLE_CONNECTIONS_MAX: usize = 4;

/// How the connection to the relay is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tls {
    /// TLS from the first byte (port 465).
    Implicit,
    /// No protection. For a relay on this machine only.
    None,
    /// Plain at first, then STARTTLS. It is required: a relay that does not offer it gets no mail
    /// (M-07).
    #[default]
    StartTls,
}

/// Which relay, and how to talk to it.
#[derive(Debug, Clone)]
pub struct SmtpSettings {
    /// The relay's host name; its certificate must be for this name.
    pub host: String,
    /// The relay's port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: Tls,
    /// Certificates (PEM) that are trusted *instead of* the public ones.
    pub ca_pem: Option<String>,
    /// User name and password for AUTH.
    pub credentials: Option<(String, Secret<String>)>,
    /// The name that we greet with (EHLO); `None` says `localhost`.
    pub hello_name: Option<String>,
    /// How long one mail may take in all, connecting included.
    pub timeout: Duration,
    /// Accepts every certificate. Whoever is on the way can read codes.
    pub danger_accept_invalid_certificates: bool,
    /// Sends the password of `credentials` even without TLS.
    pub danger_credentials_without_tls: bool,
}

/// Settings that cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SmtpSettingsError {
    /// The PEM text holds no certificate that can be trusted.
    #[error("the certificates of the mail relay's CA cannot be read")]
    Certificates,
    /// Credentials without TLS, and that was not asked for by name.
    #[error("the relay's password would travel unprotected: use TLS")]
    CredentialsWithoutTls,
    /// The host is no name that a certificate can be for.
    #[error("the mail relay's host is not a valid name")]
    Host,
}

/// Hands mails to a relay.
///
/// lettre's own transport is not used: its reads have no time-out, and its pool takes back a
/// connection whose command was given up half-way, whose late answer the next mail would read as
/// its own. Here one limit covers a whole mail, and only a connection that finished its mail waits
/// for the next.
pub struct SmtpTransport {
    settings: SmtpSettings,
    hello: ClientId,
    tls: Option<TlsParameters>,
    idle: Mutex<Vec<AsyncSmtpConnection>>,
}

impl std::fmt::Debug for SmtpTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SmtpTransport")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl SmtpTransport {
    /// Reads the settings; connects only when there is a mail.
    ///
    /// # Errors
    /// [`SmtpSettingsError`] when they cannot work at any time.
    pub fn new(settings: SmtpSettings) -> Result<Self, SmtpSettingsError> {
        let exposed = settings.tls == Tls::None && settings.credentials.is_some();
        if exposed && !settings.danger_credentials_without_tls {
            return Err(SmtpSettingsError::CredentialsWithoutTls);
        }
        let tls = match settings.tls {
            Tls::None => None,
            Tls::Implicit | Tls::StartTls => Some(trust::tls_parameters(&settings)?),
        };
        let hello = settings
            .hello_name
            .clone()
            .unwrap_or_else(|| "localhost".to_owned());
        Ok(Self {
            settings,
            hello: ClientId::Domain(hello),
            tls,
            idle: Mutex::default(),
        })
    }

    async fn deliver(&self, message: &Message) -> Result<Accepted, SendError> {
        let mut connection = if let Some(begun) = self.begin_on_kept(message).await {
            begun
        } else {
            let mut connection = self.new_connection().await?;
            submission::begin(&mut connection, message).await?;
            connection
        };
        let accepted = submission::hand_over(&mut connection, message).await?;
        self.keep(connection);
        Ok(accepted)
    }

    /// A kept connection on which the message has begun. None is asked first whether it still works:
    /// most do, and asking is a round trip for each mail. A relay ends those that wait for long, or
    /// after so many mails, and its last word, of whatever code, is then the answer to what we say
    /// first.
    async fn begin_on_kept(&self, message: &Message) -> Option<AsyncSmtpConnection> {
        while let Some(mut connection) = self.take_idle() {
            let begun = submission::begin(&mut connection, message);
            match tokio::time::timeout(self.settings.timeout / 4, begun).await {
                Ok(Ok(())) => return Some(connection),
                Ok(Err(_)) => {}
                // Somebody on the way has forgotten it, and the others too.
                Err(_) => self.idle().clear(),
            }
        }
        None
    }

    /// One that works.
    async fn connection(&self) -> Result<AsyncSmtpConnection, SendError> {
        while let Some(mut connection) = self.take_idle() {
            if connection.test_connected().await {
                return Ok(connection);
            }
        }
        self.new_connection().await
    }

    async fn new_connection(&self) -> Result<AsyncSmtpConnection, SendError> {
        self.connect()
            .await
            .map_err(|error| unreachable_relay(&error))
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Error> {
        let wrapped = if self.settings.tls == Tls::Implicit {
            self.tls.clone()
        } else {
            None
        };
        let mut connection = AsyncSmtpConnection::connect_tokio1(
            (self.settings.host.as_str(), self.settings.port),
            // Per address: a dead one must not use up the time of the next.
            Some(self.settings.timeout / 2),
            &self.hello,
            wrapped,
            None,
        )
        .await?;
        if let (Tls::StartTls, Some(tls)) = (self.settings.tls, &self.tls) {
            connection.starttls(tls.clone(), &self.hello).await?;
        }
        if let Some((user, password)) = &self.settings.credentials {
            let credentials = Credentials::new(user.clone(), password.expose().clone());
            connection
                .auth(&[Mechanism::Plain, Mechanism::Login], &credentials)
                .await?;
        }
        Ok(connection)
    }

    fn take_idle(&self) -> Option<AsyncSmtpConnection> {
        self.idle().pop()
    }

    fn idle(&self) -> MutexGuard<'_, Vec<AsyncSmtpConnection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, connection: AsyncSmtpConnection) {
        let mut idle = self.idle();
        if !connection.has_broken() && idle.len() < IDLE_CONNECTIONS_MAX {
            idle.push(connection);
        }
    }

    async fn within_limit<T>(
        &self,
        work: impl Future<Output = Result<T, SendError>>,
    ) -> Result<T, SendError> {
        tokio::time::timeout(self.settings.timeout, work)
            .await
            .unwrap_or_else(|_| {
                Err(SendError::Unreachable(
                    "the mail relay did not answer in time".to_owned(),
                ))
            })
    }
}

#[async_trait]
impl Transport for SmtpTransport {
    async fn send(&self, message: &Message) -> Result<Accepted, SendError> {
        self.within_limit(self.deliver(message)).await
    }

    async fn check(&self) -> Result<(), SendError> {
        let connected = async {
            let connection = self.connection().await?;
            self.keep(connection);
            Ok(())
        };
        self.within_limit(connected).await
    }
}

/// No connection that could take a mail. However final the relay's answer, it says nothing about
/// this one message: a wrong password must not cost people their codes once it is corrected.
fn unreachable_relay(error: &Error) -> SendError {
    let why = match error.status() {
        Some(code) => format!("the mail relay refused the connection or the sign-in ({code})"),
        None if is_tls(error) => "TLS with the mail relay failed".to_owned(),
        None if error.is_client() => {
            "the mail relay does not offer the STARTTLS or AUTH that is required".to_owned()
        }
        None => "the mail relay cannot be reached".to_owned(),
    };
    SendError::Unreachable(why)
}

/// A failed handshake arrives as an I/O error with the TLS error inside.
fn is_tls(error: &Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let inner = cause
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref);
        if let Some(inner) = inner
            && inner.is::<rustls::Error>()
        {
            return true;
        }
        source = cause.source();
    }
    error.is_tls()
}
