//! Programs that keep logins for docker, such as in a store of the operating system: `docker-credential-NAME`, with what to do as its
//! argument and the rest at its standard input.

use std::io::{ErrorKind, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use super::Kept;
use crate::error::Error;

/// Longest answer, in bytes.
const MAX_ANSWER: u64 = 64 * 1024;
/// What such programs say if they have nothing for a registry.
const NOTHING: &str = "credentials not found in native keychain";
/// The name with which they keep a token in place of a password.
const IDENTITY: &str = "<token>";

/// Such a program.
#[derive(Clone, Debug)]
pub(super) struct Helper(String);

/// What they keep.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Login {
    #[serde(rename = "ServerURL", default)]
    server_url: String,
    username: String,
    secret: String,
}

impl Helper {
    /// The one that the file at `path` names. A name with a path in it could run anything.
    pub(super) fn named(name: &str, path: &Path) -> Result<Self, Error> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if name.is_empty() || !name.bytes().all(plain) {
            return Err(Error::file(
                path,
                format!("it names {name:?} as the keeper of logins, which is no name of one"),
            ));
        }
        Ok(Self(format!("docker-credential-{name}")))
    }

    /// What people call it.
    pub(super) fn program(&self) -> &str {
        &self.0
    }

    pub(super) fn get(&self, registry: &str) -> Result<Option<Kept>, Error> {
        let Some(answer) = self.run("get", registry.as_bytes())? else { return Ok(None) };
        let login: Login = serde_json::from_slice(&answer).map_err(|_| self.failed("its answer makes no sense"))?;
        Ok(Some(match login.username.as_str() {
            IDENTITY => Kept::identity(String::new(), login.secret),
            _ => Kept::password(login.username, login.secret),
        }))
    }

    pub(super) fn store(&self, registry: &str, kept: &Kept) -> Result<(), Error> {
        let username = if kept.is_identity { IDENTITY.to_owned() } else { kept.username.clone() };
        let login = Login { server_url: registry.to_owned(), username, secret: kept.secret.clone() };
        let input = serde_json::to_vec(&login).map_err(|error| self.failed(error))?;
        self.run("store", &input)?.map(drop).ok_or_else(|| self.failed(NOTHING))
    }

    pub(super) fn erase(&self, registry: &str) -> Result<(), Error> {
        self.run("erase", registry.as_bytes()).map(drop)
    }

    /// What it prints; `None` if it has nothing. It may ask its user something, and so has all the time that they take.
    fn run(&self, action: &str, input: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let mut command = Command::new(&self.0);
        command.arg(action).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| self.failed(error))?;
        let mut answer = Vec::new();
        if let Some(mut stdin) = child.stdin.take() {
            match stdin.write_all(input) {
                // It did not want to know.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
                other => other.map_err(|error| self.failed(error))?,
            }
        }
        if let Some(stdout) = child.stdout.take() {
            stdout.take(MAX_ANSWER).read_to_end(&mut answer).map_err(|error| self.failed(error))?;
        }
        let status = child.wait().map_err(|error| self.failed(error))?;
        if status.success() {
            return Ok(Some(answer));
        }
        // What goes wrong such programs say where their answer would be.
        match String::from_utf8_lossy(&answer).trim() {
            NOTHING => Ok(None),
            "" => Err(self.failed(status)),
            said => Err(self.failed(said)),
        }
    }

    fn failed(&self, why: impl ToString) -> Error {
        Error::Helper { program: self.0.clone(), why: why.to_string() }
    }
}
