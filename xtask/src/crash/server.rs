//! The program under test: built with fail points, started, killed, and asked how it died.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use entrepot_test_support::Group;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A stopping server drains; nothing is under way when it is asked to.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Death {
    /// By itself, well.
    Finished,
    /// By the campaign.
    Killed,
    /// At the fail point of this name.
    Step(String),
    /// In no way that it should.
    Unexpected(String),
}

/// The program, with all that one server of it is started with.
#[derive(Clone, Debug)]
pub(super) struct Program {
    path: PathBuf,
    /// What the program has to say of its life.
    log: PathBuf,
    data: PathBuf,
    /// Where it listens: at a port of the system's choice, unless it is told.
    listen: SocketAddr,
    /// Settings as environment variables.
    settings: Vec<(String, String)>,
}

/// A running process of it.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    pub(super) address: SocketAddr,
    log: Log,
}

/// A log file, from the beginning of one process.
#[derive(Debug)]
struct Log {
    path: PathBuf,
    start: u64,
}

/// What came of starting.
#[derive(Debug)]
pub(super) enum Started {
    Ready(Server),
    Died(Death),
}

/// Builds the program with fail points, and returns where it is.
fn build() -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--quiet", "--package", "entrepot", "--features", "failpoints"])
        .args(["--message-format", "json-render-diagnostics"])
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo")?;
    if !output.status.success() {
        bail!("cannot build entrepot with fail points");
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let path = messages.filter_map(|message| message["executable"].as_str().map(PathBuf::from)).next_back();
    path.context("cargo does not say where it put entrepot")
}

/// Builds the program with fail points and copies it: whoever builds it again, without, would replace it. Returns the copy
/// and the directory `name` beside the original, in which it is.
pub(super) fn prepare(name: &str) -> Result<(PathBuf, PathBuf)> {
    let built = build()?;
    let directory = built.parent().context("the program lies nowhere")?.join(name);
    fs::create_dir_all(&directory)?;
    let program = directory.join("entrepot");
    fs::copy(&built, &program).context("cannot copy the program")?;
    Ok((program, directory))
}

impl Program {
    /// The program at `path`, whose data and log are in `directory`.
    pub(super) fn new(path: PathBuf, directory: &Path) -> Self {
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        Self { path, log: directory.join("log"), data: directory.join("data"), listen, settings: Vec::new() }
    }

    /// The same, always at `address`.
    pub(super) fn at(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// The same with more settings, as environment variables.
    pub(super) fn with(mut self, settings: impl IntoIterator<Item = (String, String)>) -> Self {
        self.settings.extend(settings);
        self
    }

    /// Its data directory.
    pub(super) fn data(&self) -> &Path {
        &self.data
    }

    /// All that it has logged.
    pub(super) fn said(&self) -> Result<String> {
        Ok(String::from_utf8_lossy(&fs::read(&self.log).context("cannot read a log")?).into_owned())
    }

    /// Starts `entrepot serve` and waits until it listens. `fail` is what `FAILPOINTS` shall be.
    pub(super) fn serve(&self, fail: Option<&str>) -> Result<Started> {
        let (mut command, log) = self.command("serve", fail)?;
        // It purges as often as it may, so that bytes are removed while clients push.
        command.args(["--listen", &self.listen.to_string()]).env("ENTREPOT_UPLOADS_PURGE_INTERVAL", "1s");
        let mut child = command.stdout(Stdio::piped()).spawn().context("cannot start entrepot")?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        if line.is_empty() {
            let status = child.wait()?;
            return Ok(Started::Died(log.judge(status, false)?));
        }
        let address = line.split_once("http://").and_then(|(_, rest)| rest.split(';').next()?.parse().ok());
        let address = address.with_context(|| format!("entrepot does not say where it listens: {line:?}"))?;
        Ok(Started::Ready(Server { child, address, log }))
    }

    /// Runs `entrepot purge`, for which every upload is old.
    pub(super) fn purge(&self, fail: Option<&str>) -> Result<Death> {
        let (mut command, log) = self.command("purge", fail)?;
        let mut child = command
            .env("ENTREPOT_UPLOADS_EXPIRE_AFTER", "1s")
            .stdout(Stdio::null())
            .spawn()
            .context("cannot start entrepot")?;
        log.judge(child.wait()?, false)
    }

    /// Runs a command of an operator that reads `input`, and returns what it says.
    pub(super) fn operate(&self, arguments: &[&str], input: &str) -> Result<String> {
        let (name, rest) = arguments.split_first().context("no command")?;
        let (mut command, log) = self.command(name, None)?;
        command.args(rest).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("cannot start entrepot")?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input.as_bytes())?;
        }
        let output = child.wait_with_output()?;
        match log.judge(output.status, false)? {
            Death::Finished => Ok(String::from_utf8(output.stdout)?),
            death => bail!("entrepot {} failed: {death:?}", arguments.join(" ")),
        }
    }

    /// `entrepot scrub`, and where what it says may be kept.
    pub(super) fn scrub(&self) -> Result<(Command, PathBuf)> {
        let (command, log) = self.command("scrub", None)?;
        Ok((command, log.path.with_file_name("scrub")))
    }

    fn command(&self, name: &str, fail: Option<&str>) -> Result<(Command, Log)> {
        let file = OpenOptions::new().create(true).append(true).open(&self.log)?;
        let log = Log { path: self.log.clone(), start: file.metadata()?.len() };
        let mut command = Command::new(&self.path);
        command.arg(name).arg("--data-dir").arg(&self.data).env_clear().stdin(Stdio::null()).stderr(file);
        // What is deleted is gone, so that the bytes of a deleted blob have to go.
        command
            .env("ENTREPOT_LOG_LEVEL", "warn")
            .env("ENTREPOT_GC_TRASH_FOR", "0s")
            .envs(self.settings.iter().map(|(name, value)| (name, value)));
        if let Some(fail) = fail {
            command.env("FAILPOINTS", fail);
        }
        group()?.adopt(&mut command)?;
        Ok((command, log))
    }
}

impl Server {
    /// Its death, if it is dead.
    pub(super) fn died(&mut self) -> Result<Option<Death>> {
        match self.child.try_wait()? {
            Some(status) => Ok(Some(self.log.judge(status, false)?)),
            None => Ok(None),
        }
    }

    /// `kill -9`. It may have died at a fail point just before.
    pub(super) fn kill(mut self) -> Result<Death> {
        self.child.kill()?;
        self.log.judge(self.child.wait()?, true)
    }

    /// Asks it to end, and waits.
    pub(super) fn stop(mut self) -> Result<Death> {
        kill(Pid::from_raw(i32::try_from(self.child.id())?), Signal::SIGTERM)?;
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if let Some(death) = self.died()? {
                return Ok(death);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        self.child.kill()?;
        self.child.wait()?;
        Ok(Death::Unexpected("it did not end after SIGTERM".to_owned()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Fails if it is dead already, and then there is nothing to do.
        let _dead = self.child.kill();
        let _status = self.child.wait();
    }
}

impl Log {
    /// What the process says of its death.
    fn judge(&self, status: ExitStatus, killed: bool) -> Result<Death> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(self.start))?;
        let mut said = String::new();
        file.read_to_string(&mut said)?;
        if let Some((_, panic)) = said.split_once("died: ") {
            let step = panic.split_once("failpoint ").and_then(|(_, rest)| rest.split_once(" panic"));
            return Ok(
                step.map_or_else(|| Death::Unexpected(panic.to_owned()), |(step, _)| Death::Step(step.to_owned()))
            );
        }
        Ok(match status.signal() {
            None if status.success() => Death::Finished,
            Some(number) if killed && number == Signal::SIGKILL as i32 => Death::Killed,
            _ => Death::Unexpected(format!("{status}: {said}")),
        })
    }
}

/// All servers of the campaign: they end with it, also if it is killed.
fn group() -> Result<&'static Group> {
    static GROUP: OnceLock<Group> = OnceLock::new();
    if let Some(group) = GROUP.get() {
        return Ok(group);
    }
    let group = Group::new()?;
    Ok(GROUP.get_or_init(|| group))
}

/// An empty directory at `path`.
pub(super) fn fresh(path: &Path) -> Result<()> {
    if path.exists() {
        fs::remove_dir_all(path).with_context(|| format!("cannot empty {}", path.display()))?;
    }
    fs::create_dir_all(path).with_context(|| format!("cannot make {}", path.display()))
}
