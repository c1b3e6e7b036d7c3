//! A run of a command of `entrepot` that ends by itself.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::entrepot_binary;

/// How long it may take.
const PATIENCE: Duration = Duration::from_mins(20);

/// A command at work; killed when dropped.
#[derive(Debug)]
pub struct Run {
    child: Child,
    output: File,
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    /// Its status.
    pub status: ExitStatus,
    /// Both streams.
    pub output: String,
}

impl Run {
    /// Starts `entrepot` with these arguments.
    ///
    /// # Errors
    /// There is no such program, or it cannot be started.
    pub fn start(arguments: &[&str]) -> Result<Self> {
        Self::start_with(&entrepot_binary()?, arguments, &[])
    }

    /// Starts another build of it, with these variables.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start_with(binary: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Result<Self> {
        let output = tempfile::tempfile()?;
        let mut command = Command::new(binary);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("ENTREPOT_")) {
            command.env_remove(name);
        }
        command.args(arguments).envs(variables.iter().copied());
        let child = command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output.try_clone()?).spawn()?;
        Ok(Self { child, output })
    }

    /// What it has printed.
    ///
    /// # Errors
    /// That cannot be read.
    pub fn output(&mut self) -> Result<String> {
        let mut text = String::new();
        // The place is shared with the command, which goes on at the end.
        let end = self.output.stream_position()?;
        self.output.seek(SeekFrom::Start(0))?;
        self.output.read_to_string(&mut text)?;
        self.output.seek(SeekFrom::Start(end.max(text.len() as u64)))?;
        Ok(text)
    }

    /// Whether it is still at work.
    ///
    /// # Errors
    /// The system cannot tell.
    pub fn is_running(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// It is gone.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        Ok(kill(Pid::from_raw(i32::try_from(self.child.id())?), signal)?)
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// It does not end.
    pub fn end(mut self) -> Result<Ended> {
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
