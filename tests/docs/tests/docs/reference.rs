//! Pages that repeat the code say what it says.

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::{Result, ensure};
use entrepot_docs_tests::{CargoManifest, Page, root};
use entrepot_test_support::entrepot_binary;

#[test]
fn the_configuration_reference_is_the_one_of_the_binary() -> Result<()> {
    let page = Page::read(&root(), "docs/configuration.md")?;
    let printed = Command::new(entrepot_binary()?).args(["config", "reference"]).output()?;
    ensure!(printed.status.success(), "entrepot config reference: {}", printed.status);
    ensure!(
        page.text().as_bytes() == printed.stdout,
        "write it anew: cargo run -- config reference > docs/configuration.md"
    );
    Ok(())
}

/// ARCHITECTURE.md says of every dependency, at its version, why it is there.
#[test]
fn every_dependency_has_its_reason() -> Result<()> {
    let page = Page::read(&root(), "ARCHITECTURE.md")?;
    let told: BTreeSet<(String, String)> = page
        .rows()
        .iter()
        .filter(|cells| cells.len() == 3 && cells[0].starts_with('`'))
        .map(|cells| (cells[0].trim_matches('`').to_owned(), cells[1].to_owned()))
        .collect();
    let workspace = CargoManifest::read(&root())?;
    let used: BTreeSet<(String, String)> = workspace
        .dependencies()
        .into_iter()
        .filter(|dependency| !dependency.name.starts_with("entrepot-"))
        .map(|dependency| (dependency.name, dependency.version))
        .collect();
    let missing: Vec<_> = used.difference(&told).collect();
    ensure!(missing.is_empty(), "not in the table of dependencies: {missing:?}");
    // Other tables of the page have three columns too, but no numbers in the second.
    let stale: Vec<_> = told.difference(&used).filter(|(_, version)| version.starts_with(char::is_numeric)).collect();
    ensure!(stale.is_empty(), "in the table of dependencies, but not in Cargo.toml: {stale:?}");
    Ok(())
}
