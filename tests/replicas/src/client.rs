//! A client of one address.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use entrepot_test_harness::content::{image, noise, sha256};
use entrepot_test_harness::{Answer, Connection, Request, get, head, patch, post, put};
use serde_json::Value;

/// How often docker tries a layer.
const ATTEMPTS: u32 = 5;
/// How long is waited before a layer is tried again: docker waits five seconds for each attempt so far, which is more than a
/// test has.
const PAUSE: Duration = Duration::from_millis(300);

/// Talks to a replica, or to the proxy in front of several.
#[derive(Debug)]
pub struct Client {
    address: SocketAddr,
    again: AtomicU32,
}

/// An image that was acknowledged.
#[derive(Clone, Debug)]
pub struct Pushed {
    /// Where it is.
    pub repository: String,
    /// Its tag.
    pub tag: String,
    /// The digest of its manifest.
    pub digest: String,
    /// The digests of its configuration and its layer.
    pub blobs: Vec<String>,
}

impl Client {
    /// Of whoever listens there.
    pub fn new(address: SocketAddr) -> Self {
        Self { address, again: AtomicU32::new(0) }
    }

    /// How many blobs had to be tried again so far.
    pub fn again(&self) -> u32 {
        self.again.load(Ordering::Relaxed)
    }

    /// Asks on a connection of its own.
    ///
    /// # Errors
    /// There is no answer.
    pub fn ask(&self, request: &Request) -> Result<Answer> {
        let mut connection = Connection::open(self.address)?;
        connection.ask(request, "Connection: close\r\n")?;
        connection.answer(request.method())
    }

    /// Pushes an image whose content follows from `seed`, with a layer of `bytes` bytes: each blob is tried up to five times, the
    /// manifest once, as docker does it.
    ///
    /// # Errors
    /// It is not taken.
    pub fn push(&self, repository: &str, tag: &str, seed: u64, bytes: usize) -> Result<Pushed> {
        let layer = noise(seed, bytes);
        let config = format!("{{\"architecture\":\"amd64\",\"os\":\"linux\",\"author\":\"{seed}\"}}").into_bytes();
        let mut blobs = Vec::new();
        for blob in [&layer, &config] {
            blobs.push(self.push_blob(repository, blob)?);
        }
        let digest = self.push_manifest(repository, tag, &image(&config, &[&layer]))?;
        Ok(Pushed { repository: repository.to_owned(), tag: tag.to_owned(), digest, blobs })
    }

    /// Pushes a blob as docker does, and returns its digest.
    ///
    /// # Errors
    /// It was not taken at the fifth attempt.
    pub fn push_blob(&self, repository: &str, bytes: &[u8]) -> Result<String> {
        let digest = sha256(bytes);
        let mut attempt = 1;
        loop {
            match self.try_blob(repository, &digest, bytes) {
                Ok(()) => return Ok(digest),
                Err(error) if attempt == ATTEMPTS => return Err(error),
                Err(_) => {
                    self.again.fetch_add(1, Ordering::Relaxed);
                    thread::sleep(PAUSE * attempt);
                    attempt += 1;
                }
            }
        }
    }

    fn try_blob(&self, repository: &str, digest: &str, bytes: &[u8]) -> Result<()> {
        if self.ask(&head(format!("/v2/{repository}/blobs/{digest}")))?.status == 200 {
            return Ok(());
        }
        let begun = self.ask(&post(format!("/v2/{repository}/blobs/uploads/")))?.expect(202)?;
        let sent = self.ask(&patch(begun.required("location")?).body(bytes))?.expect(202)?;
        let location = sent.required("location")?;
        let joint = if location.contains('?') { '&' } else { '?' };
        self.ask(&put(format!("{location}{joint}digest={digest}")))?.expect(201).map(drop)
    }

    /// Pushes a manifest, once, and returns its digest.
    ///
    /// # Errors
    /// It is not taken.
    pub fn push_manifest(&self, repository: &str, reference: &str, manifest: &Value) -> Result<String> {
        let media_type = manifest["mediaType"].as_str().context("a manifest without mediaType")?;
        let content = manifest.to_string();
        let request = put(format!("/v2/{repository}/manifests/{reference}")).header("Content-Type", media_type);
        self.ask(&request.body(content.clone()))?.expect(201)?;
        Ok(sha256(content))
    }

    /// Pulls an image by its tag, everything once, and checks each byte.
    ///
    /// # Errors
    /// Something is not given, or is not what was pushed.
    pub fn pull(&self, pushed: &Pushed) -> Result<()> {
        let Pushed { repository, tag, digest, blobs } = pushed;
        let manifest = self.ask(&get(format!("/v2/{repository}/manifests/{tag}")))?.expect(200)?;
        ensure!(sha256(&manifest.body) == *digest, "{repository}:{tag} is {}, not {digest}", sha256(&manifest.body));
        for blob in blobs {
            let answer = self.ask(&get(format!("/v2/{repository}/blobs/{blob}")))?.expect(200)?;
            ensure!(sha256(&answer.body) == *blob, "{blob} hashes to {}", sha256(&answer.body));
        }
        Ok(())
    }
}
