//! The server's certificate, which may change while it runs.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{InconsistentKeys, ServerConfig};
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// A certificate chain and its private key in PEM files, used for new connections and replaced when the files change.
/// Clones share one pair.
#[derive(Clone, Debug)]
pub struct TlsReloader {
    pair: Arc<Pair>,
}

#[derive(Debug)]
struct Pair {
    certificate: PathBuf,
    key: PathBuf,
    current: ArcSwap<CertifiedKey>,
    /// What the files looked like when they were last tried, whether they were good or not.
    tried: Mutex<Option<[Stamp; 2]>>,
}

/// What tells one version of a file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

/// What looking at the files led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reloaded {
    /// New connections get a new certificate.
    Replaced,
    /// The files hold what is in use already.
    Unchanged,
}

/// Why a certificate and key cannot be used. Each reads as one sentence and names the file.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },
    /// A file is not PEM, or holds nothing of the kind that is needed.
    #[error("{path} holds no {wanted} in PEM form: {source}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        wanted: &'static str,
        /// What the parser says.
        source: pem::Error,
    },
    /// Both are fine, but not for each other.
    #[error("the private key in {key} does not belong to the certificate in {certificate}")]
    Mismatch {
        /// The certificate file.
        certificate: PathBuf,
        /// The key file.
        key: PathBuf,
    },
    /// The TLS library will not use them.
    #[error("cannot use the certificate in {certificate} with the key in {key}: {source}")]
    Unusable {
        /// The certificate file.
        certificate: PathBuf,
        /// The key file.
        key: PathBuf,
        /// The library's reason.
        source: rustls::Error,
    },
}

impl TlsReloader {
    /// Reads a certificate chain (leaf first) and its key from PEM files.
    ///
    /// # Errors
    /// See [`TlsError`].
    pub fn open(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let tried = stamps(certificate, key).ok();
        let current = ArcSwap::from_pointee(load(certificate, key)?);
        let (certificate, key) = (certificate.to_owned(), key.to_owned());
        Ok(Self { pair: Arc::new(Pair { certificate, key, current, tried: Mutex::new(tried) }) })
    }

    /// Reads the files again. New connections get the new pair; open ones keep theirs.
    ///
    /// # Errors
    /// See [`TlsError`]; the old pair stays in use then.
    pub fn reload(&self) -> Result<Reloaded, TlsError> {
        let pair = &*self.pair;
        // Taken before the files are read: a change in between is then seen by the next look.
        *pair.tried.lock() = stamps(&pair.certificate, &pair.key).ok();
        let new = load(&pair.certificate, &pair.key)?;
        if new.cert == pair.current.load().cert {
            return Ok(Reloaded::Unchanged);
        }
        pair.current.store(Arc::new(new));
        Ok(Reloaded::Replaced)
    }

    /// Reads the files again if they look different from the last time.
    ///
    /// # Errors
    /// See [`TlsError`], once for each version of the files; the old pair stays in use then.
    pub fn reload_if_changed(&self) -> Result<Reloaded, TlsError> {
        let now = stamps(&self.pair.certificate, &self.pair.key).ok();
        if now == *self.pair.tried.lock() {
            return Ok(Reloaded::Unchanged);
        }
        self.reload()
    }

    /// A rustls configuration that presents whatever pair is current.
    pub(super) fn server_config(&self) -> ServerConfig {
        let resolver: Arc<dyn ResolvesServerCert> = self.pair.clone();
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .expect("aws-lc-rs provides the cipher suites of TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config
    }
}

impl ResolvesServerCert for Pair {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

fn stamps(certificate: &Path, key: &Path) -> io::Result<[Stamp; 2]> {
    let stamp = |path| {
        // Links are followed, as orchestrators replace mounted secrets by turning a link.
        fs::metadata(path).map(|file| Stamp {
            device: file.dev(),
            inode: file.ino(),
            size: file.size(),
            modified: (file.mtime(), file.mtime_nsec()),
        })
    };
    Ok([stamp(certificate)?, stamp(key)?])
}

fn load(certificate: &Path, key: &Path) -> Result<CertifiedKey, TlsError> {
    let chain = read(certificate, "certificate", |text| {
        let chain = CertificateDer::pem_slice_iter(text).collect::<Result<Vec<_>, _>>()?;
        if chain.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(chain) }
    })?;
    let private = read(key, "private key", PrivateKeyDer::from_pem_slice)?;
    CertifiedKey::from_der(chain, private, &default_provider()).map_err(|source| {
        let (certificate, key) = (certificate.to_owned(), key.to_owned());
        match source {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => TlsError::Mismatch { certificate, key },
            source => TlsError::Unusable { certificate, key, source },
        }
    })
}

fn read<T>(
    path: &Path,
    wanted: &'static str,
    parse: impl FnOnce(&[u8]) -> Result<T, pem::Error>,
) -> Result<T, TlsError> {
    let text = fs::read(path).map_err(|source| TlsError::Unreadable { path: path.to_owned(), source })?;
    parse(&text).map_err(|source| TlsError::Malformed { path: path.to_owned(), wanted, source })
}
