//! Looking at what a store has, beside whoever uses it.

use std::fs;
use std::path::Path;

use entrepot_oci::Digest;
use uuid::Uuid;

use crate::blob::Blob;
use crate::disk::{FileBlob, Layout, Root};
use crate::error::{Context, Error};
use crate::objects::{ObjectBlob, Objects, ObjectsConfig};
use crate::part::Part;

/// A store that is only looked at: nothing is written, made or locked, so a registry may run over it meanwhile.
#[derive(Clone, Debug)]
pub struct Look(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Disk(Root),
    Objects(Objects),
}

impl Look {
    /// At the store in the directory `root`. Blocks the calling thread.
    ///
    /// # Errors
    /// [`Error::Missing`] if there is none, [`Error::Denied`] if it cannot be read.
    pub fn disk(root: &Path) -> Result<Self, Error> {
        let layout = Layout::new(root);
        for directory in [&root.join("blobs"), layout.uploads()] {
            look_into(directory)?;
        }
        Ok(Self(Kind::Disk(Root::look(layout, false)?)))
    }

    /// At a store in a directory that nobody changes as long as it is looked at: if the directory has its lock, that is shared with
    /// others who look. Where nothing was ever uploaded, there may be no place for that.
    ///
    /// # Errors
    /// As [`Look::disk`]; [`Error::Busy`] if somebody uses it.
    pub fn still(root: &Path) -> Result<Self, Error> {
        let layout = Layout::new(root);
        look_into(&root.join("blobs"))?;
        Ok(Self(Kind::Disk(Root::look(layout, true)?)))
    }

    /// Whether blobs are files.
    pub fn is_disk(&self) -> bool {
        matches!(self.0, Kind::Disk(_))
    }

    /// At an object store, of which one page of its names is asked.
    ///
    /// # Errors
    /// What is wrong with the configuration; what the object store said.
    pub async fn objects(config: ObjectsConfig) -> Result<Self, Error> {
        // Nothing is written, so this id is never seen.
        let objects = Objects::open(config, Uuid::nil()).await?;
        objects.list_some().await?;
        Ok(Self(Kind::Objects(objects)))
    }

    /// The bytes of a blob, as the store counts them.
    ///
    /// # Errors
    /// [`Error::Missing`] if the blob, or one of its parts, is not there; as the operating system or the object store reports.
    pub async fn size(&self, digest: &Digest, parts: &[Part]) -> Result<u64, Error> {
        match &self.0 {
            Kind::Disk(root) => {
                // One system call: a change of threads would cost more.
                let path = root.layout.blob(digest);
                fs::metadata(&path).map(|metadata| metadata.len()).context("find", &path)
            }
            Kind::Objects(objects) => objects.size(parts).await,
        }
    }

    /// Opens a blob of `size` bytes, as [`Store::get`](crate::Store::get) does.
    ///
    /// # Errors
    /// As there.
    pub fn get(&self, digest: &Digest, parts: &[Part], size: u64) -> Result<Blob, Error> {
        match &self.0 {
            Kind::Disk(root) => FileBlob::open(root.clone(), digest).map(Blob::from),
            Kind::Objects(objects) => ObjectBlob::open(objects.clone(), parts, size).map(Blob::from),
        }
    }
}

fn look_into(directory: &Path) -> Result<(), Error> {
    fs::read_dir(directory).map(drop).context("read the directory", directory)
}
