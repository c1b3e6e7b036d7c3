//! The command.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use entrepot_test_support::entrepot_binary;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How long it may take.
const PATIENCE: Duration = Duration::from_mins(20);

/// A run of `entrepot database move`; killed when dropped.
pub(crate) struct Run {
    child: Child,
    output: File,
}

/// How a run ended.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    /// Both streams.
    pub(crate) output: String,
}

impl Run {
    /// Starts it with these arguments.
    pub(crate) fn start(arguments: &[&str]) -> Result<Self> {
        let output = tempfile::tempfile()?;
        let mut command = Command::new(entrepot_binary()?);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("ENTREPOT_")) {
            command.env_remove(name);
        }
        command.args(["database", "move"]).args(arguments);
        let child = command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output.try_clone()?).spawn()?;
        Ok(Self { child, output })
    }

    /// What it has printed.
    pub(crate) fn output(&mut self) -> Result<String> {
        let mut text = String::new();
        // The place is shared with the command, which goes on at the end.
        let end = self.output.stream_position()?;
        self.output.seek(SeekFrom::Start(0))?;
        self.output.read_to_string(&mut text)?;
        self.output.seek(SeekFrom::Start(end.max(text.len() as u64)))?;
        Ok(text)
    }

    /// Whether it is still at work.
    pub(crate) fn is_running(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        Ok(kill(Pid::from_raw(i32::try_from(self.child.id())?), signal)?)
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Result<Ended> {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            match self.child.try_wait()? {
                Some(status) => break status,
                None => ensure!(Instant::now() < deadline, "it does not end"),
            }
            sleep(Duration::from_millis(5));
        };
        Ok(Ended { status, output: self.output()? })
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // Usually it has ended.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Runs it to its end, which must be good, and gives what it printed.
pub(crate) fn succeed(arguments: &[&str]) -> Result<String> {
    let ended = Run::start(arguments)?.end()?;
    ensure!(ended.status.success(), "{arguments:?}: {}\n{}", ended.status, ended.output);
    Ok(ended.output)
}

/// Runs it to its end, which must be a refusal, and gives what it printed.
pub(crate) fn refused(arguments: &[&str]) -> Result<String> {
    let ended = Run::start(arguments)?.end()?;
    ensure!(ended.status.code().context("a code")? == 1, "{arguments:?}: {}\n{}", ended.status, ended.output);
    Ok(ended.output)
}
