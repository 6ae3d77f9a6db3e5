//! Mails leave through a relay, by SMTP.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters,
};
use lettre::transport::smtp::extension::ClientId;
use regain_types::Secret;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};

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
            Tls::Implicit | Tls::StartTls => Some(tls_parameters(&settings)?),
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
        let mut connection = self.connection().await?;
        let answer = connection
            .send(message.envelope(), message.raw())
            .await
            .map_err(|error| refused(&error))?;
        self.keep(connection);
        Ok(Accepted {
            detail: answer.code().to_string(),
        })
    }

    async fn connection(&self) -> Result<AsyncSmtpConnection, SendError> {
        while let Some(mut connection) = self.take_idle() {
            if connection.test_connected().await {
                return Ok(connection);
            }
        }
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
            Some(self.settings.timeout),
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
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop()
    }

    fn keep(&self, connection: AsyncSmtpConnection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
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
                Err(SendError::Temporary(
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

fn tls_parameters(settings: &SmtpSettings) -> Result<TlsParameters, SmtpSettingsError> {
    ServerName::try_from(settings.host.as_str()).map_err(|_| SmtpSettingsError::Host)?;
    let mut builder = TlsParameters::builder(settings.host.clone())
        .dangerous_accept_invalid_certs(settings.danger_accept_invalid_certificates)
        .dangerous_accept_invalid_hostnames(settings.danger_accept_invalid_certificates);
    if let Some(pem) = &settings.ca_pem {
        builder = builder.certificate_store(CertificateStore::None);
        for certificate in certificates(pem)? {
            builder = builder.add_root_certificate(certificate);
        }
    }
    builder.build().map_err(|_| SmtpSettingsError::Certificates)
}

/// Every certificate of a PEM text; one at least, or nothing could ever be trusted.
fn certificates(pem: &str) -> Result<Vec<Certificate>, SmtpSettingsError> {
    let found: Result<Vec<_>, SmtpSettingsError> = CertificateDer::pem_slice_iter(pem.as_bytes())
        .map(|der| {
            let der = der.map_err(|_| SmtpSettingsError::Certificates)?;
            Certificate::from_der(der.to_vec()).map_err(|_| SmtpSettingsError::Certificates)
        })
        .collect();
    found.and_then(|all| {
        if all.is_empty() {
            Err(SmtpSettingsError::Certificates)
        } else {
            Ok(all)
        }
    })
}

/// The relay did not take the message. Its words are not repeated: they often quote the address.
fn refused(error: &Error) -> SendError {
    match error.status() {
        Some(code) if error.is_permanent() => {
            SendError::Permanent(format!("the mail relay refused the message ({code})"))
        }
        Some(code) => SendError::Temporary(format!("the mail relay put the message off ({code})")),
        // The one thing that the client itself refuses at this point.
        None if error.is_client() => SendError::Permanent(
            "the mail relay takes no addresses with letters beyond ASCII".to_owned(),
        ),
        None => SendError::Temporary("the connection to the mail relay broke".to_owned()),
    }
}

/// No connection that could take a mail. However final the relay's answer, it says nothing about
/// this one message: a wrong password must not cost people their codes once it is corrected.
fn unreachable_relay(error: &Error) -> SendError {
    let why = match error.status() {
        Some(code) => format!("the mail relay refused the connection or the sign-in ({code})"),
        None if error.is_tls() => "TLS with the mail relay failed".to_owned(),
        None if error.is_client() => {
            "the mail relay does not offer the STARTTLS or AUTH that is required".to_owned()
        }
        None => "the mail relay cannot be reached".to_owned(),
    };
    SendError::Temporary(why)
}
