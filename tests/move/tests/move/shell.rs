//! SQLite's own program: what it reads and writes has nothing to do with the program under test.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use entrepot_test_support::Component;

/// The program over one file.
pub(crate) struct Shell<'a> {
    file: &'a Path,
}

impl<'a> Shell<'a> {
    /// Over a file that is there.
    pub(crate) fn over(file: &'a Path) -> Self {
        Self { file }
    }

    /// Whether there is such a program; otherwise says so, or fails in CI.
    pub(crate) fn is_here() -> bool {
        Component::require("sqlite3").is_some()
    }

    fn command(&self) -> Result<Command> {
        let program = Component::require("sqlite3").context("there is no sqlite3")?;
        let mut command = Command::new(program);
        // The first statement that fails ends it, and the registry may be writing too.
        command.args(["-batch", "-bail", "-cmd", ".timeout 30000"]).arg(self.file);
        Ok(command)
    }

    /// The rows of a statement, with `|` between columns.
    pub(crate) fn rows(&self, sql: &str) -> Result<String> {
        let output = self.command()?.arg(sql).output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Writes the rows of a statement to a file, with tabs between columns.
    pub(crate) fn export(&self, sql: &str, to: &Path) -> Result<()> {
        let status = self.command()?.args(["-separator", "\t", sql]).stdout(File::create(to)?).status()?;
        ensure!(status.success(), "sqlite3: {status}");
        Ok(())
    }

    /// Runs what `write` writes, in one transaction.
    pub(crate) fn transact(&self, write: impl FnOnce(&mut dyn std::io::Write) -> Result<()>) -> Result<()> {
        let mut child = self.command()?.stdin(Stdio::piped()).spawn()?;
        let mut input = BufWriter::new(child.stdin.take().context("a pipe")?);
        writeln!(input, "PRAGMA foreign_keys = ON; BEGIN IMMEDIATE;")?;
        let written =
            write(&mut input).and_then(|()| Ok(writeln!(input, "COMMIT;")?)).and_then(|()| Ok(input.flush()?));
        drop(input);
        let status = child.wait()?;
        written?;
        ensure!(status.success(), "sqlite3: {status}");
        Ok(())
    }
}
