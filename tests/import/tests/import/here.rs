//! The registry that is moved into.

use std::collections::HashMap;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use entrepot_test_harness::{Answer, Connection, Request, get};
use entrepot_test_support::servers::S3Bucket;
use entrepot_test_support::{Ended, Entrepot, Run, Start, entrepot_binary};

/// A data directory into which is imported, and which is served then.
pub(crate) struct Here {
    directory: PathBuf,
    settings: Vec<(String, String)>,
}

impl Here {
    /// An empty one, below `directory`.
    pub(crate) fn new(directory: &Path) -> Result<Self> {
        let directory = directory.join("new");
        fs::create_dir(&directory)?;
        Ok(Self { directory, settings: Vec::new() })
    }

    /// Keeps blobs in a bucket from now on.
    pub(crate) fn keep_blobs_in(&mut self, bucket: &S3Bucket, prefix: &str) {
        self.settings = bucket.settings(prefix);
    }

    /// Changes a setting of what runs from now on.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.settings.push((name.to_owned(), value.to_owned()));
    }

    /// The data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// Runs `entrepot import` with these arguments to its end.
    pub(crate) fn import(&self, arguments: &[&str]) -> Result<Ended> {
        self.begin(&entrepot_binary()?, arguments, &[])?.end()
    }

    /// Starts it.
    pub(crate) fn begin(&self, binary: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Result<Run> {
        let data = self.data().display().to_string();
        let all: Vec<&str> = ["import"].iter().chain(arguments).copied().chain(["--data-dir", &data]).collect();
        let settings = self.settings();
        let variables: Vec<_> = settings.iter().chain(variables).copied().collect();
        Run::start_with(binary, &all, &variables)
    }

    /// Runs it to its end, which must be good, and gives what it printed.
    pub(crate) fn complete(&self, arguments: &[&str]) -> Result<String> {
        let ended = self.import(arguments)?;
        ensure!(ended.status.success(), "{arguments:?}: {}\n{}", ended.status, ended.output);
        Ok(ended.output)
    }

    /// Runs it to its end, at which something must have been left out, and gives what it printed.
    pub(crate) fn incomplete(&self, arguments: &[&str]) -> Result<String> {
        let ended = self.import(arguments)?;
        ensure!(ended.status.code().context("a code")? == 1, "{arguments:?}: {}\n{}", ended.status, ended.output);
        Ok(ended.output)
    }

    /// Serves what is there.
    pub(crate) fn serve(&self) -> Result<Entrepot> {
        let binary = entrepot_binary()?;
        let settings = self.settings();
        Entrepot::start(&Start { binary: &binary, directory: &self.directory, settings: &settings, tls: None })
    }

    fn settings(&self) -> Vec<(&str, &str)> {
        self.settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    /// How many blobs there are as files, after checking that each is a file of `old`: the same one, and not one like it.
    pub(crate) fn shared_with(&self, old: &Path) -> Result<usize> {
        let there = inodes(old)?;
        let here = inodes(&self.data().join("blobs"))?;
        for (inode, path) in &here {
            ensure!(there.contains_key(inode), "{} is a copy", path.display());
        }
        Ok(here.len())
    }
}

/// Every file below a directory.
pub(crate) fn inodes(directory: &Path) -> Result<HashMap<u64, PathBuf>> {
    let mut found = HashMap::new();
    let mut pending = vec![directory.to_owned()];
    while let Some(directory) = pending.pop() {
        for entry in fs::read_dir(&directory)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            if metadata.is_dir() {
                pending.push(entry.path());
            } else {
                found.insert(metadata.ino(), entry.path());
            }
        }
    }
    Ok(found)
}

/// Asks a registry on a connection of its own.
pub(crate) fn ask(address: SocketAddr, request: &Request) -> Result<Answer> {
    let mut connection = Connection::open(address)?;
    connection.ask(request, "Connection: close\r\n")?;
    connection.answer(request.method())
}

/// The status of a manifest.
pub(crate) fn status(address: SocketAddr, repository: &str, reference: &str) -> Result<u16> {
    Ok(ask(address, &get(format!("/v2/{repository}/manifests/{reference}")))?.status)
}
