//! Python packages, each in a virtual environment of its own.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::{debian, works};
use crate::shell;

/// Installs a package and what it needs into a new virtual environment in `home`.
pub(super) fn install(home: &Path, package: &str, version: &str) -> Result<()> {
    // Debian splits venv off the rest of Python.
    if !works(Command::new("python3").args(["-c", "import venv, ensurepip"])) {
        debian::install(&["python3-venv"])?;
    }
    shell::run(Command::new("python3").args(["-m", "venv"]).arg(home))?;
    let mut pip = Command::new(home.join("bin/python3"));
    pip.args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]);
    shell::run(pip.arg(format!("{package}=={version}")))
}
