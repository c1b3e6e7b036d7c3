//! Runs of the command.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use entrepot_test_support::entrepot_binary;

/// The program whose named steps can be made slow, if there is one, so that more happens between two of them.
pub(crate) fn binary() -> Result<PathBuf> {
    match std::env::var_os("ENTREPOT_FAILPOINTS_BIN") {
        Some(binary) => Ok(binary.into()),
        None => entrepot_binary(),
    }
}

/// A command with these settings and no others.
pub(crate) fn entrepot(settings: &[(String, String)], arguments: &[&str]) -> Result<Command> {
    let mut command = Command::new(binary()?);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("ENTREPOT_")) {
        command.env_remove(name);
    }
    command.args(arguments).envs(settings.iter().map(|(name, value)| (name, value)));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Ok(command)
}

/// Both streams of a run.
pub(crate) fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Runs it to its end, which must be good, and gives what it printed.
pub(crate) fn succeed(settings: &[(String, String)], arguments: &[&str]) -> Result<String> {
    let output = entrepot(settings, arguments)?.output()?;
    ensure!(output.status.success(), "{arguments:?}: {}\n{}", output.status, text(&output));
    Ok(text(&output))
}

/// Runs it to its end, which must be the status 1, and gives what it printed.
pub(crate) fn fail(settings: &[(String, String)], arguments: &[&str]) -> Result<String> {
    let output = entrepot(settings, arguments)?.output()?;
    ensure!(output.status.code() == Some(1), "{arguments:?}: {}\n{}", output.status, text(&output));
    Ok(text(&output))
}

/// A run that is killed after a while, unless it ends before; returns whether it was.
pub(crate) fn kill_after(settings: &[(String, String)], arguments: &[&str], after: Duration) -> Result<bool> {
    let mut child: Child = entrepot(settings, arguments)?.spawn()?;
    sleep(after);
    if child.try_wait()?.is_some() {
        let output = child.wait_with_output()?;
        ensure!(output.status.success(), "{arguments:?}: {}\n{}", output.status, text(&output));
        return Ok(false);
    }
    child.kill()?;
    child.wait()?;
    Ok(true)
}

/// A path as an argument.
pub(crate) fn shown(path: &Path) -> Result<&str> {
    path.to_str().with_context(|| format!("{:?} is no text", OsString::from(path)))
}
