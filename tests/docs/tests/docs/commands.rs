//! The commands of the pages work.

use std::process::Command;

use anyhow::{Result, ensure};
use entrepot_docs_tests::{CargoManifest, Page, root, run_page};
use entrepot_test_support::{Component, entrepot_binary};

fn run(path: &str) -> Result<()> {
    run_page(&Page::read(&root(), path)?, &entrepot_binary()?)
}

#[test]
fn the_quick_start_works() -> Result<()> {
    run("docs/quick-start.md")
}

#[test]
fn the_tls_page_works() -> Result<()> {
    run("docs/tls.md")
}

#[test]
fn the_operations_page_works() -> Result<()> {
    run("docs/operations.md")
}

#[test]
fn the_backup_page_works() -> Result<()> {
    run("docs/backup.md")
}

#[test]
fn the_scrub_page_works() -> Result<()> {
    run("docs/scrub.md")
}

#[test]
fn the_page_about_commands_from_elsewhere_works() -> Result<()> {
    run("docs/remote.md")
}

#[test]
fn the_accounts_page_works() -> Result<()> {
    run("docs/accounts.md")
}

#[test]
fn the_page_about_garbage_collection_works() -> Result<()> {
    run("docs/garbage-collection.md")
}

#[test]
fn the_page_about_retention_works() -> Result<()> {
    run("docs/retention.md")
}

#[test]
fn the_page_about_the_trash_works() -> Result<()> {
    run("docs/trash.md")
}

#[test]
fn the_quotas_page_works() -> Result<()> {
    run("docs/quotas.md")
}

#[test]
fn the_rate_limits_page_works() -> Result<()> {
    run("docs/rate-limits.md")
}

#[test]
fn the_maintenance_page_works() -> Result<()> {
    run("docs/maintenance.md")
}

#[test]
fn the_two_factor_page_works() -> Result<()> {
    run("docs/two-factor.md")
}

#[test]
fn the_single_sign_on_page_works() -> Result<()> {
    run("docs/single-sign-on.md")
}

#[test]
fn the_page_about_logins_by_a_browser_works() -> Result<()> {
    run("docs/device-login.md")
}

#[test]
fn the_page_about_moving_in_works() -> Result<()> {
    // The old registry of the page, and a client.
    if Component::require("docker-registry").is_none() || Component::require("skopeo").is_none() {
        return Ok(());
    }
    run("docs/moving-in.md")
}

#[test]
fn the_readme_has_the_two_commands() -> Result<()> {
    let readme = Page::read(&root(), "README.md")?;
    let commands = readme.fenced("console");
    for command in ["cargo run --release -- serve", "docker push localhost:5000/", "cargo xtask test"] {
        assert!(commands.lines().any(|line| line.contains(command)), "README.md does not have {command}");
    }
    Ok(())
}

/// `cargo run` without `-p` is the registry: the only binary of the only default member.
#[test]
fn the_first_command_of_the_readme_runs_the_registry() -> Result<()> {
    let workspace = CargoManifest::read(&root())?;
    let members = workspace.get(&["workspace", "default-members"]).and_then(|members| members.as_array());
    let names: Vec<_> = members.into_iter().flatten().filter_map(|name| name.as_str()).collect();
    assert_eq!(names, ["crates/cli"]);
    let cli = CargoManifest::read(&root().join("crates/cli"))?;
    assert_eq!(cli.get(&["bin"]).and_then(|bins| bins.as_array()).map(Vec::len), Some(1));
    let help = Command::new(entrepot_binary()?).args(["serve", "--help"]).output()?;
    ensure!(help.status.success(), "entrepot serve --help: {}", help.status);
    Ok(())
}

#[test]
fn the_second_command_of_the_readme_exists() -> Result<()> {
    let help = Command::new(env!("CARGO")).current_dir(root()).args(["xtask", "test", "--help"]).output()?;
    ensure!(help.status.success(), "cargo xtask test --help: {}", String::from_utf8_lossy(&help.stderr));
    Ok(())
}
