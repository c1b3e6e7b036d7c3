//! Where everything is.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

/// Directories in which no page of ours is.
const NOT_OURS: [&str; 3] = ["target", ".git", "entrepot-data"];

/// The root of the repository.
pub fn root() -> PathBuf {
    let mut root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    // tests/docs
    root.pop();
    root.pop();
    root
}

/// Every page of the repository, by its path in it.
///
/// # Errors
/// A directory cannot be read.
pub fn pages() -> Result<Vec<PathBuf>> {
    let root = root();
    let mut found = Vec::new();
    let mut left = vec![root.clone()];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(&directory).with_context(|| directory.display().to_string())? {
            let entry = entry?;
            let (path, name) = (entry.path(), entry.file_name());
            if entry.file_type()?.is_dir() {
                if !NOT_OURS.iter().any(|other| name == *other) {
                    left.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path.strip_prefix(&root)?.to_owned());
            }
        }
    }
    found.sort();
    Ok(found)
}
