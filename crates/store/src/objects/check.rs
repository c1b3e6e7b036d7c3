//! Tries every operation that the service needs.

use std::future::ready;
use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt;
use opendal::Buffer;

use super::Objects;
use super::blob::ObjectBlob;
use super::failure::{explained, failure};
use super::signed::Signed;
use super::written;
use crate::check::Check;
use crate::error::Error;
use crate::part::{Key, Part};

const SMALL: Bytes = Bytes::from_static(b"entrepot tries whether this store can be used");
const VALID_FOR: Duration = Duration::from_secs(60);

impl Objects {
    /// Tries everything in turn, also after something failed, and removes what it has written.
    pub(crate) async fn check(&self) -> Vec<Check> {
        let mut checks = Vec::new();
        let mut keys = Vec::new();
        let (small, _hold) = self.new_key();
        keys.push(small);
        let written = self.put(&small, Buffer::from(SMALL)).await;
        let missing = "permission to write objects, or the bucket itself";
        checks.push(Check::new("write a small object", missing, written));
        let missing = "permission to read objects";
        checks.push(Check::new("read it", missing, self.compare(small, 0, SMALL).await));
        let missing = "ranges; without them no pull can go on where it stopped";
        checks.push(Check::new("read a range of it", missing, self.compare(small, 9, SMALL.slice(9..14)).await));
        let missing = "an error; a store that answers with fewer bytes would break images";
        checks.push(Check::new("be refused a range behind its end", missing, self.overread(small).await));
        checks.push(self.sign(small).await);
        checks.push(self.large(&mut keys).await);
        checks.push(self.unfinished_objects().await);
        let missing = "permission to list objects; without it the purge does not find what a crash left behind";
        checks.push(Check::new("list objects", missing, self.find(small).await));
        let missing = "permission to remove objects";
        checks.push(Check::new("remove objects", missing, self.remove(&keys).await));
        let missing = "objects that are gone once they are removed: look for a lock or a retention rule on the bucket";
        checks.push(Check::new("see that they are gone", missing, self.see_gone(small).await));
        let missing = "success for what is not there, on which clean-up after a crash relies";
        checks.push(Check::new("remove an object that is gone", missing, self.remove(&[small]).await));
        checks
    }

    async fn compare(&self, key: Key, from: u64, expected: Bytes) -> Result<(), Error> {
        let size = from + expected.len() as u64;
        let blob = ObjectBlob::open(self.clone(), &[Part { key, size }], size)?;
        let found: Vec<Bytes> = blob.stream(from..size).await?.try_collect().await?;
        if found.concat() == expected { Ok(()) } else { Err(self.odd(&key, "it gave other bytes than were written")) }
    }

    /// Reads more than there is.
    async fn overread(&self, key: Key) -> Result<(), Error> {
        let size = SMALL.len() as u64 + 10;
        let blob = ObjectBlob::open(self.clone(), &[Part { key, size }], size)?;
        for range in [0..size, SMALL.len() as u64..size] {
            let read = match blob.stream(range).await {
                Ok(pieces) => pieces.try_for_each(|_| ready(Ok(()))).await,
                Err(error) => Err(error),
            };
            match read {
                Ok(()) => return Err(self.odd(&key, "it gave bytes that were never written")),
                // This says nothing of ranges.
                Err(error @ (Error::Missing(_) | Error::Denied(_))) => return Err(error),
                Err(_) => {}
            }
        }
        Ok(())
    }

    async fn sign(&self, key: Key) -> Check {
        const WHAT: &str = "sign an address and read from it";
        let missing =
            "signed addresses that work; leave redirects off, or look at the clock and at the key's permissions";
        let size = SMALL.len() as u64;
        let signed = match ObjectBlob::open(self.clone(), &[Part { key, size }], size) {
            Ok(blob) => blob.signed_url(VALID_FOR).await,
            Err(error) => Err(error),
        };
        match signed {
            Ok(None) => {
                Check::not_needed(WHAT, "these credentials cannot sign addresses, so pulls are never redirected")
            }
            Ok(Some(url)) => Check::new(WHAT, missing, self.fetch(&key, &url).await),
            Err(error) => Check::new(WHAT, missing, Err(error)),
        }
    }

    /// Reads from a signed address as a client would.
    async fn fetch(&self, key: &Key, url: &str) -> Result<(), Error> {
        let failed = |error: reqwest::Error| self.odd(key, &error.without_url().to_string());
        let response = self.0.client.get(url).timeout(VALID_FOR).send().await.map_err(failed)?;
        let status = response.status();
        let body = response.bytes().await.map_err(failed)?;
        match status.is_success() && body == SMALL {
            true => Ok(()),
            false => Err(self.odd(key, &format!("it answered {status}, or with other bytes"))),
        }
    }

    /// Writes an object that is larger than one request.
    async fn large(&self, keys: &mut Vec<Key>) -> Check {
        let what = "write a large object in pieces, and read it over their border";
        let missing = "multipart uploads";
        let piece = Bytes::from(vec![7; self.0.traits.piece]);
        let mut ending = if self.0.traits.grows {
            let mut growing = written::grow(self, vec![piece.clone()]);
            if let Err(error) = growing.place().await {
                return Check::new(what, missing, Err(error));
            }
            growing.finish(vec![SMALL])
        } else {
            written::put(self, vec![piece.slice(SMALL.len()..), SMALL])
        };
        let result = match ending.wait().await {
            Ok(written) => {
                let (part, _hold) = written.keep();
                keys.push(part.key);
                let from = part.size - SMALL.len() as u64 - 5;
                let expected = [&piece[..5], &SMALL].concat();
                self.compare(part.key, from, expected.into()).await
            }
            Err(error) => Err(error),
        };
        Check::new(what, missing, result)
    }

    /// Leaves an object unfinished, finds it, and ends it.
    async fn unfinished_objects(&self) -> Check {
        const WHAT: &str = "find and end an unfinished object";
        if !self.0.signed.as_ref().is_some_and(Signed::lists_unfinished) {
            let why = if self.0.traits.grows {
                "this store removes what is unfinished by itself, after a week"
            } else {
                "with this store there is nothing unfinished: every request writes an object"
            };
            return Check::not_needed(WHAT, why);
        }
        let missing = "permission to list and abort multipart uploads; without it a crash leaves parts that cost money";
        Check::new(WHAT, missing, self.begin_and_end().await)
    }

    async fn begin_and_end(&self) -> Result<(), Error> {
        let (key, hold) = self.new_key();
        let mut writer = self.writer(&key).await?;
        // The library begins the upload when there is a second piece.
        for _ in 0..2 {
            let piece = Buffer::from(vec![7; self.0.traits.piece]);
            writer.write(piece).await.map_err(|error| failure("write", &self.place(&key), &error))?;
        }
        let path = self.path(&key);
        let found = self.unfinished(&path).await?;
        drop((writer, hold));
        if found.is_empty() {
            return Err(self.odd(&key, "it does not list an upload that was begun"));
        }
        self.abort_unfinished(&path).await?;
        match self.unfinished(&path).await?.is_empty() {
            true => Ok(()),
            false => Err(self.odd(&key, "it still lists an upload that was aborted")),
        }
    }

    async fn find(&self, key: Key) -> Result<(), Error> {
        let path = self.path(&key);
        let found = self.0.operator.lister(&self.directory(key.writer())).await;
        let found = found.map_err(|error| failure("list", &self.0.bucket, &error))?;
        let found = found.try_any(|entry| ready(entry.path() == path)).await;
        match found.map_err(|error| failure("list", &self.0.bucket, &error))? {
            true => Ok(()),
            false => Err(self.odd(&key, "it does not list an object that was written")),
        }
    }

    async fn see_gone(&self, key: Key) -> Result<(), Error> {
        match self.compare(key, 0, SMALL).await {
            Err(Error::Missing(_)) => Ok(()),
            Err(error) => Err(error),
            Ok(()) => Err(self.odd(&key, "it is still there")),
        }
    }

    fn odd(&self, key: &Key, why: &str) -> Error {
        Error::Io(explained("use", &self.place(key), why))
    }
}
