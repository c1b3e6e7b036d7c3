//! The command.

use anyhow::{Context as _, Result, ensure};
use entrepot_test_support::Run;

/// Starts `entrepot database move` with these arguments.
pub(crate) fn start(arguments: &[&str]) -> Result<Run> {
    Run::start(&[&["database", "move"], arguments].concat())
}

/// Runs it to its end, which must be good, and gives what it printed.
pub(crate) fn succeed(arguments: &[&str]) -> Result<String> {
    let ended = start(arguments)?.end()?;
    ensure!(ended.status.success(), "{arguments:?}: {}\n{}", ended.status, ended.output);
    Ok(ended.output)
}

/// Runs it to its end, which must be a refusal, and gives what it printed.
pub(crate) fn refused(arguments: &[&str]) -> Result<String> {
    let ended = start(arguments)?.end()?;
    ensure!(ended.status.code().context("a code")? == 1, "{arguments:?}: {}\n{}", ended.status, ended.output);
    Ok(ended.output)
}
