//! npm packages, each in a directory of its own.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::{debian, works};
use crate::shell;

/// Installs a package, what it needs and what is wanted beside it into `node_modules` below `home`.
pub(super) fn install(home: &Path, package: &str, version: &str, beside: &[&str]) -> Result<()> {
    if !works(Command::new("npm").arg("--version")) {
        debian::install(&["nodejs", "npm"])?;
    }
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error", "--prefix"]);
    shell::run(npm.arg(home).arg(format!("{package}@{version}")).args(beside))
}
