//! fake-gcs-server: Google Cloud Storage without its signatures.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::curl::Curl;
use super::site::{PATIENCE, Site};
use crate::{Component, Port};

/// A running server with a bucket. It checks no credentials, knows no multipart upload of the XML API and no batch delete.
#[derive(Debug)]
pub struct FakeGcs {
    _site: Site,
    port: Port,
}

impl FakeGcs {
    /// The name of its bucket.
    pub const BUCKET: &str = "entrepot";

    /// Starts a server and makes the bucket.
    ///
    /// # Errors
    /// It cannot be started, or is not ready in time; the message has the end of its log.
    pub fn start() -> Result<Option<Self>> {
        let Some(program) = Component::require("fake-gcs-server") else { return Ok(None) };
        let mut site = Site::new("fake-gcs")?;
        let port = Port::claim()?;
        let (data, temporary) = (site.path().join("data"), site.path().join("temporary"));
        fs::create_dir(&data)?;
        fs::create_dir(&temporary)?;
        let mut command = Command::new(program);
        let (host, number) = (port.address().to_string(), port.number().to_string());
        command.args(["-scheme", "http", "-host", "127.0.0.1", "-port", &number, "-log-level", "warn"]);
        command.args(["-public-host", &host, "-external-url", &format!("http://{host}")]);
        command.args(["-backend", "filesystem", "-filesystem-root"]).arg(&data).env("TMPDIR", temporary);
        let fake = site.start("fake-gcs", &mut command)?;
        let curl = Curl::new()?.with(["--header", "Content-Type: application/json"]);
        let (url, bucket) = (format!("http://{host}/storage/v1/b?project=tests"), Self::BUCKET);
        let request = format!(r#"{{"name":"{bucket}"}}"#);
        fake.wait_until(PATIENCE, |_| curl.expect("POST", &url, Some(request.as_bytes())).is_ok())
            .context("fake-gcs-server")?;
        Ok(Some(Self { _site: site, port }))
    }

    /// Its URL, without a path: `http://127.0.0.1:<port>`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.port.address())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn keeps_objects_and_leaves_nothing() -> Result<()> {
        let Some(server) = FakeGcs::start()? else { return Ok(()) };
        let (endpoint, bucket, curl) = (server.endpoint(), FakeGcs::BUCKET, Curl::new()?);
        let upload = format!("{endpoint}/upload/storage/v1/b/{bucket}/o?uploadType=media&name=some/object");
        let object = format!("{endpoint}/storage/v1/b/{bucket}/o/some%2Fobject");
        curl.expect("POST", &upload, Some(b"what was put"))?;
        assert_eq!(curl.expect("GET", &format!("{object}?alt=media"), None)?.body, b"what was put");
        curl.expect("DELETE", &object, None)?;
        assert_eq!(curl.send("GET", &object, None)?.status, 404);
        let (address, directory) = (server.address(), server._site.path().to_owned());
        drop(server);
        assert!(TcpStream::connect(address).is_err(), "it still listens");
        assert!(!directory.exists());
        Ok(())
    }
}
