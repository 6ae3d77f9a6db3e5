//! From what is written to what the server works with.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use regain_engine::{Policy, ProofOfWork, email_key};
use regain_mail::{Brand, SmtpSettings, Tls};
use regain_oauth::Client;
use regain_server::{ServerTls, Settings, TlsError};
use regain_types::{MasterKey, Pepper};

use super::problem::Problems;
use super::{RegainToml, clients, enrollment, sign_in};
use crate::database::StoreUrl;
use crate::deployment;
use crate::pepper_file::PepperPlace;

/// A configuration that passed every check.
#[derive(Debug)]
pub(crate) struct Configuration {
    /// What the server asks for.
    pub(crate) settings: Settings,
    /// Where it listens.
    pub(crate) listen: Vec<SocketAddr>,
    /// Where operators read metrics, if anywhere.
    pub(crate) metrics_listen: Option<SocketAddr>,
    /// How long connections are accepted after SIGTERM.
    pub(crate) stop_grace: Duration,
    /// The certificate of `listen`, if it ends TLS itself.
    pub(crate) tls: Option<Arc<ServerTls>>,
    /// Where the data lives.
    pub(crate) store: StoreUrl,
    /// The secret from which keys derive.
    pub(crate) master_key: MasterKey,
    /// What goes into password hashes besides; may be empty.
    pub(crate) pepper: Pepper,
    /// Where that is from.
    pub(crate) pepper_place: PepperPlace,
    /// The relay that takes mails.
    pub(crate) smtp: Option<SmtpSettings>,
    /// The apps.
    pub(crate) clients: Vec<Client>,
}

/// Checks every section; there is no result when one cannot be used at all.
pub(super) fn check(
    raw: &RegainToml,
    directory: &Path,
    problems: &mut Problems<'_>,
) -> Option<Configuration> {
    let server = raw.server.check(directory, problems);
    let store = raw.store.check(directory, problems);
    let master_key = raw.keys.check(directory, problems);
    let mail = raw.mail.check(directory, problems);
    let trusted_origins = raw.org.check(problems);
    let policy = Policy {
        sign_in_mode: raw.org.sign_in_mode,
        enumeration_prevention: raw.org.user_enumeration_prevention,
        password: raw.password.check(problems),
        sign_in: raw.sign_in.check(raw.org.sign_in_mode, problems),
        enrollment: raw.enrollment.check(problems),
        recovery: raw.recovery.check(problems),
        email: raw.email_authenticator.check(problems),
        limits: raw.limits.check(problems),
    };
    let mails_first = policy.sign_in.first_factors.contains(&email_key());
    if mails_first && policy.recovery.proof_of_work == ProofOfWork::Always {
        problems.add(
            "sign_in.first_factors",
            "cannot name okta_email while recovery.proof_of_work is \"always\": its mails cost no work",
        );
    }
    if let Err(broken) = policy.keeps_promise() {
        problems.add("limits", broken.to_string());
    }
    let hash = raw.hash.check(problems);
    let pepper = raw.hash.read_pepper(directory, problems);
    let clients = clients::check(&raw.clients, directory, problems);
    Some(Configuration {
        settings: Settings {
            org: deployment::org().ok()?,
            public_url: server.public_url,
            brand: Brand {
                org_name: raw.org.name.clone(),
                support_url: raw.org.support_url.clone(),
                templates: mail.templates,
            },
            locale: raw.org.locale.clone(),
            mail_from: mail.from?,
            policy,
            trusted_origins,
            trusted_proxies: server.trusted_proxies,
            address_limits: raw.limits.check_addresses(problems),
            mails_per_hour: raw.limits.check_mails(problems),
            hash,
        },
        listen: server.listen,
        metrics_listen: server.metrics_listen,
        stop_grace: server.stop_grace,
        tls: server.tls,
        store: store?,
        master_key: master_key?,
        pepper,
        pepper_place: raw.hash.pepper_place(directory),
        smtp: mail.smtp,
        clients,
    })
}

impl Configuration {
    /// What is allowed and yet needs to be said at every start.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if !self.settings.policy.enumeration_prevention {
            warnings.push(
                "org.user_enumeration_prevention is off: everybody can find out who has an account"
                    .to_owned(),
            );
        }
        warnings.extend(sign_in::warning(&self.settings.policy));
        warnings.extend(sign_in::mails_warning(&self.settings.policy));
        warnings.extend(enrollment::warning(&self.settings.policy));
        if !self.settings.policy.limits.volume {
            warnings.push(
                "limits.danger_volume_limits is off: anybody can have any number of mails sent and recoveries started"
                    .to_owned(),
            );
        }
        if let Some(Err(error)) = self.tls.as_ref().map(|tls| tls.check_dates()) {
            warnings.push(self.certificate_says(&error));
        }
        if let Some(tls) = &self.tls
            && let Some(host) = self.public_host()
            && !tls.is_for(&host)
        {
            warnings.push(format!(
                "{} is not for {host}, the host of server.public_url: clients will refuse it",
                tls.certificate().display()
            ));
        }
        let preset = Policy::default().guess_bound().whole_org;
        let price = self.settings.policy.guess_bound().whole_org;
        if price > preset {
            warnings.push(format!(
                "limits.tenant_short_wrong_24h: guesses at many names let an attacker into {price:.2} accounts a year; with the default it is {preset:.3}"
            ));
        }
        if let Some(address) = self.metrics_listen.filter(|it| !it.ip().is_loopback()) {
            warnings.push(format!(
                "server.metrics_listen = \"{address}\": whoever reaches it reads how many people sign in and what fails; let only your monitoring through"
            ));
        }
        let templates = self.settings.brand.templates.iter();
        warnings.extend(
            templates
                .flat_map(|templates| templates.warnings())
                .map(ToString::to_string),
        );
        if let Some(smtp) = &self.smtp {
            if smtp.tls == Tls::None {
                warnings.push(
                    "mail.smtp.tls = \"none\": whoever is between here and the relay reads the codes"
                        .to_owned(),
                );
            }
            if smtp.danger_accept_invalid_certificates {
                warnings.push(
                    "mail.smtp.danger_accept_invalid_certificates is on: whoever is between here and the relay can read the codes"
                        .to_owned(),
                );
            }
        }
        if self.settings.public_url.starts_with("http://") && !self.is_public_url_local() {
            warnings.push(format!(
                "server.public_url = \"{}\": passwords and tokens travel in the clear; use https",
                self.settings.public_url
            ));
        }
        warnings
    }

    /// Whether the certificate is valid today: whoever does not serve can do without.
    ///
    /// # Errors
    /// One line that says what to do.
    pub(crate) fn check_certificate(&self) -> Result<(), String> {
        let checked = self.tls.as_ref().map_or(Ok(()), |tls| tls.check_dates());
        checked.map_err(|error| self.certificate_says(&error))
    }

    fn certificate_says(&self, error: &TlsError) -> String {
        let path = self.tls.as_ref().map(|tls| tls.certificate().display());
        let path = path.map(|path| path.to_string()).unwrap_or_default();
        format!("server.tls.certificate {path}: {error}")
    }

    /// The host of the public address, without the brackets of an IPv6 address.
    fn public_host(&self) -> Option<String> {
        let url = url::Url::parse(&self.settings.public_url).ok()?;
        let host = url.host_str()?;
        Some(host.trim_matches(['[', ']']).to_owned())
    }

    /// Whether only this machine is meant by the public address.
    pub(crate) fn is_public_url_local(&self) -> bool {
        let Ok(url) = url::Url::parse(&self.settings.public_url) else {
            return false;
        };
        match url.host() {
            Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
    }
}
