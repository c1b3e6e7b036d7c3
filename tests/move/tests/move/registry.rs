//! A registry whose database changes.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use entrepot_test_harness::content::{image, sha256};
use entrepot_test_harness::{Answer, Connection, Request, get, post, put};
use entrepot_test_support::{Entrepot, Start, entrepot_binary};
use tempfile::TempDir;

/// A data directory, and now and then a server over it.
pub(crate) struct Registry {
    // Before the directory goes.
    server: Option<Entrepot>,
    directory: TempDir,
}

impl Registry {
    /// An empty one that is not running.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self { server: None, directory: tempfile::Builder::new().prefix("entrepot-move-").tempdir()? })
    }

    /// Starts a server over SQLite, or over the PostgreSQL database at `url`.
    pub(crate) fn start(&mut self, url: Option<&str>) -> Result<()> {
        let url: Vec<_> = url.into_iter().map(|url| ("ENTREPOT_DATABASE_URL", url)).collect();
        self.start_with(&url)
    }

    /// Starts a server with these settings.
    pub(crate) fn start_with(&mut self, settings: &[(&str, &str)]) -> Result<()> {
        let start = Start { binary: &entrepot_binary()?, directory: self.path(), settings, tls: None };
        self.server = Some(Entrepot::start(&start)?);
        Ok(())
    }

    /// Ends the server.
    pub(crate) fn stop(&mut self) {
        self.server = None;
    }

    /// A directory for whatever the test needs.
    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    /// The file of the SQLite database.
    pub(crate) fn file(&self) -> PathBuf {
        self.data().join("entrepot.db")
    }

    /// Where it listens.
    pub(crate) fn client(&self) -> Result<Client> {
        let address = self.server.as_ref().context("it is not running")?.address();
        Ok(Client(address))
    }
}

/// A client of it.
#[derive(Clone, Copy)]
pub(crate) struct Client(std::net::SocketAddr);

impl Client {
    /// Asks on a connection of its own.
    pub(crate) fn ask(self, request: &Request) -> Result<Answer> {
        let mut connection = Connection::open(self.0)?;
        connection.ask(request, "Connection: close\r\n")?;
        // No answer here is one to HEAD.
        connection.answer("GET")
    }

    /// Pushes an image with one layer, and gives the bytes of its manifest.
    pub(crate) fn push(self, repository: &str, tag: &str, layer: &[u8]) -> Result<String> {
        for blob in [b"{}".as_slice(), layer] {
            let request = post(format!("/v2/{repository}/blobs/uploads/?digest={}", sha256(blob))).body(blob);
            self.ask(&request)?.expect(201)?;
        }
        let manifest = image(b"{}", &[layer]);
        let media_type = manifest["mediaType"].as_str().context("a media type")?.to_owned();
        let request = put(format!("/v2/{repository}/manifests/{tag}")).header("Content-Type", &media_type);
        self.ask(&request.body(manifest.to_string()))?.expect(201)?;
        Ok(manifest.to_string())
    }

    /// Pulls an image with one layer and compares both.
    pub(crate) fn expect(self, repository: &str, tag: &str, manifest: &str, layer: &[u8]) -> Result<()> {
        let found = self.ask(&get(format!("/v2/{repository}/manifests/{tag}")))?.expect(200)?;
        anyhow::ensure!(found.text() == manifest, "{repository}:{tag} has other bytes");
        let found = self.ask(&get(format!("/v2/{repository}/blobs/{}", sha256(layer))))?.expect(200)?;
        anyhow::ensure!(found.body == layer, "the layer of {repository}:{tag} has other bytes");
        Ok(())
    }
}
