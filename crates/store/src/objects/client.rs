//! The HTTP client for the object store, made once.

use std::fs;
use std::path::Path;
use std::time::Duration;

use reqwest::{Certificate, Client};

use super::failure::explained;
use crate::error::{Context, Error};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Shorter than the time after which common stores close a connection, so that a request seldom meets one that is just
/// being closed.
const KEEP_IDLE: Duration = Duration::from_secs(20);

/// A client that trusts the system's certificates and those in `ca_file`. Proxies come from the environment
/// (`HTTPS_PROXY`, `NO_PROXY`).
///
/// The roots are given explicitly: left to itself, the library refuses to start on a machine without any (an empty
/// container image), even if the store is reached over plain HTTP.
pub(crate) fn client(ca_file: Option<&Path>, encrypted: bool) -> Result<Client, Error> {
    let mut roots = Vec::new();
    for certificate in rustls_native_certs::load_native_certs().certs {
        // One that is not understood would not have matched anyway.
        roots.extend(Certificate::from_der(&certificate));
    }
    if let Some(path) = ca_file {
        let pem = fs::read(path).context("read the certificates in", path)?;
        let own = Certificate::from_pem_bundle(&pem).map_err(|error| unusable(path, &error.to_string()))?;
        if own.is_empty() {
            return Err(unusable(path, "there is no PEM certificate in it"));
        }
        roots.extend(own);
    }
    if encrypted && roots.is_empty() {
        return Err(unusable(
            Path::new("the system's certificates"),
            "there are none, so no object store can be trusted; install ca-certificates, or name a file of certificates",
        ));
    }
    let client = Client::builder()
        .user_agent(concat!("entrepot/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(KEEP_IDLE)
        .tls_certs_only(roots)
        .build();
    client.map_err(|error| Error::Io(explained("make", "the HTTP client", error.without_url().to_string())))
}

fn unusable(path: &Path, why: &str) -> Error {
    Error::Io(explained("use", &path.display().to_string(), why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_that_are_none_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ca.pem");
        assert!(matches!(client(Some(&path), true), Err(Error::Missing(_))));
        for content in ["", "no certificate"] {
            fs::write(&path, content).unwrap();
            let error = client(Some(&path), false).unwrap_err();
            assert!(error.to_string().contains("ca.pem"), "{error}");
        }
        client(None, false).unwrap();
    }
}
