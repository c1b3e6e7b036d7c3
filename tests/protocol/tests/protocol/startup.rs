//! A server that cannot start says why in one sentence.

use std::fs;
use std::net::TcpListener;
use std::process::Command;

use anyhow::{Result, ensure};
use entrepot_test_harness::{Over, Registry};
use entrepot_test_support::entrepot_binary;
use tempfile::TempDir;

/// Runs the program with these arguments until it ends, which must be with an error, and returns what it said.
fn refused(arguments: &[&str], environment: &[(&str, &str)]) -> Result<Vec<String>> {
    let mut command = Command::new("timeout");
    command.args(["--signal=KILL", "30"]).arg(entrepot_binary()?).args(arguments);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("ENTREPOT_")) {
        command.env_remove(name);
    }
    let output = command.envs(environment.iter().copied()).output()?;
    let code = output.status.code();
    ensure!(matches!(code, Some(1 | 2)), "{arguments:?}: exit code {code:?}");
    ensure!(output.stdout.is_empty(), "it said where it listens: {}", String::from_utf8_lossy(&output.stdout));
    Ok(String::from_utf8_lossy(&output.stderr).lines().map(str::to_owned).collect())
}

/// The same, and it said one sentence with all these words.
fn one_sentence(arguments: &[&str], words: &[&str]) -> Result<()> {
    let lines = refused(arguments, &[])?;
    let [line] = &lines[..] else { anyhow::bail!("{arguments:?}: not one line: {lines:#?}") };
    for word in words {
        ensure!(line.contains(word), "{word:?} is not in {line:?}");
    }
    Ok(())
}

#[test]
fn beyond_loopback_nobody_pushes_without_logging_in() -> Result<()> {
    let directory = TempDir::new()?;
    let data = directory.path().join("data");
    let data = data.to_string_lossy();
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:5000"] {
        let push = ["serve", "--listen", address, "--data-dir", &data, "--access-anonymous", "push"];
        let lines = refused(&push, &[])?;
        let all = lines.join(" ");
        ensure!(all.contains("access.anonymous") && all.contains(address), "{all}");
    }
    ensure!(!directory.path().join("data").exists(), "it left a data directory");
    Ok(())
}

#[test]
fn a_port_in_use() -> Result<()> {
    let directory = TempDir::new()?;
    let taken = TcpListener::bind("127.0.0.1:0")?;
    let address = taken.local_addr()?.to_string();
    let data = directory.path().join("data");
    one_sentence(
        &["serve", "--listen", &address, "--data-dir", &data.to_string_lossy()],
        &[&address, "in use by another process"],
    )
}

#[test]
fn a_directory_that_cannot_be_written() -> Result<()> {
    let directory = TempDir::new()?;
    let file = directory.path().join("file");
    fs::write(&file, "not a directory")?;
    for data in [file.clone(), file.join("data"), "/proc/entrepot".into()] {
        let data = data.to_string_lossy();
        one_sentence(&["serve", "--listen", "127.0.0.1:0", "--data-dir", &data], &["data directory", &data])?;
    }
    Ok(())
}

#[test]
fn a_directory_that_another_process_uses() -> Result<()> {
    if Over::chosen()? == Over::S3Postgres {
        // Any number of processes may use what is not a directory.
        return Ok(());
    }
    let registry = Registry::start()?;
    let data = registry.data();
    let data = data.to_string_lossy();
    let words = ["data directory", "another process uses it"];
    one_sentence(&["serve", "--listen", "127.0.0.1:0", "--data-dir", &data], &words)?;
    one_sentence(&["purge", "--data-dir", &data], &words)
}

#[test]
fn mistakes_in_the_configuration_all_at_once() -> Result<()> {
    let directory = TempDir::new()?;
    let file = directory.path().join("registry.toml");
    fs::write(&file, "lisen = \"127.0.0.1:0\"\n[limits]\nidle_timeout = \"90\"\nmax_connections = 0\n")?;
    let lines = refused(&["serve", "--config", &file.to_string_lossy()], &[("ENTREPOT_LOG_LEVLE", "info")])?;
    let all = lines.join("\n");
    for words in ["lisen", "listen", "idle_timeout", "max_connections", "ENTREPOT_LOG_LEVLE", "ENTREPOT_LOG_LEVEL"] {
        ensure!(all.contains(words), "{words} is not in:\n{all}");
    }
    Ok(())
}
