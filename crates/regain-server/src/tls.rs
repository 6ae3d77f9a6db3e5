//! TLS of the engine's own listeners: a certificate that can be replaced while they serve.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use regain_types::Timestamp;
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// What a peer may ask for; HTTP/2 first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];
/// How long a peer may take until it speaks HTTP (H-02).
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// What everybody else may do with the file of a key, and what the group may write.
const FOREIGN_ACCESS: u32 = 0o027;
/// Later than any certificate ends: who asks what is valid then learns when it ends.
const DOOMSDAY: Duration = Duration::from_secs(253_402_300_799);

/// Why a certificate cannot be used; the rest of a sentence that begins with the path.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file of the certificate cannot be read.
    #[error("cannot be read: {0}")]
    CertificateUnreadable(io::Error),
    /// There is none in it.
    #[error("holds no certificate: it must be PEM, the server's own certificate first")]
    NoCertificate,
    /// Its end has passed.
    #[error("ended on {0}: renew it")]
    Expired(Timestamp),
    /// Its begin has not come.
    #[error("is not valid yet: is this machine's clock right?")]
    NotYetValid,
    /// The file of the key cannot be read.
    #[error("cannot be read: {0}")]
    KeyUnreadable(io::Error),
    /// Others could have read it.
    #[error(
        "can be read or written by other users (mode {0:04o}): run chmod 600, and renew the certificate with a new key if somebody else may have read it"
    )]
    KeyExposed(u32),
    /// There is none in it.
    #[error("holds no private key: it must be PEM, without a passphrase")]
    NoKey,
    /// It is of a kind that cannot sign here.
    #[error(
        "holds a key that cannot be used: make it RSA with 2048 bits at least, ECDSA P-256 or P-384, or Ed25519"
    )]
    KeyUnusable,
    /// It is another certificate's.
    #[error("is not the key of that certificate: give the pair that was made together")]
    Mismatch,
}

impl TlsError {
    /// Whether the key's file is to be looked at, and not the certificate's.
    #[must_use]
    pub const fn is_about_key(&self) -> bool {
        match self {
            Self::CertificateUnreadable(_)
            | Self::NoCertificate
            | Self::Expired(_)
            | Self::NotYetValid => false,
            Self::KeyUnreadable(_)
            | Self::KeyExposed(_)
            | Self::NoKey
            | Self::KeyUnusable
            | Self::Mismatch => true,
        }
    }
}

/// A certificate, its key, and the files that they came from.
#[derive(Debug)]
pub struct ServerTls {
    certificate: PathBuf,
    key: PathBuf,
    current: Arc<Current>,
    seen: Mutex<Stamps>,
    acceptor: Acceptor,
}

#[derive(Clone)]
struct Acceptor(TlsAcceptor);

impl std::fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Acceptor")
    }
}

/// What handshakes use from now on.
#[derive(Debug)]
struct Current(RwLock<Arc<Pair>>);

#[derive(Debug)]
struct Pair {
    certified: Arc<CertifiedKey>,
}

/// When each file last changed, and how long it is: enough to see that a renewal has put new ones
/// in their place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Stamps([Option<(SystemTime, u64)>; 2]);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.pair().certified))
    }
}

impl Current {
    fn pair(&self) -> Arc<Pair> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ServerTls {
    /// Reads a certificate with its chain, and its key, both PEM.
    ///
    /// # Errors
    /// [`TlsError`] when they cannot be used together. A certificate that has ended can be read:
    /// [`Self::check_dates`] finds it out.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let seen = Stamps::of(certificate, key);
        let pair = Pair::load(certificate, key)?;
        let current = Arc::new(Current(RwLock::new(Arc::new(pair))));
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|_| TlsError::KeyUnusable)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&current) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = PROTOCOLS.iter().map(|name| name.to_vec()).collect();
        Ok(Self {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            current,
            seen: Mutex::new(seen),
            acceptor: Acceptor(TlsAcceptor::from(Arc::new(config))),
        })
    }

    /// Whether the files changed since they were last read.
    #[must_use]
    pub fn has_changed(&self) -> bool {
        let stamps = Stamps::of(&self.certificate, &self.key);
        stamps != *self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the files again. Handshakes from now on use them; open connections stay.
    ///
    /// # Errors
    /// [`TlsError`] when the new ones cannot be used; the old ones stay in use then, and the same
    /// files do not count as changed any more.
    pub fn reload(&self) -> Result<(), TlsError> {
        let stamps = Stamps::of(&self.certificate, &self.key);
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = stamps;
        let pair = Arc::new(Pair::load(&self.certificate, &self.key)?);
        pair.check_dates()?;
        *self
            .current
            .0
            .write()
            .unwrap_or_else(PoisonError::into_inner) = pair;
        Ok(())
    }

    /// Whether the certificate is valid now.
    ///
    /// # Errors
    /// [`TlsError::Expired`], [`TlsError::NotYetValid`].
    pub fn check_dates(&self) -> Result<(), TlsError> {
        self.current.pair().check_dates()
    }

    /// When the certificate ends, if it says so.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        let pair = self.current.pair();
        let leaf = ParsedCertificate::try_from(pair.certified.cert.first()?).ok()?;
        end_of(&leaf)
    }

    /// Whether the certificate is for this host: a name, or an address.
    #[must_use]
    pub fn is_for(&self, host: &str) -> bool {
        let pair = self.current.pair();
        let Some(leaf) = pair.certified.cert.first() else {
            return false;
        };
        let (Ok(leaf), Ok(name)) = (
            ParsedCertificate::try_from(leaf),
            ServerName::try_from(host),
        ) else {
            return false;
        };
        verify_server_name(&leaf, &name).is_ok()
    }

    /// The file of the certificate.
    #[must_use]
    pub fn certificate(&self) -> &Path {
        &self.certificate
    }

    /// The file of the key.
    #[must_use]
    pub fn key(&self) -> &Path {
        &self.key
    }

    /// A connection that speaks TLS by now; none when the peer does not, or takes too long.
    pub(crate) async fn accept<S>(&self, stream: S) -> Option<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let accepting = self.acceptor.0.accept(stream);
        match tokio::time::timeout(HANDSHAKE_TIMEOUT, accepting).await {
            Ok(Ok(stream)) => Some(stream),
            Ok(Err(error)) => {
                tracing::debug!(%error, "a peer did not come to speak TLS");
                None
            }
            Err(_) => None,
        }
    }
}

impl Stamps {
    fn of(certificate: &Path, key: &Path) -> Self {
        Self([certificate, key].map(|path| {
            let file = fs::metadata(path).ok()?;
            Some((file.modified().ok()?, file.len()))
        }))
    }
}

impl Pair {
    fn load(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let chain = read_chain(certificate)?;
        let leaf = chain.first().ok_or(TlsError::NoCertificate)?;
        ParsedCertificate::try_from(leaf).map_err(|_| TlsError::NoCertificate)?;
        let signer = provider()
            .key_provider
            .load_private_key(read_key(key)?)
            .map_err(|_| TlsError::KeyUnusable)?;
        let certified = CertifiedKey::new(chain, signer);
        certified.keys_match().map_err(|_| TlsError::Mismatch)?;
        Ok(Self {
            certified: Arc::new(certified),
        })
    }

    /// Nobody here trusts or distrusts who signed it: that is the clients' business.
    fn check_dates(&self) -> Result<(), TlsError> {
        let leaf = self.certified.cert.first().ok_or(TlsError::NoCertificate)?;
        let leaf = ParsedCertificate::try_from(leaf).map_err(|_| TlsError::NoCertificate)?;
        match verdict(&leaf, UnixTime::now()) {
            Some(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => Err(
                TlsError::Expired(end_of(&leaf).unwrap_or(Timestamp::from_millis(0))),
            ),
            Some(CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. }) => {
                Err(TlsError::NotYetValid)
            }
            _ => Ok(()),
        }
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = fs::read(path).map_err(TlsError::CertificateUnreadable)?;
    let chain = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    chain.map_err(|_| TlsError::NoCertificate)
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let file = fs::metadata(path).map_err(TlsError::KeyUnreadable)?;
    let mode = file.permissions().mode() & 0o7777;
    if mode & FOREIGN_ACCESS != 0 {
        return Err(TlsError::KeyExposed(mode));
    }
    let pem = fs::read(path)
        .map(zeroize::Zeroizing::new)
        .map_err(TlsError::KeyUnreadable)?;
    PrivateKeyDer::from_pem_slice(&pem).map_err(|_| TlsError::NoKey)
}

fn end_of(leaf: &ParsedCertificate<'_>) -> Option<Timestamp> {
    match verdict(leaf, UnixTime::since_unix_epoch(DOOMSDAY)) {
        Some(CertificateError::ExpiredContext { not_after, .. }) => {
            let seconds = i64::try_from(not_after.as_secs()).ok()?;
            Some(Timestamp::from_millis(seconds.checked_mul(1_000)?))
        }
        _ => None,
    }
}

/// What a client that trusts nobody says: dates come before trust.
fn verdict(leaf: &ParsedCertificate<'_>, now: UnixTime) -> Option<CertificateError> {
    let algorithms = provider().signature_verification_algorithms.all;
    let nobody = RootCertStore::empty();
    match verify_server_cert_signed_by_trust_anchor(leaf, &nobody, &[], now, algorithms) {
        Err(rustls::Error::InvalidCertificate(error)) => Some(error),
        _ => None,
    }
}
