//! A request body that does not wait for ever.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep_until};

use super::limits::Limits;
use super::pace::{Lines, Pacer, with_held};
use super::progress::Progress;

/// The body of a request as it arrives.
///
/// It fails with [`RequestBodyError::TimedOut`] when less than [`Limits::least_progress`] bytes came in
/// [`Limits::idle_timeout`] of waiting. Only the time in which somebody waits for the peer counts: a handler may take as
/// long as it likes between two reads.
#[derive(Debug)]
pub struct RequestBody {
    incoming: Incoming,
    progress: Arc<Progress>,
    patience: Patience,
    pacer: Option<Box<Pacer>>,
}

/// Why a request body ended early.
#[derive(Debug, thiserror::Error)]
pub enum RequestBodyError {
    /// The peer stopped sending.
    #[error("the client sent too little for {} seconds in the middle of the request body", .0.as_secs_f32())]
    TimedOut(Duration),
    /// The connection broke, or what came was not HTTP.
    #[error("the request body broke off: {0}")]
    Broken(#[from] hyper::Error),
}

impl RequestBody {
    pub(super) fn new(incoming: Incoming, progress: Arc<Progress>, limits: &Limits) -> Self {
        let patience = Patience {
            idle: limits.idle_timeout,
            least: limits.least_progress,
            waited: Duration::ZERO,
            moved: 0,
            waiting_since: None,
            timer: None,
        };
        Self { incoming, progress, patience, pacer: None }
    }

    /// Lets it come no faster than `lines` say. What has not its time yet stays with us, and the peer's TCP notices that we read
    /// more slowly.
    pub fn hold_back(&mut self, lines: Lines) {
        self.pacer = Some(Box::new(Pacer::new(lines)));
    }

    fn held(&self) -> usize {
        self.pacer.as_ref().map_or(0, |pacer| pacer.held())
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = RequestBodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let Self { incoming, patience, pacer, progress: _ } = self.get_mut();
        let mut arrived = |cx: &mut Context<'_>| poll_arrived(incoming, patience, cx);
        match pacer {
            Some(pacer) => pacer.poll_frame(cx, arrived),
            None => arrived(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.held() == 0 && self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        with_held(self.incoming.size_hint(), self.held())
    }
}

fn poll_arrived(
    incoming: &mut Incoming,
    patience: &mut Patience,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<Frame<Bytes>, RequestBodyError>>> {
    match Pin::new(incoming).poll_frame(cx) {
        Poll::Pending if patience.poll_ended(cx) => Poll::Ready(Some(Err(RequestBodyError::TimedOut(patience.idle)))),
        Poll::Pending => Poll::Pending,
        Poll::Ready(Some(Ok(frame))) => {
            patience.moved(frame.data_ref().map_or(0, Bytes::len));
            Poll::Ready(Some(Ok(frame)))
        }
        Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error.into()))),
        Poll::Ready(None) => Poll::Ready(None),
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if !self.incoming.is_end_stream() {
            self.progress.left_unread();
        }
    }
}

/// How long the peer has been waited for, and what came in that time.
#[derive(Debug)]
struct Patience {
    idle: Duration,
    least: u64,
    waited: Duration,
    moved: u64,
    waiting_since: Option<Instant>,
    /// Armed when the first wait begins and then left alone until it fires, as arming costs more than a read.
    timer: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    /// Notes that bytes came.
    fn moved(&mut self, bytes: usize) {
        if let Some(since) = self.waiting_since.take() {
            self.waited += since.elapsed();
        }
        self.moved += bytes as u64;
        if self.moved >= self.least {
            self.moved = 0;
            self.waited = Duration::ZERO;
        }
    }

    /// Notes that somebody waits; whether the wait has been long enough.
    fn poll_ended(&mut self, cx: &mut Context<'_>) -> bool {
        let since = *self.waiting_since.get_or_insert_with(Instant::now);
        let deadline = since + self.idle.saturating_sub(self.waited);
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        while timer.as_mut().poll(cx).is_ready() {
            if Instant::now() >= deadline {
                return true;
            }
            timer.as_mut().reset(deadline);
        }
        false
    }
}
