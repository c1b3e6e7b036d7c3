//! The data directory itself, when nothing runs: what a purge leaves.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::model::Model;
use super::trouble::{Outcome, wrong};

/// Files beside `blobs` and `uploads`.
const OTHERS: [&str; 4] = ["lock", "entrepot.db", "entrepot.db-wal", "entrepot.db-shm"];

/// Compares the files with the blobs that repositories have, by name and byte; nothing else may be there.
pub(super) fn check(data: &Path, model: &Model) -> Result<Outcome<()>> {
    let linked = model.links.iter().filter(|(_, link)| link.known() == Some(&true)).map(|(key, _)| &key.1);
    let mut expected: BTreeMap<String, &[u8]> =
        linked.filter_map(|digest| Some((path_of(digest), model.contents.get(digest)?.bytes.as_slice()))).collect();
    for path in files(data, data)? {
        if OTHERS.contains(&path.as_str()) {
            continue;
        }
        let Some(bytes) = expected.remove(&path) else {
            return Ok(wrong(format!("after the purge {path} remains, which nothing needs")));
        };
        if fs::read(data.join(&path)).with_context(|| format!("cannot read {path}"))? != bytes {
            return Ok(wrong(format!("{path} has other bytes than were pushed")));
        }
    }
    match expected.keys().next() {
        Some(path) => Ok(wrong(format!("after the purge {path} is gone, which a repository has"))),
        None => integrity(&data.join("entrepot.db")),
    }
}

fn path_of(digest: &str) -> String {
    let (algorithm, hex) = digest.split_once(':').unwrap_or_default();
    format!("blobs/{algorithm}/{}/{hex}", &hex[..2])
}

/// Every file under `directory`, by its path from `root`.
fn files(root: &Path, directory: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).with_context(|| format!("cannot list {}", directory.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(root, &path)?);
        } else {
            found.push(path.strip_prefix(root)?.display().to_string());
        }
    }
    Ok(found)
}

/// The files of blobs, by their path.
pub(super) fn blobs(data: &Path) -> Result<Vec<String>> {
    let mut found = files(data, &data.join("blobs"))?;
    found.retain(|path| path.matches('/').count() == 3);
    Ok(found)
}

/// `PRAGMA integrity_check` and `foreign_key_check`, if the program `sqlite3` is installed.
pub(super) fn integrity(database: &Path) -> Result<Outcome<()>> {
    let checked =
        Command::new("sqlite3").arg(database).arg("PRAGMA integrity_check; PRAGMA foreign_key_check;").output();
    let output = match checked {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Ok(())),
        other => other.context("cannot run sqlite3")?,
    };
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    if said.trim() == "ok" { Ok(Ok(())) } else { Ok(wrong(format!("the database is damaged: {said}"))) }
}
