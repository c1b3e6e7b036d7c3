//! A registry with an administrator, and the two ways to ask it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context as _, Result, ensure};
use entrepot_test_harness::{Registry, Request};
use serde_json::Value;
use tempfile::TempDir;

/// The first administrator.
pub(crate) const ROOT: &str = "root";
pub(crate) const PASSWORD: &str = "landed-and-stored";
const BINARY: &str = env!("CARGO_BIN_EXE_entrepot");

/// A registry that runs, and files beside it.
pub(crate) struct Place {
    pub(crate) registry: Registry,
    pub(crate) files: TempDir,
}

/// What a command printed, and how it ended.
#[derive(Debug, PartialEq)]
pub(crate) struct Printed {
    pub(crate) code: Option<i32>,
    pub(crate) output: String,
    pub(crate) errors: String,
}

impl Place {
    pub(crate) fn start() -> Result<Self> {
        let data = tempfile::tempdir()?;
        let files = tempfile::tempdir()?;
        std::fs::write(files.path().join("password"), PASSWORD)?;
        std::fs::write(files.path().join("other-password"), "stored-and-sent-on")?;
        std::fs::write(files.path().join("job-token"), "no.token.atall")?;
        let settings = [("ENTREPOT_ACCESS_ANONYMOUS", "pull")];
        let registry = Registry::of(Path::new(BINARY), &settings, data)?;
        let place = Self { registry, files };
        let made = place.beside(&format!("user create {ROOT} --admin --password-file {{files}}/password"))?;
        ensure!(made.code == Some(0), "{made:?}");
        Ok(place)
    }

    /// Runs a command beside the data.
    pub(crate) fn beside(&self, line: &str) -> Result<Printed> {
        let mut command = self.command(line);
        command.arg("--data-dir").arg(self.registry.data());
        command.env("ENTREPOT_HTTP_PUBLIC_URL", "https://registry.acme.example");
        Printed::of(command.output()?)
    }

    /// Runs a command elsewhere, which shows this token.
    pub(crate) fn elsewhere(&self, token: &str, line: &str) -> Result<Printed> {
        Printed::of(self.command(line).env("ENTREPOT_SERVER", self.url()?).env("ENTREPOT_TOKEN", token).output()?)
    }

    /// A command that knows of nothing yet. `{files}` is the directory of files.
    pub(crate) fn command(&self, line: &str) -> Command {
        let files = self.files.path().to_string_lossy().into_owned();
        let mut command = Command::new(BINARY);
        // No docker of whoever runs the tests.
        command.env_clear().env("HOME", self.files.path());
        command.args(line.split(' ').map(|word| word.replace("{files}", &files)));
        command
    }

    pub(crate) fn url(&self) -> Result<String> {
        Ok(format!("http://{}", self.registry.address()?))
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    /// A token of somebody, for everything. Nobody logs in for that.
    pub(crate) fn token(&self, name: &str) -> Result<String> {
        let made = self.beside(&format!("token create --user {name} --scope pull,push,delete,admin"))?;
        ensure!(made.code == Some(0), "{made:?}");
        Ok(made.output.trim().to_owned())
    }

    /// The secret of a token that a request makes.
    pub(crate) fn made(&self, request: Request) -> Result<String> {
        let made = self.registry.ask(&request)?.expect(201)?.json()?;
        Ok(made["token"].as_str().context("no token")?.to_owned())
    }
}

impl Printed {
    pub(crate) fn of(output: Output) -> Result<Self> {
        let Output { status, stdout, stderr } = output;
        Ok(Self { code: status.code(), output: String::from_utf8(stdout)?, errors: String::from_utf8(stderr)? })
    }
}

pub(crate) fn json_to(request: Request, body: &Value) -> Request {
    request.header("Content-Type", "application/json").body(body.to_string())
}
