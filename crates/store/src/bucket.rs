//! A bucket that somebody else writes to.

use std::pin::Pin;

use bytes::Bytes;
use futures_util::Stream;
use uuid::Uuid;

use crate::error::Error;
use crate::objects::{Objects, ObjectsConfig};

/// Objects under names that are not ours, below the configured prefix. They are looked at and read; nothing is written.
#[derive(Clone, Debug)]
pub struct Bucket(Objects);

/// Something directly under a directory of a [`Bucket`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed {
    /// Its name, without those of the directories above.
    pub name: String,
    /// Whether other names begin with it and a slash.
    pub is_directory: bool,
}

impl Bucket {
    /// A bucket, of which one page of its names is asked.
    ///
    /// # Errors
    /// What is wrong with the configuration; what the object store said.
    pub async fn open(config: ObjectsConfig) -> Result<Self, Error> {
        // Nothing is written, so this id is never seen.
        let objects = Objects::open(config, Uuid::nil()).await?;
        objects.list_some().await?;
        Ok(Self(objects))
    }

    /// What is directly under a directory, in order; nothing if there is no such directory. Its name has no slash at its end.
    ///
    /// # Errors
    /// As the object store reports.
    pub async fn list(&self, directory: &str) -> Result<Vec<Listed>, Error> {
        let directory = if directory.is_empty() { String::new() } else { format!("{directory}/") };
        self.0.list_foreign(&directory).await
    }

    /// How many bytes an object has; `None` if it is not there.
    ///
    /// # Errors
    /// As the object store reports.
    pub async fn size(&self, path: &str) -> Result<Option<u64>, Error> {
        self.0.stat_foreign(path).await
    }

    /// The bytes of an object that has at most `limit`; `None` if it is not there.
    ///
    /// # Errors
    /// [`Error::Io`] if it has more; as the object store reports.
    pub async fn read(&self, path: &str, limit: u64) -> Result<Option<Bytes>, Error> {
        self.0.read_foreign(path, limit).await
    }

    /// The bytes of an object that has `size`, in order and as they come: a slow reader slows the store down.
    pub fn stream(&self, path: &str, size: u64) -> Pin<Box<dyn Stream<Item = Result<Bytes, Error>> + Send>> {
        self.0.stream_foreign(path, size)
    }

    /// The address of an object, for messages.
    pub fn place(&self, path: &str) -> String {
        self.0.foreign_place(path)
    }
}
