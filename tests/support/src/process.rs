//! A child process that does not outlive its owner.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How often a waiting loop looks again.
pub(crate) const POLL: Duration = Duration::from_millis(10);

/// How many bytes of its output a message shows.
const TAIL: usize = 8 * 1024;

/// A running server. Dropping it asks it to end (SIGTERM) and, after a grace time, ends it (SIGKILL).
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: PathBuf,
    grace: Duration,
}

impl Process {
    /// Starts `command` with both its output streams in the file `log`.
    ///
    /// # Errors
    /// The log cannot be created, or the program cannot be started.
    pub fn start(command: &mut Command, log: &Path) -> Result<Self> {
        let output = fs::File::create(log).with_context(|| format!("cannot create {}", log.display()))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().display()))?;
        Ok(Self { child, log: log.to_owned(), grace: Duration::from_secs(10) })
    }

    /// With another time between being asked to end and being ended; with none, it is not asked.
    #[must_use]
    pub fn with_grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has printed so far.
    pub fn output(&self) -> String {
        fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// The end of what it has printed, for a message.
    fn tail(&self) -> String {
        let output = self.output();
        let from = output.len().saturating_sub(TAIL);
        output[output.ceil_char_boundary(from)..].to_owned()
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// The system cannot tell.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Waits until `ready` is true.
    ///
    /// # Errors
    /// The process ended, or was not ready in time; the message has its output.
    pub fn wait_until(&mut self, patience: Duration, mut ready: impl FnMut(&str) -> bool) -> Result<()> {
        let deadline = Instant::now() + patience;
        while !ready(&self.output()) {
            if let Some(status) = self.ended()? {
                anyhow::bail!("it ended ({status}); its output:\n{}", self.tail());
            }
            anyhow::ensure!(Instant::now() < deadline, "not ready after {patience:?}; its output:\n{}", self.tail());
            thread::sleep(POLL);
        }
        Ok(())
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// The process is gone.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let id = i32::try_from(self.id()).context("process id")?;
        Ok(kill(Pid::from_raw(id), signal)?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        let asked = !self.grace.is_zero() && self.signal(Signal::SIGTERM).is_ok();
        let deadline = Instant::now() + self.grace;
        while asked && Instant::now() < deadline {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            thread::sleep(POLL);
        }
        // Nobody is left to tell of an error here; a process that is already gone is what was wanted.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
