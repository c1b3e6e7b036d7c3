//! The bytes of one upload on their way into objects.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use entrepot_oci::{Algorithm, Digest};

use super::budget::{Exhausted, START_BYTES, Segment, Share, Wait};
use super::failure::explained;
use super::hashing::Hashing;
use super::written::{self, Ending, Growing, Written};
use super::{LARGEST_OBJECT, Objects};
use crate::error::Error;
use crate::part::NewParts;
use crate::upload::{Checkpoint, Finish, Saved};

/// Bytes that are gathered in one piece of memory, and hashed together.
const SEGMENT_BYTES: usize = 1024 * 1024;
/// Objects of one upload that are completed at the same time.
const OBJECTS_IN_FLIGHT: usize = 2;
/// An upload that holds its memory for so long gives it back when others wait, though that makes one object more.
const HOLD_WHILE_WANTED: Duration = Duration::from_secs(10);

/// Copies chunks into memory of the shared budget, hashes them, and writes them into objects as soon as there is a piece.
///
/// A small body is one request. A large one becomes one object of many pieces or, where objects cannot grow, an object for
/// each piece; up to [`LARGEST_OBJECT`], and but for a client that is slow while others wait. See [`super::budget`] for
/// what it holds and waits for.
#[derive(Debug)]
pub(crate) struct ObjectUpload {
    objects: Objects,
    algorithm: Algorithm,
    /// Bytes given so far.
    offset: u64,
    hashing: Hashing,
    /// Chunks that are given but not copied yet: more than one only if a call was dropped.
    given: VecDeque<Bytes>,
    /// Memory that may still be filled.
    allotment: Option<Allotment>,
    segment: Option<Segment>,
    /// Full segments of the next piece, hashed or being hashed.
    piece: Vec<Bytes>,
    piece_bytes: usize,
    /// The object that takes the pieces, from its first piece on.
    growing: Option<Growing>,
    object_bytes: u64,
    /// Objects that are being completed, in order.
    ending: VecDeque<Ending>,
    /// Complete objects since the last checkpoint.
    written: Vec<Written>,
    /// Whether nothing was taken since the beginning or the last checkpoint: so it may be a small body.
    fresh: bool,
    /// When it last got memory.
    allotted: Instant,
    failed: Option<Error>,
}

#[derive(Debug)]
struct Allotment {
    share: Arc<Share>,
    /// Bytes of it that no segment has yet.
    room: usize,
}

impl ObjectUpload {
    pub(crate) fn new(objects: Objects, at: Checkpoint) -> Self {
        Self {
            objects,
            algorithm: at.hasher.algorithm(),
            offset: at.offset,
            hashing: Hashing::new(at.hasher),
            given: VecDeque::new(),
            allotment: None,
            segment: None,
            piece: Vec::new(),
            piece_bytes: 0,
            growing: None,
            object_bytes: 0,
            ending: VecDeque::new(),
            written: Vec::new(),
            fresh: true,
            allotted: Instant::now(),
            failed: None,
        }
    }

    pub(crate) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    pub(crate) async fn write(&mut self, chunk: Bytes) -> Result<(), Error> {
        self.usable()?;
        if !chunk.is_empty() {
            self.offset += chunk.len() as u64;
            self.given.push_back(chunk);
        }
        let result = self.take_in().await;
        self.remember(result)
    }

    pub(crate) async fn checkpoint(&mut self) -> Result<Saved, Error> {
        self.usable()?;
        let result = self.save().await;
        self.remember(result)
    }

    pub(crate) async fn publish(mut self, digest: &Digest) -> Result<Finish, Error> {
        self.usable()?;
        self.take_in().await?;
        self.seal().await?;
        let found = self.hashing.settle().await?.clone().finish();
        if found != *digest {
            self.abandon().await;
            return Ok(Finish::Mismatch { found });
        }
        let Saved { parts, .. } = self.save().await?;
        Ok(Finish::Published { parts })
    }

    pub(crate) async fn abandon(mut self) {
        if let Some(growing) = self.growing.take() {
            growing.abandon().await;
        }
        for mut ending in self.ending.drain(..) {
            if let Ok(written) = ending.wait().await {
                written.remove().await;
            }
        }
        for written in self.written.drain(..) {
            written.remove().await;
        }
    }

    fn usable(&self) -> Result<(), Error> {
        self.failed.clone().map_or(Ok(()), Err)
    }

    /// Makes an error final, and gives back what the upload holds.
    fn remember<T>(&mut self, result: Result<T, Error>) -> Result<T, Error> {
        if let Err(error) = &result {
            self.failed = Some(error.clone());
            self.given.clear();
            self.allotment = None;
            self.segment = None;
            self.piece = Vec::new();
            self.growing = None;
            self.ending.clear();
            self.written.clear();
        }
        result
    }

    // Each of the following may be dropped at any of its awaits and called again: nothing is taken out of `self` before
    // the last await in front of what is done with it.

    /// Completes the object that takes the bytes, and gives the parts away.
    async fn save(&mut self) -> Result<Saved, Error> {
        self.take_in().await?;
        self.end_object().await?;
        self.settle_all().await?;
        let hasher = self.hashing.settle().await?.clone();
        self.fresh = true;
        let parts = NewParts::from_iter(self.written.drain(..).map(Written::keep));
        Ok(Saved { at: Checkpoint { offset: self.offset, hasher }, parts })
    }

    /// Copies the given chunks, and writes what fills a piece.
    async fn take_in(&mut self) -> Result<(), Error> {
        loop {
            if self.piece_bytes >= self.objects.0.traits.piece {
                self.end_piece().await?;
            } else if self.segment.as_ref().is_some_and(|segment| segment.room() == 0) {
                self.seal().await?;
            } else if self.given.is_empty() {
                break;
            } else if self.segment.is_none() {
                self.allot().await?;
            } else if let (Some(segment), Some(chunk)) = (&mut self.segment, self.given.front_mut()) {
                segment.fill(chunk);
                if chunk.is_empty() {
                    self.given.pop_front();
                }
            }
        }
        if self.is_in_the_way() {
            self.end_object().await?;
        }
        Ok(())
    }

    /// Whether it holds memory for long that others wait for.
    fn is_in_the_way(&self) -> bool {
        let holds = self.allotment.is_some() || self.growing.is_some();
        holds && self.allotted.elapsed() >= HOLD_WHILE_WANTED && self.objects.0.budget.is_wanted()
    }

    /// Takes memory for the next segment.
    async fn allot(&mut self) -> Result<(), Error> {
        if self.allotment.as_ref().is_none_or(|allotment| allotment.room == 0) {
            let (share, room) = self.share().await?;
            self.fresh = false;
            self.allotted = Instant::now();
            self.allotment = Some(Allotment { share, room });
        }
        if let Some(allotment) = &mut self.allotment {
            let capacity = allotment.room.min(SEGMENT_BYTES);
            allotment.room -= capacity;
            self.segment = Some(Segment::new(capacity, Arc::clone(&allotment.share)));
        }
        Ok(())
    }

    /// Memory, and how many bytes of it may be filled.
    async fn share(&mut self) -> Result<(Arc<Share>, usize), Error> {
        let budget = self.objects.0.budget.clone();
        let rest = self.objects.0.traits.piece - self.piece_bytes;
        if self.fresh {
            let share = budget.start().await.map_err(|exhausted| self.exhausted(exhausted))?;
            return Ok((share, START_BYTES.min(rest)));
        }
        if self.growing.is_some() {
            match budget.piece_or_stall(rest).await.map_err(|exhausted| self.exhausted(exhausted))? {
                Wait::Over(share) => return Ok((share, rest)),
                Wait::Stalled(_relief) => {
                    tracing::debug!("no memory comes back; an object is ended early");
                    self.end_object().await?;
                    self.settle_all().await?;
                }
            }
        }
        let share = budget.piece(rest).await.map_err(|exhausted| self.exhausted(exhausted))?;
        Ok((share, rest))
    }

    fn exhausted(&self, _: Exhausted) -> Error {
        let why = "all memory for uploads is taken, and the object store is slow; try again";
        Error::Unavailable(explained("write to", &self.objects.0.bucket, why))
    }

    /// Ends the segment, full or not: begins to hash it, and puts it to the piece.
    async fn seal(&mut self) -> Result<(), Error> {
        self.hashing.settle().await?;
        if let Some(segment) = self.segment.take() {
            let bytes = segment.into_bytes();
            self.hashing.begin(bytes.clone());
            self.piece_bytes += bytes.len();
            self.piece.push(bytes);
        }
        Ok(())
    }

    /// Sends a whole piece on its way.
    async fn end_piece(&mut self) -> Result<(), Error> {
        if !self.objects.0.traits.grows {
            return self.end_object().await;
        }
        match &mut self.growing {
            Some(growing) => growing.place().await?.give(std::mem::take(&mut self.piece)),
            None => self.growing = Some(written::grow(&self.objects, std::mem::take(&mut self.piece))),
        }
        self.object_bytes += self.piece_bytes as u64;
        self.piece_bytes = 0;
        self.allotment = None;
        if self.object_bytes >= LARGEST_OBJECT {
            self.end_object().await?;
        }
        Ok(())
    }

    /// Ends the object with what there is, without waiting until it is complete.
    async fn end_object(&mut self) -> Result<(), Error> {
        self.seal().await?;
        if self.piece.is_empty() && self.growing.is_none() {
            return Ok(());
        }
        while self.ending.len() >= OBJECTS_IN_FLIGHT {
            self.settle_first().await?;
        }
        if let Some(growing) = &mut self.growing {
            drop(growing.place().await?);
        }
        let last = std::mem::take(&mut self.piece);
        let ending = match self.growing.take() {
            Some(growing) => growing.finish(last),
            None => written::put(&self.objects, last),
        };
        self.ending.push_back(ending);
        self.piece_bytes = 0;
        self.object_bytes = 0;
        self.allotment = None;
        Ok(())
    }

    /// Waits for all objects that are being completed.
    async fn settle_all(&mut self) -> Result<(), Error> {
        while !self.ending.is_empty() {
            self.settle_first().await?;
        }
        Ok(())
    }

    /// Waits for the first of the objects that are being completed.
    async fn settle_first(&mut self) -> Result<(), Error> {
        if let Some(ending) = self.ending.front_mut() {
            let result = ending.wait().await;
            self.ending.pop_front();
            self.written.push(result?);
        }
        Ok(())
    }
}
