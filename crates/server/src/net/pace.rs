//! Bytes that go no faster than they may.
//!
//! What shares a cap shares a [`Line`], on which each piece has its time, one after the other. A transfer asks for the next piece's
//! time when the piece before is gone, so those that are on a line at once take turns and get the same. Nobody waits with a thread:
//! a body that waits for its time is one that is not ready, and while it waits it is our turn and not the peer's.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use parking_lot::Mutex;
use tokio::time::{Instant, Sleep, sleep_until};

/// Pieces are so many of a second's bytes, within bounds: small enough that others on the line get their turn soon.
const PIECES_A_SECOND: u64 = 16;
const LEAST_PIECE: u64 = 16 * 1024;
const LARGEST_PIECE: u64 = 256 * 1024;

/// How far a line may lag behind and catch up. Timers wake late, and small pieces, as HTTP/2 has them, would lose that each time.
const CATCH_UP: Duration = Duration::from_millis(100);

/// What shares one cap, in one direction.
#[derive(Debug)]
pub struct Line {
    bytes_per_second: u64,
    free_at: Mutex<Instant>,
}

/// The caps that hold for one transfer; clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Lines(Vec<Arc<Line>>);

impl Line {
    /// One that takes so many bytes a second.
    pub fn new(bytes_per_second: u64) -> Self {
        Self { bytes_per_second: bytes_per_second.max(1), free_at: Mutex::new(Instant::now()) }
    }

    /// When `bytes` have their time; others come after them. Of time in which nobody sent, only [`CATCH_UP`] is made up for.
    fn reserve(&self, bytes: usize, now: Instant) -> Instant {
        let mut free_at = self.free_at.lock();
        let begins = (*free_at).max(now.checked_sub(CATCH_UP).unwrap_or(now));
        *free_at = begins + Duration::from_nanos((bytes as u64).saturating_mul(1_000_000_000) / self.bytes_per_second);
        begins
    }

    fn piece(&self) -> usize {
        let piece = (self.bytes_per_second / PIECES_A_SECOND).clamp(LEAST_PIECE, LARGEST_PIECE);
        usize::try_from(piece).unwrap_or(usize::MAX)
    }
}

impl Lines {
    /// Adds one more.
    pub fn push(&mut self, line: Arc<Line>) {
        self.0.push(line);
    }

    /// Whether there is no cap.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn piece(&self) -> usize {
        self.0.iter().map(|line| line.piece()).min().unwrap_or(usize::MAX)
    }

    /// When `bytes` have their time on all of them.
    fn reserve(&self, bytes: usize) -> Instant {
        let now = Instant::now();
        self.0.iter().map(|line| line.reserve(bytes, now)).max().unwrap_or(now)
    }
}

/// Bytes on their way that wait for their time.
#[derive(Debug)]
pub(super) struct Pacer {
    lines: Lines,
    held: Bytes,
    /// How many of them have a time, and when it is.
    timed: Option<(usize, Pin<Box<Sleep>>)>,
}

impl Pacer {
    pub(super) fn new(lines: Lines) -> Self {
        Self { lines, held: Bytes::new(), timed: None }
    }

    /// How many bytes wait.
    pub(super) fn held(&self) -> usize {
        self.held.len()
    }

    /// The next frame, of those that `next` has; of data, as soon as it is time for it.
    pub(super) fn poll_frame<E>(
        &mut self,
        cx: &mut Context<'_>,
        mut next: impl FnMut(&mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, E>>>,
    ) -> Poll<Option<Result<Frame<Bytes>, E>>> {
        while self.held.is_empty() {
            match ready!(next(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(bytes) => self.held = bytes,
                    Err(other) => return Poll::Ready(Some(Ok(other))),
                },
                ended => return Poll::Ready(ended),
            }
        }
        self.poll_piece(cx).map(|piece| Some(Ok(Frame::data(piece))))
    }

    /// The next piece of what waits, once it is time for it.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Bytes> {
        let (size, timer) = self.timed.get_or_insert_with(|| {
            let size = self.lines.piece().min(self.held.len());
            (size, Box::pin(sleep_until(self.lines.reserve(size))))
        });
        ready!(timer.as_mut().poll(cx));
        let piece = self.held.split_to(*size);
        self.timed = None;
        Poll::Ready(piece)
    }
}

/// A body that is sent no faster than it may be.
#[derive(Debug)]
pub struct Paced<B> {
    body: B,
    pacer: Pacer,
}

impl<B> Paced<B> {
    /// Holds `body` back as `lines` say.
    pub fn new(body: B, lines: Lines) -> Self {
        Self { body, pacer: Pacer::new(lines) }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Paced<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let Self { body, pacer } = self.get_mut();
        pacer.poll_frame(cx, |cx| Pin::new(&mut *body).poll_frame(cx))
    }

    fn is_end_stream(&self) -> bool {
        self.pacer.held() == 0 && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        with_held(self.body.size_hint(), self.pacer.held())
    }
}

/// `hint`, and what waits.
pub(super) fn with_held(hint: SizeHint, held: usize) -> SizeHint {
    let held = held as u64;
    let mut all = SizeHint::new();
    if let Some(upper) = hint.upper() {
        all.set_upper(upper + held);
    }
    all.set_lower(hint.lower() + held);
    all
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt, Full};
    use tokio::time::advance;

    use super::*;

    const MIB: usize = 1024 * 1024;

    async fn send(bytes: usize, lines: &Lines) -> Duration {
        let start = Instant::now();
        let body = Paced::new(Full::new(Bytes::from(vec![0; bytes])), lines.clone());
        let sent = body.collect().await.unwrap().to_bytes();
        assert_eq!(sent.len(), bytes);
        start.elapsed()
    }

    fn close(took: Duration, expected: f64) {
        assert!((took.as_secs_f64() - expected).abs() < 0.2, "{took:?}, not {expected} s");
    }

    fn lines(rates: &[u64]) -> Lines {
        Lines(rates.iter().map(|rate| Arc::new(Line::new(*rate))).collect())
    }

    #[tokio::test(start_paused = true)]
    async fn transfers_on_a_line_share_it_evenly() {
        let lines = lines(&[4 * MIB as u64]);
        close(send(8 * MIB, &lines).await, 2.0);
        // The shorter one is done when both had as much; the longer one then has the line for itself.
        let (short, long) = tokio::join!(send(2 * MIB, &lines), send(6 * MIB, &lines));
        close(short, 1.0);
        close(long, 2.0);
    }

    #[tokio::test(start_paused = true)]
    async fn the_narrowest_line_holds_and_time_is_not_saved_up() {
        let lines = lines(&[4 * MIB as u64, MIB as u64]);
        close(send(2 * MIB, &lines).await, 2.0);
        advance(Duration::from_secs(60)).await;
        close(send(2 * MIB, &lines).await, 2.0);
    }

    /// As if every timer woke 20 ms late, which is longer than a piece of this size takes.
    #[tokio::test(start_paused = true)]
    async fn late_timers_cost_nothing() {
        let line = Line::new(4 * MIB as u64);
        let start = Instant::now();
        for _ in 0..512 {
            let begins = line.reserve(16 * 1024, Instant::now());
            if begins > Instant::now() {
                tokio::time::sleep_until(begins + Duration::from_millis(20)).await;
            }
        }
        close(start.elapsed(), 2.0);
    }

    /// On some systems time begins when the machine starts.
    #[test]
    fn a_line_holds_from_the_beginning_of_time() {
        let earlier = |from: Instant, power: u32| from.checked_sub(Duration::from_secs(1 << power)).unwrap_or(from);
        let beginning = (0..63).rev().fold(earlier(Instant::now(), 62), earlier);
        assert_eq!(beginning.checked_sub(Duration::from_secs(1)), None);
        let line = Line { bytes_per_second: 1, free_at: Mutex::new(beginning) };
        for second in 0..3 {
            assert_eq!(line.reserve(1, beginning), beginning + Duration::from_secs(second));
        }
    }

    #[test]
    fn what_waits_is_part_of_the_size() {
        let mut body = Paced::new(Full::new(Bytes::from_static(b"after")), lines(&[1]));
        body.pacer.held = Bytes::from_static(b"before");
        assert_eq!(body.size_hint().exact(), Some(11));
        assert!(!body.is_end_stream());
    }
}
