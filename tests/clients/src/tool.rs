//! A client: a program that sees the test's directory as its home and nothing of the user's settings.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context as _, Result};
use entrepot_test_support::{Component, entrepot_binary};

use crate::engine::is_root;

/// No step of a test takes this long; a client that hangs is ended and fails its test.
const LONGEST_SECONDS: &str = "180";

/// A program with the arguments and variables that all its calls share.
#[derive(Debug, Clone)]
pub struct Tool {
    program: PathBuf,
    home: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
}

impl Tool {
    /// The component of that name, with `home` as its home directory; `None` if it is not installed.
    ///
    /// # Panics
    /// It is not installed and the variable `CI` is set: there nothing may be left out.
    pub fn find(name: &str, home: &Path) -> Option<Self> {
        let program = Component::require(name)?;
        Some(Self { program, home: home.to_owned(), arguments: Vec::new(), environment: Vec::new() })
    }

    /// podman, with a storage of its own; `None` if it is not installed, or would need another user.
    ///
    /// # Errors
    /// As for [`is_root`].
    ///
    /// # Panics
    /// As for [`find`](Self::find).
    pub fn podman(home: &Path) -> Result<Option<Self>> {
        let (Some(podman), true) = (Self::find("podman", home), is_root("podman with a storage of its own")?) else {
            return Ok(None);
        };
        let place = home.join("podman");
        let podman = podman
            .with_arguments(["--root".as_ref(), place.join("root").as_os_str()])
            .with_arguments(["--runroot".as_ref(), place.join("run").as_os_str()])
            .with_arguments(["--tmpdir".as_ref(), place.join("tmp").as_os_str()])
            .with_arguments(["--storage-driver=vfs", "--cgroup-manager=cgroupfs"]);
        Ok(Some(podman))
    }

    /// Our own commands.
    ///
    /// # Errors
    /// They were not built.
    pub fn entrepot(home: &Path) -> Result<Self> {
        let program = entrepot_binary()?;
        Ok(Self { program, home: home.to_owned(), arguments: Vec::new(), environment: Vec::new() })
    }

    /// With arguments that come before those of every call.
    #[must_use]
    pub fn with_arguments(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// With a variable.
    #[must_use]
    pub fn with_variable(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.into(), value.as_ref().to_owned()));
        self
    }

    /// What it sees as its home; it works there.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// A command of this tool, for what [`run`](Self::run) does not cover.
    pub fn command(&self) -> Command {
        self.prepare(Command::new(&self.program))
    }

    /// Runs it and returns what it printed to its standard output.
    ///
    /// # Errors
    /// It cannot be started, fails or takes too long; the message has what it printed.
    pub fn run(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Result<String> {
        Ok(String::from_utf8_lossy(&self.bytes(arguments)?).into_owned())
    }

    /// Like [`run`](Self::run), for output that is not text.
    ///
    /// # Errors
    /// As for `run`.
    pub fn bytes(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Result<Vec<u8>> {
        let (shown, output) = self.output(arguments)?;
        anyhow::ensure!(output.status.success(), "{shown}: {}\n{}", output.status, printed(&output));
        Ok(output.stdout)
    }

    /// Runs it and expects it to fail.
    ///
    /// # Errors
    /// It cannot be started, or succeeds.
    pub fn refused(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Result<()> {
        self.failure(arguments).map(drop)
    }

    /// Runs it, expects it to fail, and returns what it printed.
    ///
    /// # Errors
    /// As for [`refused`](Self::refused).
    pub fn failure(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Result<String> {
        let (shown, output) = self.output(arguments)?;
        anyhow::ensure!(!output.status.success(), "{shown} should fail, and did not:\n{}", printed(&output));
        Ok(printed(&output))
    }

    fn output(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Result<(String, Output)> {
        let mut command = Command::new("timeout");
        command.args(["--kill-after=5", LONGEST_SECONDS]).arg(&self.program);
        let mut command = self.prepare(command);
        command.args(arguments);
        let output = command.output().context("cannot run timeout (coreutils)")?;
        let words: Vec<_> = command.get_args().skip(2).map(OsStr::to_string_lossy).collect();
        Ok((words.join(" "), output))
    }

    fn prepare(&self, mut command: Command) -> Command {
        command
            .args(&self.arguments)
            .env_clear()
            .env("PATH", env::var_os("PATH").unwrap_or_default())
            .env("HOME", &self.home)
            .env("TMPDIR", &self.home)
            .env("LC_ALL", "C.UTF-8")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.home);
        command
    }
}

fn printed(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
