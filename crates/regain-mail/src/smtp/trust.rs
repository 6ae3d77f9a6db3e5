//! Which relays are believed to be who they say.

use lettre::transport::smtp::client::{Certificate, CertificateStore, TlsParameters};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};

use super::{SmtpSettings, SmtpSettingsError};

pub(super) fn tls_parameters(settings: &SmtpSettings) -> Result<TlsParameters, SmtpSettingsError> {
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
