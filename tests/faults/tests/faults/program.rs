//! The server with fail points: named steps that a test can make slow or let fail.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use anyhow::{Context as _, Result, anyhow, ensure};
use entrepot_test_harness::Registry;
use entrepot_test_support::entrepot_binary;
use tempfile::TempDir;

/// Built once for all tests.
static PROGRAM: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| build().map_err(|error| format!("{error:#}")));

/// The program as it is released. It is named only after the one with fail points was built: cargo makes both in the same
/// place, and one that is just being replaced cannot be started.
pub(crate) fn ordinary() -> Result<PathBuf> {
    PROGRAM.as_ref().map_err(|message| anyhow!("{message}"))?;
    entrepot_binary()
}

/// A registry whose steps do what `fail_points` says, in the syntax of `FAILPOINTS`.
pub(crate) fn registry(fail_points: &str, settings: &[(&str, &str)]) -> Result<Registry> {
    let program = PROGRAM.as_ref().map_err(|message| anyhow!("{message}"))?;
    let settings: Vec<_> = settings.iter().copied().chain([("FAILPOINTS", fail_points)]).collect();
    Registry::of(program, &settings, TempDir::new()?)
}

/// Builds it, keeps a copy beside the ordinary program, and puts that back, so that the other tests run what is released.
fn build() -> Result<PathBuf> {
    if let Some(program) = std::env::var_os("ENTREPOT_FAILPOINTS_BIN") {
        return Ok(program.into());
    }
    let program = cargo(&["--features", "failpoints"])?;
    let kept = program.with_file_name("entrepot-failpoints");
    fs::copy(&program, &kept)?;
    if entrepot_binary().is_ok_and(|ordinary| ordinary == program) {
        cargo(&[])?;
    }
    Ok(kept)
}

fn cargo(features: &[&str]) -> Result<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(workspace)
        .args(["build", "--quiet", "--package", "entrepot", "--message-format", "json-render-diagnostics"])
        .args(features)
        .output()
        .context("cannot run cargo")?;
    ensure!(output.status.success(), "cannot build the server: {}", String::from_utf8_lossy(&output.stderr));
    let messages = String::from_utf8_lossy(&output.stdout);
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let path = messages.filter_map(|message| message["executable"].as_str().map(PathBuf::from)).next_back();
    path.context("cargo does not say where the server is")
}
