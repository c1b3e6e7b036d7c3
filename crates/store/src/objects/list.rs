//! What lies in the object store.

use std::collections::BTreeSet;
use std::future::ready;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use uuid::Uuid;

use super::Objects;
use super::failure::failure;
use crate::error::Error;
use crate::part::{Key, Part, parse_id};

/// Keys, in no order that can be relied on.
pub struct Keys(Pin<Box<dyn Stream<Item = Result<Key, Error>> + Send>>);

impl Keys {
    pub(crate) fn none() -> Self {
        Self(Box::pin(stream::empty()))
    }
}

impl Stream for Keys {
    type Item = Result<Key, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(cx)
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}

impl Objects {
    /// The objects of `writer` that this process is not writing. Names that are no keys are left alone.
    pub(crate) async fn written_by(&self, writer: Uuid) -> Result<Keys, Error> {
        let directory = self.directory(writer);
        let failed = |objects: &Self, error: &opendal::Error| failure("list", &objects.0.bucket, error);
        let entries = self.0.operator.lister_with(&directory).recursive(true).await;
        let entries = entries.map_err(|error| failed(self, &error))?;
        let objects = self.clone();
        let keys = entries.filter_map(move |entry| {
            ready(match entry {
                // Asked after the object was seen: one that is not in progress now is recorded, or never will be.
                Ok(entry) => objects.key_of(entry.path()).filter(|key| !objects.0.in_progress.contains(key)).map(Ok),
                Err(error) => Some(Err(failed(&objects, &error))),
            })
        });
        Ok(Keys(Box::pin(keys)))
    }

    /// Ends what `writer` began and did not complete.
    pub(crate) async fn abort_unfinished_of(&self, writer: Uuid) -> Result<u64, Error> {
        self.abort_unfinished(&self.directory(writer)).await
    }

    pub(crate) fn directory(&self, writer: Uuid) -> String {
        format!("{}{writer}/", self.0.prefix.as_str())
    }

    /// Everybody who has objects, complete or not.
    pub(crate) async fn writers(&self) -> Result<BTreeSet<Uuid>, Error> {
        let failed = |error| failure("list", &self.0.bucket, &error);
        let prefix = self.0.prefix.as_str();
        let entries = self.0.operator.lister(prefix).await.map_err(failed)?;
        let complete = entries.try_filter_map(|entry| {
            let name = entry.path().strip_prefix(prefix).and_then(|name| name.strip_suffix('/'));
            ready(Ok(name.and_then(parse_id)))
        });
        let mut writers: BTreeSet<Uuid> = complete.try_collect().await.map_err(failed)?;
        let unfinished = self.unfinished(prefix).await?;
        writers.extend(unfinished.iter().filter_map(|path| self.key_of(path)).map(|key| key.writer()));
        Ok(writers)
    }

    /// Asks for some of what is there, to see whether the store answers.
    pub(crate) async fn list_some(&self) -> Result<(), Error> {
        let failed = |error| failure("list", &self.0.bucket, &error);
        let mut entries = self.0.operator.lister_with(self.0.prefix.as_str()).limit(1).await.map_err(failed)?;
        entries.try_next().await.map(drop).map_err(failed)
    }

    /// The bytes of objects together, as the store counts them.
    pub(crate) async fn size(&self, parts: &[Part]) -> Result<u64, Error> {
        let mut size = 0;
        for Part { key, .. } in parts {
            let found = self.0.operator.stat(&self.path(key)).await;
            size += found.map_err(|error| self.failure("find", key, &error))?.content_length();
        }
        Ok(size)
    }

    /// The key at a path.
    pub(crate) fn key_of(&self, path: &str) -> Option<Key> {
        path.strip_prefix(self.0.prefix.as_str())?.parse().ok()
    }
}
