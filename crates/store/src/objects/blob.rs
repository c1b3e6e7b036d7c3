//! Reading a blob that is a list of parts.

use std::collections::VecDeque;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use entrepot_oci::{Algorithm, Hasher};
use futures_util::{StreamExt, stream};
use opendal::{BufferStream, ErrorKind};

use super::Objects;
use super::failure::explained;
use super::hashing::Hashing;
use crate::blob::Pieces;
use crate::error::Error;
use crate::part::{Key, Part};
use crate::upload::Checkpoint;

/// A blob of which nothing was asked yet.
#[derive(Clone, Debug)]
pub(crate) struct ObjectBlob {
    objects: Objects,
    parts: Arc<[Part]>,
    size: u64,
}

impl ObjectBlob {
    pub(crate) fn open(objects: Objects, parts: &[Part], size: u64) -> Result<Self, Error> {
        let total = parts.iter().try_fold(0_u64, |total, part| total.checked_add(part.size));
        if total != Some(size) {
            let why = format!("its {} parts do not have {size} bytes together", parts.len());
            return Err(Error::Io(explained("read", "a blob", why)));
        }
        Ok(Self { objects, parts: parts.into(), size })
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// The bytes of `range`, which is within the blob. Waits for the first of them, so that a store that cannot give them
    /// shows before anybody was promised anything.
    ///
    /// One request for each part, whose answer is handed on as it arrives: a slow reader slows the store down, and costs no
    /// memory.
    pub(crate) async fn stream(&self, range: Range<u64>) -> Result<Pieces, Error> {
        let mut reading = Reading { objects: self.objects.clone(), slices: self.slices(range), open: None };
        let first = reading.next().await?;
        let Some(first) = first else { return Ok(Box::pin(stream::empty())) };
        let rest = stream::try_unfold(reading, async |mut reading| {
            let next = reading.next().await?;
            Ok(next.map(|bytes| (bytes, reading)))
        });
        Ok(Box::pin(stream::once(async { Ok(first) }).chain(rest)))
    }

    pub(crate) async fn read_all(&self) -> Result<Bytes, Error> {
        let mut pieces = self.stream(0..self.size).await?;
        let Some(first) = pieces.next().await.transpose()? else { return Ok(Bytes::new()) };
        if first.len() as u64 == self.size {
            return Ok(first);
        }
        let mut all = BytesMut::from(first);
        while let Some(piece) = pieces.next().await.transpose()? {
            all.extend_from_slice(&piece);
        }
        Ok(all.freeze())
    }

    pub(crate) async fn signed_url(&self, valid_for: Duration) -> Result<Option<String>, Error> {
        let [part] = &self.parts[..] else { return Ok(None) };
        if !self.objects.0.traits.signs {
            return Ok(None);
        }
        if let Some(signed) = self.objects.0.signed.as_ref().filter(|signed| signed.signs_addresses()) {
            return signed.url(&self.objects.path(&part.key), valid_for).await.map(Some);
        }
        match self.objects.0.operator.presign_read(&self.objects.path(&part.key), valid_for).await {
            // One that needs more than its address is of no use to a client that follows a redirect.
            Ok(request) => Ok(request.header().keys().all(|name| name == "host").then(|| request.uri().to_string())),
            Err(error) if error.kind() == ErrorKind::Unsupported => Ok(None),
            Err(error) => Err(self.objects.failure("sign an address of", &part.key, &error)),
        }
    }

    /// What of each part belongs to the range.
    fn slices(&self, range: Range<u64>) -> VecDeque<(Key, Range<u64>)> {
        let mut begin = 0;
        let mut slices = VecDeque::new();
        for part in self.parts.iter() {
            let end = begin + part.size;
            let (first, last) = (range.start.max(begin), range.end.min(end));
            if first < last {
                slices.push_back((part.key, first - begin..last - begin));
            }
            begin = end;
        }
        slices
    }
}

struct Reading {
    objects: Objects,
    /// Those that are still to be opened.
    slices: VecDeque<(Key, Range<u64>)>,
    /// The one that is being read, and how many bytes of it are missing.
    open: Option<(Key, Pin<Box<BufferStream>>, u64)>,
}

impl Reading {
    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            if let Some((key, stream, missing)) = &mut self.open {
                match stream.next().await {
                    Some(Ok(buffer)) if buffer.is_empty() => continue,
                    Some(Ok(buffer)) if buffer.len() as u64 <= *missing => {
                        *missing -= buffer.len() as u64;
                        return Ok(Some(buffer.to_bytes()));
                    }
                    Some(Ok(_)) => {
                        return Err(self.objects.wrong(key, "the store sent more bytes than it was asked for"));
                    }
                    Some(Err(error)) => return Err(self.objects.failure("read", key, &error)),
                    None if *missing > 0 => {
                        return Err(self.objects.wrong(key, "the object is shorter than it must be"));
                    }
                    None => self.open = None,
                }
            }
            let Some((key, range)) = self.slices.pop_front() else { return Ok(None) };
            let length = range.end - range.start;
            let stream = self.objects.read(&key, range).await?;
            self.open = Some((key, Box::pin(stream), length));
        }
    }
}

impl Objects {
    /// Hashes the `length` bytes of `parts`.
    pub(crate) async fn rehash(&self, algorithm: Algorithm, length: u64, parts: &[Part]) -> Result<Checkpoint, Error> {
        let mut hashing = Hashing::new(Hasher::new(algorithm));
        let mut pieces = ObjectBlob::open(self.clone(), parts, length)?.stream(0..length).await?;
        while let Some(piece) = pieces.next().await.transpose()? {
            hashing.settle().await?;
            hashing.begin(piece);
        }
        Ok(Checkpoint { offset: length, hasher: hashing.settle().await?.clone() })
    }

    /// The bytes of a range of an object, in one request.
    async fn read(&self, key: &Key, range: Range<u64>) -> Result<BufferStream, Error> {
        let failed = |error| self.failure("read", key, &error);
        let reader = self.0.operator.reader(&self.path(key)).await.map_err(failed)?;
        reader.into_stream(range).await.map_err(failed)
    }

    fn wrong(&self, key: &Key, why: &str) -> Error {
        Error::Io(explained("read", &self.place(key), why))
    }
}
