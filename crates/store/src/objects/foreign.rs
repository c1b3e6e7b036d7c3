//! Objects that somebody else wrote, under names of their own.

use std::pin::Pin;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt};
use opendal::ErrorKind;

use super::Objects;
use super::failure::{explained, failure};
use crate::bucket::Listed;
use crate::error::Error;

impl Objects {
    /// What is directly under a directory, which is empty or ends with a slash.
    pub(crate) async fn list_foreign(&self, directory: &str) -> Result<Vec<Listed>, Error> {
        let path = self.foreign(directory);
        let failed = |error| failure("list", &self.foreign_place(directory), &error);
        let entries = self.0.operator.lister(&path).await.map_err(failed)?;
        let listed = entries.map_ok(|entry| {
            let name = entry.path().strip_prefix(&path).unwrap_or_default().trim_end_matches('/').to_owned();
            Listed { name, is_directory: entry.metadata().is_dir() }
        });
        let mut listed: Vec<_> = listed.try_collect().await.map_err(failed)?;
        // The directory itself may be among them.
        listed.retain(|entry| !entry.name.is_empty());
        listed.sort();
        Ok(listed)
    }

    /// How many bytes an object has.
    pub(crate) async fn stat_foreign(&self, path: &str) -> Result<Option<u64>, Error> {
        match self.0.operator.stat(&self.foreign(path)).await {
            Ok(metadata) => Ok(Some(metadata.content_length())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failure("find", &self.foreign_place(path), &error)),
        }
    }

    /// The bytes of a small object.
    pub(crate) async fn read_foreign(&self, path: &str, limit: u64) -> Result<Option<Bytes>, Error> {
        let Some(size) = self.stat_foreign(path).await? else { return Ok(None) };
        if size > limit {
            let why = format!("it has {size} bytes, which are more than {limit}");
            return Err(Error::Io(explained("read", &self.foreign_place(path), why)));
        }
        match self.0.operator.read(&self.foreign(path)).await {
            Ok(content) => Ok(Some(content.to_bytes())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failure("read", &self.foreign_place(path), &error)),
        }
    }

    /// The `size` bytes of an object, in pieces.
    pub(crate) fn stream_foreign(
        &self,
        path: &str,
        size: u64,
    ) -> Pin<Box<dyn Stream<Item = Result<Bytes, Error>> + Send>> {
        let (objects, path) = (self.clone(), path.to_owned());
        let begun = async move {
            let place = objects.foreign_place(&path);
            let failed = {
                let place = place.clone();
                move |error| failure("read", &place, &error)
            };
            let reader = objects.0.operator.reader(&objects.foreign(&path)).await.map_err(&failed)?;
            let pieces = reader.into_stream(0..size).await.map_err(&failed)?;
            Ok::<_, Error>(pieces.map_ok(|buffer| buffer.to_bytes()).map_err(failed))
        };
        Box::pin(futures_util::stream::once(begun).try_flatten().boxed())
    }

    fn foreign(&self, path: &str) -> String {
        format!("{}{path}", self.0.prefix.as_str())
    }

    /// The address of an object, for messages.
    pub(crate) fn foreign_place(&self, path: &str) -> String {
        format!("{}/{}", self.0.bucket, self.foreign(path))
    }
}
