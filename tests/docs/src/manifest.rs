//! What the `Cargo.toml` files say.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use toml::Table;

/// One `Cargo.toml`.
#[derive(Debug)]
pub struct CargoManifest {
    /// The directory it is in, below `crates` or `tests`.
    pub directory: String,
    table: Table,
}

/// Something that a crate names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dependency {
    /// The name of the crate.
    pub name: String,
    /// Its version as written; empty if the workspace or a path says.
    pub version: String,
}

impl CargoManifest {
    /// Reads the file in `directory`.
    ///
    /// # Errors
    /// It is not there, or is no TOML.
    pub fn read(directory: &Path) -> Result<Self> {
        let path = directory.join("Cargo.toml");
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let table = text.parse().with_context(|| path.display().to_string())?;
        let name = directory.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { directory: name, table })
    }

    /// Reads the file of every directory in `directory`, in the order of their names.
    ///
    /// # Errors
    /// As [`CargoManifest::read`].
    pub fn read_all(directory: &Path) -> Result<Vec<Self>> {
        let mut paths = Vec::new();
        for entry in fs::read_dir(directory).with_context(|| directory.display().to_string())? {
            paths.push(entry?.path());
        }
        paths.sort();
        paths.iter().filter(|path| path.is_dir()).map(|path| Self::read(path)).collect()
    }

    /// Everything that any table of dependencies names: normal, of tests, of build scripts, of one target, of the workspace.
    pub fn dependencies(&self) -> Vec<Dependency> {
        let mut found = Vec::new();
        collect(&self.table, &mut found);
        found.sort();
        found.dedup();
        found
    }

    /// The value at a path of keys.
    pub fn get(&self, keys: &[&str]) -> Option<&toml::Value> {
        let (first, rest) = keys.split_first()?;
        rest.iter().try_fold(self.table.get(*first)?, |value, key| value.get(*key))
    }
}

fn collect(table: &Table, found: &mut Vec<Dependency>) {
    for (key, value) in table {
        let Some(inner) = value.as_table() else { continue };
        if !key.ends_with("dependencies") {
            collect(inner, found);
            continue;
        }
        found.extend(inner.iter().map(|(key, value)| {
            let text = |value: Option<&toml::Value>| value.and_then(toml::Value::as_str).unwrap_or_default().to_owned();
            let renamed = value.get("package").and_then(toml::Value::as_str);
            let version = if value.is_str() { text(Some(value)) } else { text(value.get("version")) };
            Dependency { name: renamed.unwrap_or(key).to_owned(), version }
        }));
    }
}
