//! A certificate authority, and a certificate of a server on loopback.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use entrepot_test_support::TlsFiles;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use tempfile::TempDir;

/// An authority with its files.
pub(crate) struct Authority {
    directory: TempDir,
}

impl Authority {
    pub(crate) fn new() -> Result<Self> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name.push(DnType::CommonName, "acme test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        let this = Self { directory: tempfile::tempdir()? };
        fs::write(this.ca_file(), certificate.pem())?;
        let issuer = Issuer::new(params, key);

        let key = KeyPair::generate()?;
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned(), "localhost".to_owned()])?;
        let server = this.server();
        fs::write(server.cert, params.signed_by(&key, &issuer)?.pem())?;
        fs::write(server.key, key.serialize_pem())?;
        Ok(this)
    }

    /// Its own certificate.
    pub(crate) fn ca_file(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    /// The certificate of a server at 127.0.0.1, and its key.
    pub(crate) fn server(&self) -> TlsFiles {
        TlsFiles { cert: self.directory.path().join("server.pem"), key: self.directory.path().join("key.pem") }
    }
}
