//! What a server stands on: a directory and processes that go away together.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use tempfile::TempDir;

use crate::{Group, Process};

/// How long a server may take until it answers; the machine may be busy.
pub(super) const PATIENCE: Duration = Duration::from_secs(90);

/// The directory and the processes of one server. Dropping it ends them, then removes the directory.
#[derive(Debug)]
pub(super) struct Site {
    // In the order in which they have to go.
    processes: Vec<Process>,
    group: Group,
    directory: TempDir,
}

impl Site {
    /// An empty directory with `name` in its name, and no process.
    pub(super) fn new(name: &str) -> Result<Self> {
        let directory = tempfile::Builder::new().prefix(&format!("entrepot-{name}-")).tempdir()?;
        let mut group = Group::new()?;
        group.remove_after(directory.path())?;
        Ok(Self { processes: Vec::new(), group, directory })
    }

    /// The directory.
    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// A file elsewhere that has to go too if this process ends without dropping this.
    pub(super) fn uses(&mut self, path: &Path) -> Result<()> {
        self.group.remove_after(path)
    }

    /// Starts a program with its output in the file `<name>.log`. At the end it is killed without being asked: what it keeps
    /// is removed anyway.
    pub(super) fn start(&mut self, name: &str, command: &mut Command) -> Result<&mut Process> {
        let log = self.path().join(format!("{name}.log"));
        let command = self.group.adopt(command)?.current_dir(self.directory.path());
        let process = Process::start(command, &log)?.with_grace(Duration::ZERO);
        Ok(self.processes.push_mut(process))
    }
}
