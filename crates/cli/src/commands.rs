//! One file a command.

pub(crate) mod config;
pub(crate) mod database;
pub(crate) mod doctor;
pub(crate) mod purge;
pub(crate) mod serve;
pub(crate) mod store;

use std::process::ExitCode;

/// Ends a command: a failure is one sentence, with its causes behind colons.
fn conclude(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("entrepot: {error:#}");
            ExitCode::FAILURE
        }
    }
}
