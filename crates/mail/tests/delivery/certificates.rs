//! An authority, and what it signs.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use entrepot_test_support::TlsFiles;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use tempfile::TempDir;

/// Files for a server and for who trusts it.
pub(crate) struct Certificates {
    /// The authority's certificate.
    pub(crate) ca: PathBuf,
    /// The server's.
    pub(crate) server: TlsFiles,
    _directory: TempDir,
}

impl Certificates {
    /// A certificate for `host`, signed by an authority of its own.
    pub(crate) fn of(host: &str) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let mut authority = CertificateParams::new(Vec::new())?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        authority.distinguished_name.push(DnType::CommonName, "entrepot tests");
        let authority_key = KeyPair::generate()?;
        let authority_cert = authority.self_signed(&authority_key)?;
        let issuer = Issuer::new(authority, authority_key);
        let key = KeyPair::generate()?;
        let cert = CertificateParams::new([host.to_owned()])?.signed_by(&key, &issuer)?;
        let place = |name: &str| directory.path().join(name);
        let server = TlsFiles { cert: place("server.pem"), key: place("server.key") };
        fs::write(place("ca.pem"), authority_cert.pem())?;
        fs::write(&server.cert, cert.pem())?;
        fs::write(&server.key, key.serialize_pem())?;
        Ok(Self { ca: place("ca.pem"), server, _directory: directory })
    }
}
