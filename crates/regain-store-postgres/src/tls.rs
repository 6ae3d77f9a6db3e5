//! TLS to the database, as `sslmode` says.

use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::connecting::Tls;
use crate::options::OptionsError;

/// Makes what connects with TLS. With `verify`, the server's certificate must be for the host that
/// is asked and come from an authority of `roots`, else of the public ones.
pub(crate) fn connector(verify: bool, roots: Option<&Path>) -> Result<Tls, OptionsError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| OptionsError::new("sslmode", error.to_string()))?;
    let config = if verify {
        builder
            .with_root_certificates(authorities(roots)?)
            .with_no_client_auth()
    } else {
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Unverified(provider)))
            .with_no_client_auth()
    };
    Ok(Tls(MakeRustlsConnect::new(config)))
}

fn authorities(roots: Option<&Path>) -> Result<RootCertStore, OptionsError> {
    let mut store = RootCertStore::empty();
    let Some(path) = roots else {
        store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        return Ok(store);
    };
    let refused =
        |reason: String| OptionsError::new("sslrootcert", format!("{} {reason}", path.display()));
    let certificates = CertificateDer::pem_file_iter(path)
        .map_err(|error| refused(format!("cannot be read: {error}")))?;
    for certificate in certificates {
        certificate
            .map_err(|error| error.to_string())
            .and_then(|certificate| store.add(certificate).map_err(|error| error.to_string()))
            .map_err(|error| refused(format!("holds no certificate: {error}")))?;
    }
    if store.is_empty() {
        return Err(refused("holds no certificate".to_owned()));
    }
    Ok(store)
}

/// Takes every certificate, as PostgreSQL's own clients do with `sslmode=require`: it keeps out
/// who listens, not who stands in between.
#[derive(Debug)]
struct Unverified(Arc<CryptoProvider>);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
