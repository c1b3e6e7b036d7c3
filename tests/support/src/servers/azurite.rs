//! Azurite: an Azure Blob server.

use std::net::SocketAddr;
use std::process::Command;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::curl::Curl;
use super::site::{PATIENCE, Site};
use crate::{Component, Port};

/// A running Azurite with a container.
#[derive(Debug)]
pub struct Azurite {
    container: AzureContainer,
    _site: Site,
    port: Port,
}

/// Where a container is, and who may use it.
#[derive(Debug, Clone)]
pub struct AzureContainer {
    /// The URL of the account, with its name as path: `http://127.0.0.1:<port>/<account>`.
    pub endpoint: String,
    /// The account.
    pub account: String,
    /// The account's key, in base64.
    pub key: String,
    /// The container.
    pub container: String,
}

impl Azurite {
    /// Starts a server and makes the container.
    ///
    /// # Errors
    /// It cannot be started, or is not ready in time; the message has the end of its log.
    pub fn start() -> Result<Option<Self>> {
        let Some(program) = Component::require("azurite") else { return Ok(None) };
        let mut site = Site::new("azurite")?;
        let port = Port::claim()?;
        let account = "entrepot".to_owned();
        let container = AzureContainer {
            endpoint: format!("http://{}/{account}", port.address()),
            key: BASE64_STANDARD.encode("a key that is good only for tests"),
            container: "entrepot".to_owned(),
            account,
        };
        let mut command = Command::new(program);
        command.args(["--blobHost", "127.0.0.1", "--blobPort", &port.number().to_string(), "--location", "."]);
        command.args(["--silent", "--skipApiVersionCheck", "--disableTelemetry"]);
        command.env("AZURITE_ACCOUNTS", format!("{}:{}", container.account, container.key));
        let azurite = site.start("azurite", &mut command)?;
        let (curl, url) = (Curl::new()?, container.signed_url("", "restype=container&")?);
        azurite.wait_until(PATIENCE, |_| curl.expect("PUT", &url, Some(b"")).is_ok()).context("azurite")?;
        Ok(Some(Self { container, _site: site, port }))
    }

    /// Its container.
    pub fn container(&self) -> &AzureContainer {
        &self.container
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }
}

impl AzureContainer {
    /// The URL of an object, or of the container, with a signature that permits everything for years (an account SAS).
    /// `query` ends with `&` if there is one.
    fn signed_url(&self, key: &str, query: &str) -> Result<String> {
        let (permissions, kinds, until, version) = ("rwdlac", "co", "2099-01-01T00:00:00Z", "2018-11-09");
        // Start, addresses and protocols are left open.
        let text = format!("{}\n{permissions}\nb\n{kinds}\n\n{until}\n\n\n{version}\n", self.account);
        let mut mac = Hmac::<Sha256>::new_from_slice(&BASE64_STANDARD.decode(&self.key)?)?;
        mac.update(text.as_bytes());
        let signature = BASE64_STANDARD.encode(mac.finalize().into_bytes());
        let signature = signature.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
        let place = format!("{}/{}{}{key}", self.endpoint, self.container, if key.is_empty() { "" } else { "/" });
        Ok(format!("{place}?{query}sv={version}&ss=b&srt={kinds}&sp={permissions}&se={until}&sig={signature}"))
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn keeps_objects_and_leaves_nothing() -> Result<()> {
        let Some(server) = Azurite::start()? else { return Ok(()) };
        let curl = Curl::new()?;
        let url = server.container().signed_url("some/object", "")?;
        let put = curl.clone().with(["--header", "x-ms-blob-type: BlockBlob"]);
        put.expect("PUT", &url, Some(b"what was put"))?;
        assert_eq!(curl.expect("GET", &url, None)?.body, b"what was put");
        curl.expect("DELETE", &url, None)?;
        assert_eq!(curl.send("GET", &url, None)?.status, 404);
        let stranger = AzureContainer { key: BASE64_STANDARD.encode("another"), ..server.container().clone() };
        assert_eq!(curl.send("GET", &stranger.signed_url("some/object", "")?, None)?.status, 403);
        let (address, directory) = (server.address(), server._site.path().to_owned());
        drop(server);
        assert!(TcpStream::connect(address).is_err(), "it still listens");
        assert!(!directory.exists());
        Ok(())
    }
}
