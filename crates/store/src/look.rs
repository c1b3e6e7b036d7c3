//! Looking at what a store has, beside whoever uses it.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use entrepot_oci::Digest;
use uuid::Uuid;

use crate::disk::Layout;
use crate::error::{Context, Error};
use crate::objects::{Objects, ObjectsConfig};
use crate::part::Part;

/// A store that is only looked at: nothing is written, made or locked, so a registry may run over it meanwhile.
#[derive(Clone, Debug)]
pub struct Look(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Disk(Arc<Layout>),
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
            fs::read_dir(directory).map(drop).context("read the directory", directory)?;
        }
        Ok(Self(Kind::Disk(Arc::new(layout))))
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
            Kind::Disk(layout) => {
                // One system call: a change of threads would cost more.
                let path = layout.blob(digest);
                fs::metadata(&path).map(|metadata| metadata.len()).context("find", &path)
            }
            Kind::Objects(objects) => objects.size(parts).await,
        }
    }
}
