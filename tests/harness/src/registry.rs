//! A registry of a test's own.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use entrepot_test_support::{Entrepot, Start, entrepot_binary};
use nix::sys::signal::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::content::sha256;
use crate::over::Ground;
use crate::{Answer, Connection, Request, get, post, put};

/// How long a server may take to end.
const PATIENCE: Duration = Duration::from_secs(40);

/// A running `entrepot serve` with a directory of its own; both end when it is dropped.
#[derive(Debug)]
pub struct Registry {
    // Dropped in this order: the server ends before its directory goes.
    server: Option<Entrepot>,
    listen: SocketAddr,
    directory: TempDir,
    ground: Ground,
    binary: PathBuf,
    settings: Vec<(String, String)>,
}

impl Registry {
    /// One as it comes.
    ///
    /// # Errors
    /// It does not start.
    pub fn start() -> Result<Self> {
        Self::with(&[])
    }

    /// One with settings, as environment variables.
    ///
    /// # Errors
    /// It does not start.
    pub fn with(settings: &[(&str, &str)]) -> Result<Self> {
        Self::of(&entrepot_binary()?, settings, directory()?)
    }

    /// One that listens where it was known before, so that its settings can say so.
    ///
    /// # Errors
    /// It does not start.
    pub fn at(listen: SocketAddr, settings: &[(&str, &str)]) -> Result<Self> {
        Self::begun(listen, &entrepot_binary()?, settings, directory()?)
    }

    /// One of another program, in a directory that was prepared; data goes to `data` in it, or where
    /// [`Over::chosen`](crate::Over::chosen) says.
    ///
    /// # Errors
    /// It does not start.
    pub fn of(binary: &Path, settings: &[(&str, &str)], directory: TempDir) -> Result<Self> {
        Self::begun(SocketAddr::from(([127, 0, 0, 1], 0)), binary, settings, directory)
    }

    fn begun(listen: SocketAddr, binary: &Path, settings: &[(&str, &str)], directory: TempDir) -> Result<Self> {
        let given = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let ground = Ground::new()?;
        let settings = ground.settings().into_iter().chain(given).collect();
        let mut registry = Self { server: None, listen, directory, ground, binary: binary.to_owned(), settings };
        registry.begin()?;
        Ok(registry)
    }

    fn begin(&mut self) -> Result<()> {
        let settings: Vec<_> = self.settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let start = Start { binary: &self.binary, directory: self.directory.path(), settings: &settings, tls: None };
        self.server = Some(Entrepot::start_at(self.listen, &start)?);
        Ok(())
    }

    /// A command of the same program over the same data and settings, such as `user create ann`.
    pub fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(&self.binary);
        // What is set for the tests themselves is no setting of the registry.
        command.env_clear().args(arguments.split(' ')).arg("--data-dir").arg(self.data());
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Its data directory.
    pub fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// How many files or objects it has that are no part of a blob: of uploads that go on, or forgotten.
    ///
    /// # Errors
    /// They cannot be looked at.
    pub fn leftovers(&self) -> Result<usize> {
        self.ground.leftovers(&self.data())
    }

    /// Takes the bytes of a blob away behind its back, and returns what its log must say of which are missing.
    ///
    /// # Errors
    /// They are not there, or not in one piece.
    pub fn lose_blob(&self, digest: &str) -> Result<String> {
        self.ground.lose_blob(&self.data(), digest)
    }

    /// Takes all its data away behind its back.
    ///
    /// # Errors
    /// It cannot be taken.
    pub fn lose_all(&self) -> Result<()> {
        self.ground.lose_all(&self.data())
    }

    /// Where it listens.
    ///
    /// # Errors
    /// It is not running.
    pub fn address(&self) -> Result<SocketAddr> {
        Ok(self.server.as_ref().context("the registry is not running")?.address())
    }

    /// A new connection.
    ///
    /// # Errors
    /// It takes none.
    pub fn connect(&self) -> Result<Connection> {
        Connection::open(self.address()?)
    }

    /// Asks on a connection of its own. What comes after the answer is an error: a body where none may be.
    ///
    /// # Errors
    /// There is no answer, or more than one.
    pub fn ask(&self, request: &Request) -> Result<Answer> {
        let mut connection = self.connect()?;
        connection.ask(request, "Connection: close\r\n")?;
        let answer = connection.answer(&request.method)?;
        let rest = connection.until_end()?;
        ensure!(rest.is_empty(), "{} bytes after the answer: {:?}", rest.len(), String::from_utf8_lossy(&rest));
        Ok(answer)
    }

    /// Waits until the answer to a request has this status.
    ///
    /// # Errors
    /// It has another one after `longest`, or there is none.
    pub fn becomes(&self, request: &Request, status: u16, longest: Duration) -> Result<()> {
        let start = Instant::now();
        loop {
            let answer = self.ask(request)?;
            if answer.status == status {
                return Ok(());
            }
            ensure!(start.elapsed() < longest, "{} after {longest:?}: {}", answer.status, answer.text());
            sleep(Duration::from_millis(50));
        }
    }

    /// What it has logged and printed since it was last started.
    pub fn log(&mut self) -> String {
        self.server.as_mut().map(|server| server.process().output()).unwrap_or_default()
    }

    /// Waits until the log has a line that `wanted` likes.
    ///
    /// # Errors
    /// There is none within ten seconds; the message has the log.
    pub fn wait_for_log(&mut self, wanted: impl Fn(&str) -> bool) -> Result<String> {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let log = self.log();
            if let Some(line) = log.lines().find(|line| wanted(line)) {
                return Ok(line.to_owned());
            }
            ensure!(Instant::now() < deadline, "the log does not have it:\n{log}");
            sleep(Duration::from_millis(20));
        }
    }

    /// The most memory it ever had resident, in bytes.
    ///
    /// # Errors
    /// The system does not tell.
    pub fn peak_memory_bytes(&mut self) -> Result<u64> {
        self.memory_bytes("VmHWM")
    }

    /// How much of files is in its memory: before anybody asked for anything, its own code.
    ///
    /// # Errors
    /// It is not running.
    pub fn mapped_memory_bytes(&mut self) -> Result<u64> {
        self.memory_bytes("RssFile")
    }

    fn memory_bytes(&mut self, what: &str) -> Result<u64> {
        let id = self.server.as_mut().context("the registry is not running")?.process().id();
        let status = fs::read_to_string(format!("/proc/{id}/status"))?;
        let line =
            status.lines().find_map(|line| line.strip_prefix(what)?.strip_prefix(':')).context("no such line")?;
        let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kibibytes * 1024)
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// It is not running.
    pub fn signal(&mut self, signal: Signal) -> Result<()> {
        self.server.as_mut().context("the registry is not running")?.process().signal(signal)
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    /// It has not within 40 seconds.
    pub fn wait(&mut self) -> Result<ExitStatus> {
        let mut server = self.server.take().context("the registry is not running")?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = server.process().ended()? {
                return Ok(status);
            }
            ensure!(Instant::now() < deadline, "it does not end; its output:\n{}", server.process().output());
            sleep(Duration::from_millis(10));
        }
    }

    /// Kills it as a power cut would, if the disk keeps what the system has.
    ///
    /// # Errors
    /// It is not running.
    pub fn kill(&mut self) -> Result<()> {
        self.signal(Signal::SIGKILL)?;
        self.wait().map(drop)
    }

    /// Starts it again over the same data, after [`Registry::kill`] or [`Registry::wait`].
    ///
    /// # Errors
    /// It does not start.
    pub fn restart(&mut self) -> Result<()> {
        self.begin()
    }

    /// Pushes a blob in one request and returns its digest.
    ///
    /// # Errors
    /// It is not taken.
    pub fn push_blob(&self, repository: &str, bytes: impl AsRef<[u8]>) -> Result<String> {
        let digest = sha256(&bytes);
        let request = post(format!("/v2/{repository}/blobs/uploads/?digest={digest}")).body(bytes.as_ref());
        self.ask(&request)?.expect(201)?;
        Ok(digest)
    }

    /// Begins an upload and returns its path.
    ///
    /// # Errors
    /// It is not taken.
    pub fn begin_upload(&self, repository: &str) -> Result<String> {
        let answer = self.ask(&post(format!("/v2/{repository}/blobs/uploads/")))?.expect(202)?;
        Ok(answer.required("location")?.to_owned())
    }

    /// Waits until the server reads the bodies of so many uploads, ten seconds at most.
    ///
    /// # Errors
    /// It does not come to that, or the metrics cannot be had.
    pub fn wait_for_active_uploads(&self, count: u32) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(10);
        let wanted = format!("entrepot_uploads_active {count}");
        while !self.ask(&get("/metrics"))?.expect(200)?.text().lines().any(|line| line == wanted) {
            ensure!(Instant::now() < deadline, "there are not {count} active uploads");
            sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// The bytes that an upload has, as the server says. `0-0` stands for none; the specification's form cannot tell that
    /// from one byte.
    ///
    /// # Errors
    /// There is no such upload.
    pub fn upload_size(&self, location: &str) -> Result<u64> {
        let answer = self.ask(&get(location))?.expect(204)?;
        let range = answer.required("range")?;
        let last: u64 = range.strip_prefix("0-").with_context(|| format!("Range: {range}"))?.parse()?;
        Ok(if last == 0 { 0 } else { last + 1 })
    }

    /// Pushes a manifest under a tag or digest and returns its digest.
    ///
    /// # Errors
    /// It is not taken.
    pub fn push_manifest(&self, repository: &str, reference: &str, manifest: &Value) -> Result<String> {
        let media_type = manifest["mediaType"].as_str().context("a manifest without mediaType")?;
        let content = manifest.to_string();
        let request = put(format!("/v2/{repository}/manifests/{reference}"));
        self.ask(&request.header("Content-Type", media_type).body(content.clone()))?.expect(201)?;
        Ok(sha256(content))
    }
}

/// A new directory for a registry.
fn directory() -> Result<TempDir> {
    Ok(tempfile::Builder::new().prefix("entrepot-test").tempdir()?)
}
