//! The directory that backups go to, for who writes to it and for who reads it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use entrepot_database::Snapshot;
use entrepot_store::{Look, Store};

use super::error::{BackupError, Context};
use super::files;
use super::record::{FORMAT, Record};

const SNAPSHOTS: &str = "snapshots";
const PARTIAL: &str = ".partial";
const DATABASE: &str = "entrepot.db";
const RECORD: &str = "snapshot.json";

/// The directory, open for a backup: nobody else writes to it meanwhile, and nobody reads.
pub struct Base {
    pub(super) root: PathBuf,
    /// The blobs, each found by its digest.
    pub(super) store: Store,
}

/// The directory, open for reading: nobody writes to it meanwhile.
pub struct Archive {
    root: PathBuf,
    /// The blobs.
    pub(crate) look: Look,
}

/// A snapshot that is complete.
#[derive(Clone, Debug)]
pub struct Taken {
    /// Its name, which says when it was taken.
    pub name: String,
    /// What it says of itself.
    pub record: Record,
    directory: PathBuf,
}

/// A snapshot that is being taken.
pub(super) struct Begun {
    name: String,
    partial: PathBuf,
    complete: PathBuf,
}

impl Base {
    /// Opens the directory, and makes it if there is none.
    ///
    /// # Errors
    /// It holds a registry's data, or is in use; what the operating system said.
    pub fn open(root: &Path) -> Result<Self, BackupError> {
        if root.join(DATABASE).exists() {
            return Err(BackupError::Refused(format!(
                "{} holds the data of a registry: let backups have a directory of their own, best on another disk",
                root.display()
            )));
        }
        let store = Store::open(root)?;
        files::make_directory(&root.join(SNAPSHOTS))?;
        files::sync_directory(root)?;
        Ok(Self { root: root.to_owned(), store })
    }

    /// The complete snapshots, oldest first.
    ///
    /// # Errors
    /// One cannot be read.
    pub fn snapshots(&self) -> Result<Vec<Taken>, BackupError> {
        snapshots(&self.root)
    }

    /// Removes what backups that were broken off left behind, but for the blobs that they had copied.
    pub(super) async fn sweep(&self) -> Result<(), BackupError> {
        let directory = self.root.join(SNAPSHOTS);
        for name in files::names(&directory)?.iter().filter(|name| name.ends_with(PARTIAL)) {
            let path = directory.join(name);
            fs::remove_dir_all(&path).context("remove", &path)?;
        }
        for staged in self.store.staged().await? {
            self.store.discard(staged.id).await?;
        }
        Ok(())
    }

    /// Makes the directory of a new snapshot. Its name is later than that of every other.
    pub(super) async fn begin(&self) -> Result<Begun, BackupError> {
        let directory = self.root.join(SNAPSHOTS);
        loop {
            let name = name_of(SystemTime::now());
            let begun =
                Begun { partial: directory.join(format!("{name}{PARTIAL}")), complete: directory.join(&name), name };
            if !begun.complete.exists() {
                files::make_directory(&begun.partial)?;
                return Ok(begun);
            }
            // Names have seconds.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Takes a snapshot away. It does not count from the first moment on.
    pub(super) fn remove(&self, taken: &Taken) -> Result<(), BackupError> {
        let given_up = taken.directory.with_file_name(format!("{}{PARTIAL}", taken.name));
        fs::rename(&taken.directory, &given_up).context("rename", &taken.directory)?;
        files::sync_directory(&self.root.join(SNAPSHOTS))?;
        fs::remove_dir_all(&given_up).context("remove", &given_up)
    }
}

impl Archive {
    /// Opens the directory of backups.
    ///
    /// # Errors
    /// There is none, or a backup is being taken; what the operating system said.
    pub fn open(root: &Path) -> Result<Self, BackupError> {
        if !root.join(SNAPSHOTS).is_dir() {
            return Err(BackupError::Refused(format!("{} is no directory of backups", root.display())));
        }
        Ok(Self { root: root.to_owned(), look: Look::still(root)? })
    }

    /// The complete snapshots, oldest first.
    ///
    /// # Errors
    /// One cannot be read.
    pub fn snapshots(&self) -> Result<Vec<Taken>, BackupError> {
        snapshots(&self.root)
    }

    /// The snapshot called `name`, or the last one.
    ///
    /// # Errors
    /// There is no such snapshot, or it cannot be read.
    pub fn snapshot(&self, name: Option<&str>) -> Result<Taken, BackupError> {
        let mut all = self.snapshots()?;
        let found = match name {
            Some(name) => all.into_iter().find(|taken| taken.name == name),
            None => all.pop(),
        };
        found.ok_or_else(|| {
            let which = name.map_or("a complete snapshot".to_owned(), |name| format!("a complete snapshot {name}"));
            BackupError::Refused(format!("{} has not {which}", self.root.display()))
        })
    }
}

impl Taken {
    /// Its rows.
    pub fn rows(&self) -> Snapshot {
        Snapshot::at(&self.directory.join(DATABASE))
    }

    /// That the rows are those which were written.
    ///
    /// # Errors
    /// They are not, or cannot be read.
    pub async fn verify(&self) -> Result<(), BackupError> {
        let path = self.directory.join(DATABASE);
        let found = files::digest(path.clone()).await?;
        if found != (self.record.database_bytes, self.record.database_digest) {
            let (bytes, digest) = found;
            return Err(BackupError::Refused(format!(
                "{} is damaged: it has {bytes} bytes and the digest {digest}, and was written with {} bytes and {}",
                path.display(),
                self.record.database_bytes,
                self.record.database_digest
            )));
        }
        Ok(self.rows().verify().await?)
    }
}

impl Begun {
    /// Where its rows go.
    pub(super) fn database(&self) -> PathBuf {
        self.partial.join(DATABASE)
    }

    /// Makes it count.
    pub(super) fn complete(self, record: Record) -> Result<Taken, BackupError> {
        // Cannot fail: strings and numbers.
        let text = serde_json::to_vec_pretty(&record).unwrap_or_default();
        files::write(&self.partial.join(RECORD), &text)?;
        files::sync_directory(&self.partial)?;
        fs::rename(&self.partial, &self.complete).context("rename", &self.partial)?;
        if let Some(parent) = self.complete.parent() {
            files::sync_directory(parent)?;
        }
        Ok(Taken { name: self.name, record, directory: self.complete })
    }
}

fn snapshots(root: &Path) -> Result<Vec<Taken>, BackupError> {
    let directory = root.join(SNAPSHOTS);
    let mut names = files::names(&directory)?;
    names.retain(|name| !name.ends_with(PARTIAL));
    names.sort_unstable();
    names.into_iter().map(|name| read(directory.join(&name), name)).collect()
}

fn read(directory: PathBuf, name: String) -> Result<Taken, BackupError> {
    let path = directory.join(RECORD);
    let text = fs::read(&path).context("read", &path)?;
    let damaged = |why: String| BackupError::Refused(format!("{} is damaged: {why}", path.display()));
    let record: Record = serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
    if record.format != FORMAT {
        return Err(damaged(format!("its form {} is not known to this version of entrepot", record.format)));
    }
    Ok(Taken { name, record, directory })
}

/// A name that sorts by time and that every file system takes.
fn name_of(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string().replace(['-', ':'], "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_when() {
        assert_eq!(name_of(SystemTime::UNIX_EPOCH + Duration::from_secs(1_720_000_000)), "20240703T094640Z");
    }
}
