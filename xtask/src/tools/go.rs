//! Commands written in Go, built with `go install`.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::debian;

/// The oldest Go that builds every pinned tool (helm asks for the most).
const GO: (u32, u32) = (1, 26);

/// From this version on, Go fetches the newer version that a module asks for.
const GO_FETCHES_NEWER: (u32, u32) = (1, 21);

/// A command to build.
pub(super) struct GoCommand {
    /// Its import path.
    pub(super) package: &'static str,
    /// The module version.
    pub(super) version: &'static str,
    /// Build tags.
    pub(super) tags: &'static [&'static str],
    /// Variables that the build needs.
    pub(super) environment: &'static [(&'static str, &'static str)],
}

/// Builds a command into `bin` below `home`.
pub(super) fn install(home: &Path, command: &GoCommand) -> Result<()> {
    let GoCommand { package, version, tags, environment } = *command;
    require_go()?;
    let directory = home.join("bin");
    fs::create_dir_all(&directory).with_context(|| format!("cannot create {}", directory.display()))?;
    let mut command = Command::new("go");
    command.arg("install");
    if !tags.is_empty() {
        command.args(["-tags", &tags.join(",")]);
    }
    let module = format!("{package}@{version}");
    println!("go install {module}");
    let status = command
        .arg(&module)
        .env("GOBIN", &directory)
        // A flag meant for the user's own modules (-mod=vendor, say) would break the build of this one.
        .env_remove("GOFLAGS")
        .envs(environment.iter().copied())
        .status()
        .context("cannot run go")?;
    anyhow::ensure!(status.success(), "go install {module} failed ({status})");
    Ok(())
}

/// Checks that Go is there and new enough; installs Debian's if there is none and Debian's is new enough.
fn require_go() -> Result<()> {
    let wanted = format!("Go {}.{} or newer is needed to build the pinned tools", GO.0, GO.1);
    let from = "install it from https://go.dev/dl/ and put its bin directory into PATH";
    if go_version().is_none() {
        match debian_go_version() {
            Some(version) if version >= GO_FETCHES_NEWER => debian::install(&["golang-go"])?,
            Some((major, minor)) => bail!("{wanted}; there is none, and Debian's is {major}.{minor}: {from}"),
            None => bail!("{wanted}, and there is none: {from}"),
        }
    }
    match go_version() {
        None => bail!("{wanted}, and there is none: {from}"),
        Some((major, minor)) if (major, minor) < GO_FETCHES_NEWER => {
            bail!("{wanted}, and this one is {major}.{minor}: {from}")
        }
        Some((major, minor)) => {
            if (major, minor) < GO {
                println!("{wanted}; this one ({major}.{minor}) fetches it unless GOTOOLCHAIN=local");
            }
            Ok(())
        }
    }
}

/// The version of Go that this Debian offers.
fn debian_go_version() -> Option<(u32, u32)> {
    let output = Command::new("apt-cache").args(["show", "--no-all-versions", "golang-go"]).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let version = text.lines().find_map(|line| line.strip_prefix("Version: "))?;
    // "2:1.19~1" has an epoch in front.
    parse_version(version.split_once(':').map_or(version, |(_, version)| version))
}

/// Major and minor version of the `go` in PATH.
fn go_version() -> Option<(u32, u32)> {
    let output = Command::new("go").args(["env", "GOVERSION"]).output().ok()?;
    parse_version(String::from_utf8_lossy(&output.stdout).strip_prefix("go")?)
}

fn parse_version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.trim().split('.');
    let major = numbers.next()?.parse().ok()?;
    // "1.26rc1" has letters behind the number.
    let minor = numbers.next()?;
    let digits = minor.find(|c: char| !c.is_ascii_digit()).unwrap_or(minor.len());
    Some((major, minor[..digits].parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::parse_version;

    #[test]
    fn versions_of_go() {
        assert_eq!(parse_version("1.26.8\n"), Some((1, 26)));
        assert_eq!(parse_version("1.19~1"), Some((1, 19)));
        assert_eq!(parse_version("1.26rc1 X:nocoverageredesign"), Some((1, 26)));
        assert_eq!(parse_version("devel"), None);
    }
}
