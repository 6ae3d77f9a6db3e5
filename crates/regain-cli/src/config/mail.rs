//! `[mail]` and `[mail.smtp]`: who mails are from, and the relay that takes them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use regain_mail::{Sender, SmtpSettings, SmtpTransport, Templates, Tls};
use regain_types::Secret;
use serde::{Deserialize, Serialize};

use super::problem::Problems;
use super::secret_text;
use crate::failure::reason;

/// The section.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Mail {
    /// The sender: `Name <address>`. Required.
    pub(crate) from: String,
    /// A directory with templates in the place of the ones that come along; relative to the file.
    pub(crate) templates: Option<String>,
    /// The relay. Without it mails wait in the outbox; with `--dev` the dev mailbox takes them.
    pub(crate) smtp: Option<Smtp>,
}

/// The relay.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Smtp {
    /// Host name; the relay's certificate must be for it.
    pub(crate) host: String,
    /// Port. Unless set: 587 with STARTTLS, 465 with implicit TLS, 25 without TLS.
    pub(crate) port: Option<i64>,
    /// `starttls`, `implicit` or `none`.
    pub(crate) tls: TlsMode,
    /// Certificates (PEM) that are trusted instead of the public ones.
    pub(crate) ca_file: Option<String>,
    /// User name for AUTH.
    pub(crate) username: Option<String>,
    /// The password for AUTH. Better in a file or in `REGAIN__MAIL__SMTP__PASSWORD`.
    #[serde(skip_serializing)]
    pub(crate) password: Option<Secret<String>>,
    /// A file that holds the password.
    pub(crate) password_file: Option<String>,
    /// The name that we greet with (EHLO).
    pub(crate) hello_name: Option<String>,
    /// How long one mail may take in all, in seconds.
    pub(crate) timeout_seconds: i64,
    /// Accepts every certificate: whoever is on the way reads the codes.
    pub(crate) danger_accept_invalid_certificates: bool,
    /// Sends the password without TLS.
    pub(crate) danger_credentials_without_tls: bool,
}

/// How the connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TlsMode {
    /// TLS from the first byte.
    Implicit,
    /// No protection.
    None,
    /// Plain at first, then STARTTLS, which is required.
    StartTls,
}

impl Default for Smtp {
    fn default() -> Self {
        Self {
            host: String::new(),
            port: None,
            tls: TlsMode::StartTls,
            ca_file: None,
            username: None,
            password: None,
            password_file: None,
            hello_name: None,
            timeout_seconds: 10,
            danger_accept_invalid_certificates: false,
            danger_credentials_without_tls: false,
        }
    }
}

/// The section, checked.
#[derive(Debug)]
pub(crate) struct CheckedMail {
    pub(crate) from: Option<Sender>,
    pub(crate) smtp: Option<SmtpSettings>,
    pub(crate) templates: Option<Arc<Templates>>,
}

impl Mail {
    /// Checks the values and reads the files that they name.
    pub(crate) fn check(&self, directory: &Path, problems: &mut Problems<'_>) -> CheckedMail {
        let from = self.from.parse().ok();
        if from.is_none() {
            let message = if self.from.is_empty() {
                "is missing: who mails are from, such as \"Example <no-reply@example.com>\""
                    .to_owned()
            } else {
                format!("must be \"Name <address>\", not {:?}", self.from)
            };
            problems.add("mail.from", message);
        }
        let smtp = self
            .smtp
            .as_ref()
            .and_then(|smtp| smtp.check(directory, problems));
        CheckedMail {
            from,
            smtp,
            templates: self.templates(directory, problems),
        }
    }

    fn templates(&self, directory: &Path, problems: &mut Problems<'_>) -> Option<Arc<Templates>> {
        let directory = directory.join(self.templates.as_ref()?);
        match Templates::load(&directory) {
            Ok(templates) => Some(Arc::new(templates)),
            Err(found) => {
                for problem in found {
                    problems.add("mail.templates", format!("cannot be used: {problem}"));
                }
                None
            }
        }
    }
}

impl Smtp {
    fn check(&self, directory: &Path, problems: &mut Problems<'_>) -> Option<SmtpSettings> {
        if self.host.is_empty() {
            problems.add(
                "mail.smtp.host",
                "is missing: the host name of the mail relay",
            );
            return None;
        }
        let preset = match self.tls {
            TlsMode::Implicit => 465,
            TlsMode::None => 25,
            TlsMode::StartTls => 587,
        };
        let port = problems.within("mail.smtp.port", self.port.unwrap_or(preset), 1..=65_535)?;
        let timeout =
            problems.within("mail.smtp.timeout_seconds", self.timeout_seconds, 1..=120)?;
        let settings = SmtpSettings {
            host: self.host.clone(),
            port,
            tls: match self.tls {
                TlsMode::Implicit => Tls::Implicit,
                TlsMode::None => Tls::None,
                TlsMode::StartTls => Tls::StartTls,
            },
            ca_pem: self.ca_pem(directory, problems),
            credentials: self.credentials(directory, problems),
            hello_name: self.hello_name.clone(),
            timeout: Duration::from_secs(timeout),
            danger_accept_invalid_certificates: self.danger_accept_invalid_certificates,
            danger_credentials_without_tls: self.danger_credentials_without_tls,
        };
        // The transport knows what cannot work; asking it costs nothing, it does not connect.
        if let Err(error) = SmtpTransport::new(settings.clone()) {
            problems.add("mail.smtp", format!("cannot work: {error}"));
        }
        Some(settings)
    }

    fn ca_pem(&self, directory: &Path, problems: &mut Problems<'_>) -> Option<String> {
        let path = directory.join(self.ca_file.as_ref()?);
        std::fs::read_to_string(&path)
            .map_err(|error| {
                let message = format!("{} cannot be read: {}", path.display(), reason(&error));
                problems.add("mail.smtp.ca_file", message);
            })
            .ok()
    }

    fn credentials(
        &self,
        directory: &Path,
        problems: &mut Problems<'_>,
    ) -> Option<(String, Secret<String>)> {
        let given = (self.password.as_ref(), self.password_file.as_deref());
        let password = secret_text("mail.smtp.password", given, directory, problems);
        match (&self.username, password) {
            (Some(username), Some(password)) => Some((username.clone(), password)),
            (Some(_), None) => {
                problems.add(
                    "mail.smtp.password_file",
                    "is missing: username stands without a password",
                );
                None
            }
            (None, Some(_)) => {
                problems.add(
                    "mail.smtp.username",
                    "is missing: a password stands without it",
                );
                None
            }
            (None, None) => None,
        }
    }
}
