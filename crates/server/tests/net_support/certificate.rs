//! Self-signed certificates in files.

use std::fs;
use std::path::{Path, PathBuf};

use entrepot_server::net::TlsReloader;
use rustls_pki_types::CertificateDer;
use tempfile::TempDir;

/// A certificate for one name, and its key, in a directory of their own.
pub(crate) struct Certificate {
    directory: TempDir,
    name: String,
    der: CertificateDer<'static>,
}

impl Certificate {
    pub(crate) fn new(name: &str) -> Self {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let this = Self { directory, name: name.to_owned(), der: made.cert.der().clone() };
        fs::write(this.certificate(), made.cert.pem()).unwrap();
        fs::write(this.key(), made.signing_key.serialize_pem()).unwrap();
        this
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn der(&self) -> CertificateDer<'static> {
        self.der.clone()
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.directory().join("certificate.pem")
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.directory().join("key.pem")
    }

    pub(crate) fn reloader(&self) -> TlsReloader {
        TlsReloader::open(&self.certificate(), &self.key()).unwrap()
    }

    /// Puts this certificate where `other` has its own.
    pub(crate) fn copy_certificate_over(&self, other: &Self) {
        fs::copy(self.certificate(), other.certificate()).unwrap();
    }

    /// Puts this key where `other` has its own.
    pub(crate) fn copy_key_over(&self, other: &Self) {
        fs::copy(self.key(), other.key()).unwrap();
    }

    /// Leaves half of the certificate file.
    pub(crate) fn spoil(&self) {
        let text = fs::read(self.certificate()).unwrap();
        fs::write(self.certificate(), &text[..text.len() / 2]).unwrap();
    }
}
