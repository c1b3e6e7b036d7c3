//! One file a command.

pub(crate) mod accounts;
pub(crate) mod backup;
pub(crate) mod config;
pub(crate) mod database;
pub(crate) mod doctor;
pub(crate) mod import;
pub(crate) mod ldap;
pub(crate) mod login;
pub(crate) mod mail;
pub(crate) mod oidc;
mod progress;
pub(crate) mod purge;
pub(crate) mod restore;
mod run;
pub(crate) mod scrub;
pub(crate) mod serve;
pub(crate) mod store;

use std::io::{self, Write};
use std::process::ExitCode;

use self::run::{block_on, configured, until_interrupted};

/// Prints `text`. A reader that closes early (`entrepot config reference | head`) has what it wanted.
fn print(text: &str) -> ExitCode {
    let mut output = io::stdout().lock();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            eprintln!("entrepot: cannot write to standard output: {error}");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

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
