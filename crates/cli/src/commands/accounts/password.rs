//! Where a password comes from: never from an argument, which other processes can see.

use std::fs::File;
use std::io::{IsTerminal, Read, stdin};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use entrepot_access::MAX_PASSWORD;

use super::elsewhere::MAX_TOKEN;

/// From where a new password is taken. Without either it is asked for on the terminal.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
pub(crate) struct PasswordSource {
    /// Read the password from standard input
    #[arg(long)]
    password_stdin: bool,
    /// Read the password from a file
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl PasswordSource {
    /// The password that `name` shall have. A line break at its end does not count.
    pub(super) fn read(&self, name: &str) -> anyhow::Result<String> {
        match &self.password_file {
            Some(path) => of_file(path),
            None if self.password_stdin => line(stdin()).context("cannot take the password from standard input"),
            None if stdin().is_terminal() => ask(name),
            None => {
                bail!("standard input is no terminal: give the password with --password-stdin or --password-file FILE")
            }
        }
    }
}

/// The password of `name`, or a token in its place, as it is to be shown: from standard input, or asked for.
pub(in crate::commands) fn shown(name: &str, from_stdin: bool) -> anyhow::Result<String> {
    if from_stdin {
        return text(stdin(), MAX_TOKEN).context("cannot take the password from standard input");
    }
    ensure!(stdin().is_terminal(), "standard input is no terminal: give the password or token with --password-stdin");
    let password = rpassword::prompt_password(format!("Password or token of {name}: "))?;
    ensure!(!password.is_empty(), "it is empty");
    Ok(password)
}

/// The password in a file.
pub(crate) fn of_file(path: &Path) -> anyhow::Result<String> {
    let from = || format!("cannot take the password from {}", path.display());
    File::open(path).map_err(Into::into).and_then(line).with_context(from)
}

/// All of `source` but a line break at its end. What is longer than any password may be is refused by whoever takes passwords.
fn line(source: impl Read) -> anyhow::Result<String> {
    text(source, MAX_PASSWORD as u64)
}

fn text(source: impl Read, most: u64) -> anyhow::Result<String> {
    let mut text = String::new();
    source.take(most + 3).read_to_string(&mut text)?;
    text.truncate(text.trim_end_matches(['\r', '\n']).len());
    ensure!(!text.is_empty(), "it is empty");
    Ok(text)
}

fn ask(name: &str) -> anyhow::Result<String> {
    let password = rpassword::prompt_password(format!("Password for {name}: "))?;
    ensure!(rpassword::prompt_password("The same again: ")? == password, "the two passwords differ");
    Ok(password)
}
