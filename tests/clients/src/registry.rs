//! The registry under test, and plain requests to it that no client's cleverness hides.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{env, fs};

use anyhow::{Context as _, Result};
use entrepot_test_support::{Entrepot, Replicas, Start, TlsFiles, entrepot_binary, skip};
use serde_json::Value;
use tempfile::TempDir;

use crate::blob::{Blob, sha256};
use crate::tool::Tool;

/// How clients reach the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Plain HTTP.
    Http,
    /// HTTPS with a certificate that an authority made for the test has signed.
    Tls,
    /// Plain HTTP to nginx in front of three replicas, over PostgreSQL and an S3 server, which all tests share.
    Replicas,
}

/// What answers, held for its end.
#[derive(Debug)]
enum Server {
    Own { _process: Entrepot },
    Shared { _replicas: Arc<Replicas> },
    Foreign,
}

/// A registry for one test, with a directory that clients may use.
#[derive(Debug)]
pub struct Registry {
    /// `127.0.0.1:PORT`
    pub host: String,
    /// The authority's certificate, for HTTPS.
    pub authority: Option<PathBuf>,
    curl: Tool,
    // Dropped in this order: the server ends before its directory goes.
    server: Server,
    directory: TempDir,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The content.
    pub body: Vec<u8>,
    headers: String,
}

impl Answer {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The content as JSON.
    ///
    /// # Errors
    /// It is not JSON.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body).with_context(|| String::from_utf8_lossy(&self.body).into_owned())
    }
}

impl Registry {
    /// Starts one; `None` if something is not installed.
    ///
    /// `ENTREPOT_TEST_REGISTRY` (over HTTP), `ENTREPOT_TEST_REGISTRY_TLS` and `ENTREPOT_TEST_REGISTRY_CA` (the two for
    /// HTTPS) name another registry to hold the tests themselves against; what only Entrepot promises is then not asked.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(transport: Transport) -> Result<Option<Self>> {
        let foreign = |name: &str| env::var(name).ok();
        let (host, authority, server) = match (transport, foreign("ENTREPOT_TEST_REGISTRY")) {
            (Transport::Http, Some(host)) => (host, None, Server::Foreign),
            (Transport::Replicas, Some(_)) => {
                skip("another registry is not replicas of this one");
                return Ok(None);
            }
            (Transport::Tls, Some(_)) => {
                let (Some(host), Some(authority)) =
                    (foreign("ENTREPOT_TEST_REGISTRY_TLS"), foreign("ENTREPOT_TEST_REGISTRY_CA"))
                else {
                    skip("ENTREPOT_TEST_REGISTRY_TLS and ENTREPOT_TEST_REGISTRY_CA do not name a registry");
                    return Ok(None);
                };
                (host, Some(PathBuf::from(authority)), Server::Foreign)
            }
            (Transport::Replicas, None) => {
                let Some(replicas) = Replicas::shared()? else { return Ok(None) };
                (replicas.address().to_string(), None, Server::Shared { _replicas: replicas })
            }
            (Transport::Http | Transport::Tls, None) => return Self::own(transport == Transport::Tls, &[]),
        };
        let Some((directory, curl)) = prepare()? else { return Ok(None) };
        Ok(Some(Self::at(host, authority, curl, server, directory)))
    }

    /// Starts one over TLS at which nobody may do anything who has not logged in; `None` if something is not installed.
    ///
    /// # Errors
    /// It does not start.
    pub fn guarded() -> Result<Option<Self>> {
        Self::own(true, &[("ENTREPOT_ACCESS_ANONYMOUS", "none")])
    }

    /// Starts one over HTTP that takes away at once what nothing needs, and has no trash; `None` if something is not installed.
    ///
    /// # Errors
    /// It does not start.
    pub fn collecting() -> Result<Option<Self>> {
        let now = [("ENTREPOT_GC_GRACE", "1s"), ("ENTREPOT_GC_INTERVAL", "1s"), ("ENTREPOT_GC_TRASH_FOR", "0s")];
        Self::own(false, &now)
    }

    /// Starts one of ours, with a process of its own.
    fn own(over_tls: bool, settings: &[(&str, &str)]) -> Result<Option<Self>> {
        let Some((directory, curl)) = prepare()? else { return Ok(None) };
        let tls = over_tls.then(|| certificates(directory.path())).transpose()?;
        let process = Entrepot::start(&Start {
            binary: &entrepot_binary()?,
            directory: directory.path(),
            settings,
            tls: tls.as_ref().map(|(_, files)| files),
        })?;
        let host = process.address().to_string();
        Ok(Some(Self::at(
            host,
            tls.map(|(authority, _)| authority),
            curl,
            Server::Own { _process: process },
            directory,
        )))
    }

    fn at(host: String, authority: Option<PathBuf>, curl: Tool, server: Server, directory: TempDir) -> Self {
        let curl = match &authority {
            Some(authority) => curl.with_arguments(["--cacert".as_ref(), authority.as_os_str()]),
            None => curl,
        };
        Self { host, authority, curl, server, directory }
    }

    /// Lets the plain requests be somebody's.
    #[must_use]
    pub fn asking_as(mut self, username: &str, password: &str) -> Self {
        self.curl = self.curl.with_arguments(["--user", &format!("{username}:{password}")]);
        self
    }

    /// What the token service gives for a form.
    ///
    /// # Errors
    /// There is no answer, or it is not JSON.
    pub fn token(&self, form: &[(&str, &str)]) -> Result<Value> {
        let scheme = if self.authority.is_some() { "https" } else { "http" };
        let fields = form.iter().flat_map(|(name, value)| ["--data-urlencode".to_owned(), format!("{name}={value}")]);
        let answer = self.curl.run(fields.chain([format!("{scheme}://{}/token", self.host)]))?;
        serde_json::from_str(&answer).with_context(|| answer.clone())
    }

    /// The server's data directory, if it is one of ours.
    pub fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// The directory of the authority's certificate, as podman, buildah and skopeo want it.
    pub fn authority_directory(&self) -> Option<&Path> {
        self.authority.as_deref().and_then(Path::parent)
    }

    /// A directory that lives as long as the registry.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Whether it is Entrepot, and not another registry that the tests are held against.
    pub fn is_entrepot(&self) -> bool {
        !matches!(self.server, Server::Foreign)
    }

    /// A repository name of this test run: another registry keeps what earlier runs left.
    pub fn repository(&self, name: &str) -> String {
        let run =
            self.directory.path().file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
        format!("acme/{run}/{name}")
    }

    /// Makes a request; `path` begins with `/v2/`.
    ///
    /// # Errors
    /// There is no answer.
    pub fn request(&self, method: &str, path: &str) -> Result<Answer> {
        let scheme = if self.authority.is_some() { "https" } else { "http" };
        let (headers, body) = (self.directory.path().join("headers"), self.directory.path().join("body"));
        fs::write(&body, b"")?;
        let status = self.curl.run([
            "--request".as_ref(),
            method.as_ref(),
            "--header".as_ref(),
            // Everything that is a manifest somewhere, so that no registry translates one for us.
            "Accept: application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
             application/vnd.docker.distribution.manifest.v2+json, \
             application/vnd.docker.distribution.manifest.list.v2+json, */*"
                .as_ref(),
            "--dump-header".as_ref(),
            headers.as_os_str(),
            "--output".as_ref(),
            body.as_os_str(),
            "--write-out".as_ref(),
            "%{http_code}".as_ref(),
            format!("{scheme}://{}{path}", self.host).as_ref(),
        ])?;
        Ok(Answer { status: status.trim().parse()?, headers: fs::read_to_string(&headers)?, body: fs::read(&body)? })
    }

    /// Pushes a blob in one request.
    ///
    /// # Errors
    /// It is not taken.
    pub fn push_blob(&self, repository: &str, bytes: &[u8]) -> Result<()> {
        let content = self.directory.path().join("content");
        fs::write(&content, bytes)?;
        let scheme = if self.authority.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}/v2/{repository}/blobs/uploads/?digest={}", self.host, sha256(bytes));
        let data = format!("@{}", content.display());
        let binary = "Content-Type: application/octet-stream";
        self.curl.run(["--fail", "--data-binary", &data, "--header", binary, &url]).map(|_| ())
    }

    /// Gets what must be there.
    ///
    /// # Errors
    /// The answer is not 200.
    pub fn get(&self, path: &str) -> Result<Answer> {
        let answer = self.request("GET", path)?;
        anyhow::ensure!(
            answer.status == 200,
            "GET {path}: {} {}",
            answer.status,
            String::from_utf8_lossy(&answer.body)
        );
        Ok(answer)
    }

    /// Checks that a manifest is there, byte for byte, with its type and digest.
    ///
    /// # Errors
    /// It is missing or different.
    pub fn expect_manifest(&self, repository: &str, reference: &str, manifest: &Blob) -> Result<()> {
        let answer = self.get(&format!("/v2/{repository}/manifests/{reference}"))?;
        anyhow::ensure!(answer.body == manifest.bytes, "{repository}:{reference} has other bytes");
        anyhow::ensure!(answer.header("content-type") == Some(manifest.media_type), "{reference}: {}", answer.headers);
        let digest = answer.header("docker-content-digest");
        anyhow::ensure!(digest == Some(&manifest.digest), "{reference}: {}", answer.headers);
        Ok(())
    }

    /// Checks a manifest that a client made, and all that it names: everything is there, hashes to its digest and has
    /// its size. Returns the manifest's digest and the manifest.
    ///
    /// # Errors
    /// Something is missing or does not fit.
    pub fn expect_complete(&self, repository: &str, reference: &str) -> Result<(String, Value)> {
        let answer = self.get(&format!("/v2/{repository}/manifests/{reference}"))?;
        let digest = sha256(&answer.body);
        let said = answer.header("docker-content-digest").context("no Docker-Content-Digest")?;
        anyhow::ensure!(said == digest, "{repository}:{reference} hashes to {digest}, and the registry says {said}");
        let manifest = answer.json()?;
        for child in manifest["manifests"].as_array().into_iter().flatten() {
            let digest = child["digest"].as_str().context("a child without digest")?;
            let (found, _) = self.expect_complete(repository, digest)?;
            anyhow::ensure!(found == digest, "{digest} hashes to {found}");
        }
        let config = manifest.get("config").into_iter();
        for descriptor in config.chain(manifest["layers"].as_array().into_iter().flatten()) {
            self.expect_blob(repository, descriptor)?;
        }
        Ok((digest, manifest))
    }

    fn expect_blob(&self, repository: &str, descriptor: &Value) -> Result<()> {
        let digest = descriptor["digest"].as_str().context("a descriptor without digest")?;
        let body = self.get(&format!("/v2/{repository}/blobs/{digest}"))?.body;
        anyhow::ensure!(sha256(&body) == digest, "blob {digest} hashes to {}", sha256(&body));
        anyhow::ensure!(descriptor["size"] == body.len(), "blob {digest} has {} bytes: {descriptor}", body.len());
        Ok(())
    }

    /// Checks that a manifest is gone.
    ///
    /// # Errors
    /// It is still there.
    pub fn expect_gone(&self, repository: &str, reference: &str) -> Result<()> {
        let answer = self.request("GET", &format!("/v2/{repository}/manifests/{reference}"))?;
        anyhow::ensure!(answer.status == 404, "{repository}:{reference}: {} instead of 404", answer.status);
        Ok(())
    }

    /// The digests of the manifests whose subject is `digest`, by the referrers API.
    ///
    /// # Errors
    /// The registry has no such API.
    pub fn referrers(&self, repository: &str, digest: &str) -> Result<Vec<String>> {
        let index = self.get(&format!("/v2/{repository}/referrers/{digest}"))?.json()?;
        let entries = index["manifests"].as_array().context("an index without manifests")?;
        Ok(entries.iter().filter_map(|entry| entry["digest"].as_str()).map(str::to_owned).collect())
    }

    /// The tags of a repository.
    ///
    /// # Errors
    /// It cannot be listed.
    pub fn tags(&self, repository: &str) -> Result<Vec<String>> {
        let list = self.get(&format!("/v2/{repository}/tags/list"))?.json()?;
        Ok(list["tags"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect())
    }
}

/// A directory for a test, and curl at home in it; `None` if that is not installed.
fn prepare() -> Result<Option<(TempDir, Tool)>> {
    // Short, because sockets of engines live in it and their paths are limited to 108 bytes.
    let directory = tempfile::Builder::new().prefix("ent").tempdir_in("/tmp")?;
    let curl = Tool::find("curl", directory.path());
    Ok(curl.map(|curl| (directory, curl.with_arguments(["--silent", "--show-error"]))))
}

/// Makes an authority and a certificate for loopback; returns the authority's certificate and the server's files.
fn certificates(directory: &Path) -> Result<(PathBuf, TlsFiles)> {
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, "acme test authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let key = KeyPair::generate()?;
    let authority = params.self_signed(&key)?;
    let issuer = Issuer::new(params, key);

    let key = KeyPair::generate()?;
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned(), "localhost".to_owned()])?;
    let certificate = params.signed_by(&key, &issuer)?;

    // podman, buildah and skopeo take a directory and read every *.crt in it as an authority.
    let place = directory.join("authority");
    fs::create_dir(&place)?;
    let trusted = place.join("ca.crt");
    let files = TlsFiles { cert: directory.join("server.crt"), key: directory.join("server.key") };
    fs::write(&trusted, authority.pem())?;
    fs::write(&files.cert, certificate.pem())?;
    fs::write(&files.key, key.serialize_pem())?;
    Ok((trusted, files))
}
