//! The memory that all uploads of the process share.
//!
//! # Why nobody waits for ever
//!
//! There are two pools. An upload takes its **start** from the first, a small one, so that small bodies take little and
//! never wait for large ones. When its start is full, it takes the rest of a whole **piece** from the second, at once,
//! and later whole pieces. Who waits for the first pool holds nothing of either but what is on its way to the object
//! store. Who waits for the second may hold a start, and nobody who holds memory of the second waits for the first. What
//! the second pool has given out is on its way to the store, which ends by itself, or is being filled by a client, which
//! needs no more memory, or is a piece that the library keeps back until the next one comes: it must know whether it is
//! the last. Uploads that wait for their next piece while their last one is kept back could wait for each other in a
//! circle. So one that sees that no memory comes back at all ends its object with what it has ([`Wait::Stalled`]), and
//! waits on with nothing in its hands; one at a time does so, as its memory then helps the others. So memory of the
//! second pool always comes back, and then that of the first.
//!
//! A client that sends slowly could still keep others waiting. Uploads look at [`Budget::is_wanted`] for that.
//!
//! Memory is given back when the last piece of bytes of it is dropped, wherever that is: the HTTP client holds them until
//! they are sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes that an upload takes first.
pub(crate) const START_BYTES: usize = 256 * 1024;
/// Bytes that a permit stands for.
const UNIT: usize = 1024;
/// How long an upload waits for memory.
const PATIENCE: Duration = Duration::from_secs(30);
/// When no memory came back for so long, something has to be done for it.
const STALL: Duration = Duration::from_secs(1);

/// The two pools; clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    starts: Arc<Pool>,
    pieces: Arc<Pool>,
}

#[derive(Debug)]
struct Pool {
    free: Arc<Semaphore>,
    waiting: AtomicUsize,
    /// How many shares came back.
    returned: AtomicU64,
    /// Who sees a stall takes it.
    relief: Arc<Semaphore>,
    /// Bytes given out, of both pools.
    used: Gauge,
}

/// Memory that an upload may fill. Given back when it and all [`Segment`]s made of it are gone.
#[derive(Debug)]
pub(crate) struct Share {
    pool: Arc<Pool>,
    permit: OwnedSemaphorePermit,
}

/// How a wait for memory ended.
#[derive(Debug)]
pub(crate) enum Wait {
    /// Here it is.
    Over(Arc<Share>),
    /// No memory comes back at all. Who is told so lets go what it has before it waits again, and then drops this, which
    /// nobody else gets meanwhile.
    Stalled(OwnedSemaphorePermit),
}

/// No memory came free in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exhausted;

impl Budget {
    /// The least that is enough for pieces of `piece` bytes.
    pub(crate) fn least(piece: usize) -> usize {
        ((piece + UNIT).div_ceil(3) * 4).max(4 * START_BYTES)
    }

    /// Divides `bytes` into a quarter for starts and three for pieces. `used` shows how many bytes are given out.
    pub(crate) fn new(bytes: usize, used: &Gauge) -> Self {
        let starts = (bytes / 4).max(START_BYTES);
        Self { starts: Pool::new(starts, used), pieces: Pool::new(bytes.saturating_sub(starts), used) }
    }

    /// [`START_BYTES`] bytes.
    pub(crate) async fn start(&self) -> Result<Arc<Share>, Exhausted> {
        self.starts.take(START_BYTES).await
    }

    /// `bytes` bytes of a piece.
    pub(crate) async fn piece(&self, bytes: usize) -> Result<Arc<Share>, Exhausted> {
        self.pieces.take(bytes).await
    }

    /// The same, for one who has a piece that is kept back, and can let it go.
    pub(crate) async fn piece_or_stall(&self, bytes: usize) -> Result<Wait, Exhausted> {
        let mut taking = std::pin::pin!(self.pieces.take(bytes));
        loop {
            let before = self.pieces.returned.load(Ordering::Relaxed);
            match tokio::time::timeout(STALL, &mut taking).await {
                Ok(share) => return share.map(Wait::Over),
                Err(_) if self.pieces.returned.load(Ordering::Relaxed) != before => {}
                Err(_) => {
                    if let Ok(relief) = Arc::clone(&self.pieces.relief).try_acquire_owned() {
                        return Ok(Wait::Stalled(relief));
                    }
                }
            }
        }
    }

    /// Whether somebody waits for memory.
    pub(crate) fn is_wanted(&self) -> bool {
        self.starts.waiting.load(Ordering::Relaxed) + self.pieces.waiting.load(Ordering::Relaxed) > 0
    }
}

impl Pool {
    fn new(bytes: usize, used: &Gauge) -> Arc<Self> {
        let free = Arc::new(Semaphore::new((bytes / UNIT).min(Semaphore::MAX_PERMITS)));
        let relief = Arc::new(Semaphore::new(1));
        Arc::new(Self { free, waiting: AtomicUsize::new(0), returned: AtomicU64::new(0), relief, used: used.clone() })
    }

    /// In the order in which they asked.
    async fn take(self: &Arc<Self>, bytes: usize) -> Result<Arc<Share>, Exhausted> {
        let units = u32::try_from(bytes.div_ceil(UNIT)).map_err(|_| Exhausted)?;
        let _waiting = Waiting::new(&self.waiting);
        let permit = tokio::time::timeout(PATIENCE, Arc::clone(&self.free).acquire_many_owned(units)).await;
        match permit {
            Ok(Ok(permit)) => {
                let share = Share { pool: Arc::clone(self), permit };
                self.used.inc_by(share.bytes());
                Ok(Arc::new(share))
            }
            Ok(Err(_)) | Err(_) => Err(Exhausted),
        }
    }
}

/// Counts one who waits, also if that one is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Share {
    fn bytes(&self) -> i64 {
        (self.permit.num_permits() * UNIT) as i64
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.pool.used.dec_by(self.bytes());
        self.pool.returned.fetch_add(1, Ordering::Relaxed);
    }
}

/// Bytes that were copied into the memory of a share.
#[derive(Debug)]
pub(crate) struct Segment {
    bytes: Vec<u8>,
    _share: Arc<Share>,
}

impl Segment {
    /// An empty one with room for `capacity` bytes.
    pub(crate) fn new(capacity: usize, share: Arc<Share>) -> Self {
        Self { bytes: Vec::with_capacity(capacity), _share: share }
    }

    /// Bytes that still fit.
    pub(crate) fn room(&self) -> usize {
        self.bytes.capacity() - self.bytes.len()
    }

    /// Takes from the front of `chunk` what fits.
    pub(crate) fn fill(&mut self, chunk: &mut Bytes) {
        let taken = chunk.split_to(chunk.len().min(self.room()));
        self.bytes.extend_from_slice(&taken);
    }

    /// The bytes, which hold the share as long as any of them lives.
    pub(crate) fn into_bytes(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Segment {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1024 * 1024;

    #[tokio::test]
    async fn memory_comes_back_with_the_last_bytes() {
        let used = Gauge::default();
        let budget = Budget::new(8 * MIB, &used);
        let share = budget.piece(6 * MIB).await.unwrap();
        let mut segment = Segment::new(100, Arc::clone(&share));
        let mut chunk = Bytes::from(vec![7; 150]);
        segment.fill(&mut chunk);
        assert_eq!((segment.room(), chunk.len()), (0, 50));
        let bytes = segment.into_bytes();
        drop(share);
        let slice = bytes.slice(10..20);
        drop(bytes);
        assert_eq!(used.get(), 6 * MIB as i64);
        drop(slice);
        assert_eq!(used.get(), 0);
    }

    #[tokio::test]
    async fn those_who_wait_are_seen_and_served_in_turn() {
        let used = Gauge::default();
        let budget = Budget::new(8 * MIB, &used);
        let share = budget.piece(6 * MIB).await.unwrap();
        assert!(!budget.is_wanted());
        let second = tokio::spawn({
            let budget = budget.clone();
            async move { budget.piece(6 * MIB).await.map(drop) }
        });
        tokio::task::yield_now().await;
        assert!(budget.is_wanted());
        // Small bodies go on.
        drop(budget.start().await.unwrap());
        drop(share);
        assert_eq!(second.await.unwrap(), Ok(()));
        assert_eq!(used.get(), 0);
    }

    #[tokio::test]
    async fn the_least_is_enough() {
        for piece in [START_BYTES, MIB, 5_000_000, 8 * MIB, 16 * MIB] {
            let budget = Budget::new(Budget::least(piece), &Gauge::default());
            let start = budget.start().await.unwrap();
            let rest = tokio::time::timeout(Duration::from_secs(1), budget.piece(piece)).await;
            assert!(rest.unwrap().is_ok(), "{piece}");
            drop(start);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_of_those_who_wait_in_a_circle_lets_go() {
        let budget = Budget::new(8 * MIB, &Gauge::default());
        let kept = [budget.piece(3 * MIB).await.unwrap(), budget.piece(3 * MIB).await.unwrap()];
        let Ok(Wait::Stalled(relief)) = budget.piece_or_stall(3 * MIB).await else { panic!("no stall") };
        let other = tokio::spawn({
            let budget = budget.clone();
            async move { budget.piece_or_stall(3 * MIB).await }
        });
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert!(!other.is_finished(), "one is enough");
        drop((kept, relief));
        assert!(matches!(other.await.unwrap(), Ok(Wait::Over(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever() {
        let used = Gauge::default();
        let budget = Budget::new(8 * MIB, &used);
        let _share = budget.piece(6 * MIB).await.unwrap();
        assert_eq!(budget.piece(MIB).await.err(), Some(Exhausted));
    }
}
