//! Where everything lies under the root directory.
//!
//! ```text
//! root/lock                        held with flock while a process uses the directory
//! root/uploads/<uuid>              bytes of an unfinished upload
//! root/quarantine/                 blobs that were found damaged; made when there is one
//! root/blobs/<algorithm>/ab/<hex>  a blob; `ab` are the first two characters of its hash
//! ```
//! Directories are made with mode 0700 and files with 0600: layers of private images are nobody else's business.
//! The mode of a root directory that exists already is left alone.

use std::fs::{DirBuilder, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use entrepot_oci::{Algorithm, Digest};
use uuid::Uuid;

use super::step::step;
use crate::error::{Context, Error};

/// Mode of every file that the store makes.
pub(crate) const FILE_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;

/// Name in `uploads` of the file that is made and removed to see whether the disk takes bytes.
pub(crate) const PROBE: &str = ".probe";

/// The paths under one root directory.
#[derive(Debug)]
pub(crate) struct Layout {
    root: PathBuf,
    uploads: PathBuf,
    /// Which directories of blobs are there and survive a power loss.
    durable_fans: [AtomicBool; FANS],
}

/// 256 for each algorithm.
const FANS: usize = 512;

fn place(algorithm: Algorithm, prefix: u8) -> usize {
    usize::from(prefix)
        + match algorithm {
            Algorithm::Sha256 => 0,
            Algorithm::Sha512 => 256,
        }
}

/// The first byte of the hash.
pub(crate) fn prefix(digest: &Digest) -> u8 {
    // The hash of a digest is always hexadecimal.
    digest.hex().get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok()).unwrap_or_default()
}

impl Layout {
    pub(crate) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            uploads: root.join("uploads"),
            durable_fans: [const { AtomicBool::new(false) }; FANS],
        }
    }

    /// Makes what is missing of the root directory and syncs all directories that lead to it.
    pub(crate) fn create_root(&self) -> Result<(), Error> {
        create_with_parents(&self.root)
    }

    /// Makes the directories, and makes them durable together with those for blobs that are there already.
    pub(crate) fn create(&self) -> Result<(), Error> {
        create_directory(&self.uploads)?;
        create_directory(&self.root.join("blobs"))?;
        for algorithm in Self::ALGORITHMS {
            let directory = self.algorithm(algorithm);
            create_directory(&directory)?;
            for prefix in 0..=u8::MAX {
                if self.fan(algorithm, prefix).is_dir() {
                    self.durable_fans[place(algorithm, prefix)].store(true, Ordering::Relaxed);
                }
            }
            // A process that was killed may have made some without coming to this.
            sync_directory(&directory)?;
        }
        sync_directory(&self.root.join("blobs"))?;
        sync_directory(&self.root)?;
        let device = |path: &Path| Ok::<_, Error>(path.metadata().context("look at", path)?.dev());
        if device(&self.uploads)? != device(&self.algorithm(Algorithm::Sha256))? {
            return Err(Error::explained(
                "publish from",
                &self.uploads,
                ErrorKind::CrossesDevices,
                "uploads and blobs must be on the same file system",
            ));
        }
        Ok(())
    }

    /// Makes the directory of a blob, durably, unless that is known to be done.
    pub(crate) fn create_fan(&self, digest: &Digest) -> Result<(), Error> {
        let (algorithm, prefix) = (digest.algorithm(), prefix(digest));
        let durable = &self.durable_fans[place(algorithm, prefix)];
        if !durable.load(Ordering::Acquire) {
            create_directory(&self.fan(algorithm, prefix))?;
            sync_directory(&self.algorithm(algorithm))?;
            durable.store(true, Ordering::Release);
        }
        Ok(())
    }

    /// In the order of digests.
    pub(crate) const ALGORITHMS: [Algorithm; 2] = [Algorithm::Sha256, Algorithm::Sha512];

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    pub(crate) fn probe(&self) -> PathBuf {
        self.uploads.join(PROBE)
    }

    pub(crate) fn uploads(&self) -> &Path {
        &self.uploads
    }

    pub(crate) fn staged(&self, id: Uuid) -> PathBuf {
        self.uploads.join(&*id.hyphenated().encode_lower(&mut Uuid::encode_buffer()))
    }

    /// Where damaged blobs are kept, made durable if it is not there yet.
    pub(crate) fn create_quarantine(&self) -> Result<PathBuf, Error> {
        let directory = self.root.join("quarantine");
        if !directory.is_dir() {
            create_directory(&directory)?;
            sync_directory(&self.root)?;
        }
        Ok(directory)
    }

    fn algorithm(&self, algorithm: Algorithm) -> PathBuf {
        self.root.join("blobs").join(algorithm.name())
    }

    /// The directory of the blobs whose hash begins with `prefix`.
    pub(crate) fn fan(&self, algorithm: Algorithm, prefix: u8) -> PathBuf {
        self.algorithm(algorithm).join(format!("{prefix:02x}"))
    }

    pub(crate) fn blob(&self, digest: &Digest) -> PathBuf {
        let root = self.root.as_os_str();
        digest.with_text(|text| {
            // "sha256:abcd…" has a colon, and two characters behind it, by construction.
            let (algorithm, hex) = text.split_once(':').unwrap_or_default();
            let prefix = hex.get(..2).unwrap_or_default();
            // One allocation: this is on the path of every read.
            let mut path = PathBuf::with_capacity(root.len() + "/blobs///".len() + text.len() + 2);
            for part in [root, "blobs".as_ref(), algorithm.as_ref(), prefix.as_ref(), hex.as_ref()] {
                path.push(part);
            }
            path
        })
    }
}

fn create_with_parents(path: &Path) -> Result<(), Error> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => return Ok(()),
    };
    create_with_parents(parent)?;
    create_directory(path)?;
    sync_directory(parent)
}

fn create_directory(path: &Path) -> Result<(), Error> {
    match DirBuilder::new().mode(DIRECTORY_MODE).create(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        result => result.context("make the directory", path),
    }
}

/// Makes the entries of a directory durable.
pub(crate) fn sync_directory(path: &Path) -> Result<(), Error> {
    step!("store::before_dir_sync", path);
    File::open(path).and_then(|directory| directory.sync_all()).context("sync the directory", path)?;
    step!("store::after_dir_sync", path);
    Ok(())
}

/// Makes the name of a file durable.
pub(crate) fn sync_parent(path: &Path) -> Result<(), Error> {
    path.parent().map_or(Ok(()), sync_directory)
}

/// Makes a missing file a success.
pub(crate) fn allow_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let layout = Layout::new(Path::new("/data"));
        let digest = Digest::of(Algorithm::Sha256, b"");
        assert_eq!(layout.blob(&digest), Path::new("/data/blobs/sha256/e3").join(digest.hex()));
        let digest = Digest::of(Algorithm::Sha512, b"");
        assert_eq!(layout.blob(&digest), Path::new("/data/blobs/sha512/cf").join(digest.hex()));
        assert_eq!(layout.staged(Uuid::nil()), Path::new("/data/uploads/00000000-0000-0000-0000-000000000000"));
        assert_eq!(layout.fan(Algorithm::Sha256, 10), Path::new("/data/blobs/sha256/0a"));
    }
}
