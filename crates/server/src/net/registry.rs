//! The open connections, and the sweep that finds those whose peer does not move.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit};

use super::counters::Counters;
use super::limits::Limits;
use super::progress::{Order, Phase, Progress, Snapshot};

/// How long a closed connection may go on sending what nobody reads.
const LINGER: Duration = Duration::from_secs(5);

/// All open connections of one [`serve`](super::serve) call.
#[derive(Debug)]
pub(super) struct Registry {
    open: Mutex<Open>,
    closed: Notify,
    counters: Arc<Counters>,
}

#[derive(Debug, Default)]
struct Open {
    connections: HashMap<u64, Watched>,
    next: u64,
}

/// A connection and what the last sweep saw of it.
#[derive(Debug)]
struct Watched {
    progress: Arc<Progress>,
    wait: Wait,
    since: Instant,
    counted: (u64, u64),
}

/// Whom a connection waits for. The number is the mark against which progress is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    /// The peer has not said what it speaks, or is in the handshake.
    Opening,
    /// The head of the request after this many others has begun.
    Head(u64),
    /// No request is open; this many have been.
    NextRequest(u64),
    /// The send buffer is full; the peer has acknowledged this many bytes.
    Acknowledgement(u64),
    /// The peer holds back HTTP/2 flow control; this many bytes have been sent.
    Window(u64),
    /// Our side is closed.
    End,
    /// It is our turn.
    Us,
}

impl Wait {
    fn now(seen: &Snapshot) -> Self {
        match seen.phase {
            Phase::Opening => Self::Opening,
            Phase::Lingering => Self::End,
            Phase::Http1 | Phase::Http2 if seen.write_blocked => Self::Acknowledgement(seen.acknowledged),
            Phase::Http1 if seen.active == 0 && seen.received > seen.idle_from => Self::Head(seen.requests),
            Phase::Http1 | Phase::Http2 if seen.active == 0 => Self::NextRequest(seen.requests),
            // HTTP/1.1 with nothing blocked is about to write, or done.
            Phase::Http2 if seen.ours == 0 => Self::Window(seen.sent),
            Phase::Http1 | Phase::Http2 => Self::Us,
        }
    }

    /// The time this may last, and none if for ever.
    fn patience(self, limits: &Limits) -> Option<Duration> {
        match self {
            Self::Opening | Self::Head(_) => Some(limits.header_timeout),
            Self::NextRequest(_) | Self::Acknowledgement(_) | Self::Window(_) => Some(limits.idle_timeout),
            Self::End => Some(LINGER),
            Self::Us => None,
        }
    }

    /// Whether `self`, after `before`, is the same wait without enough progress in between.
    fn goes_on_from(self, before: Self, limits: &Limits) -> bool {
        match (before, self) {
            (Self::Acknowledgement(then), Self::Acknowledgement(now)) | (Self::Window(then), Self::Window(now)) => {
                now.saturating_sub(then) < limits.least_progress
            }
            (before, now) => before == now,
        }
    }
}

impl Registry {
    pub(super) fn new(counters: Arc<Counters>) -> Self {
        Self { open: Mutex::new(Open::default()), closed: Notify::new(), counters }
    }

    /// Takes a new connection in, until the answer is dropped.
    pub(super) fn admit(self: &Arc<Self>, permit: OwnedSemaphorePermit) -> Admitted {
        let progress = Arc::new(Progress::new());
        let watched =
            Watched { progress: progress.clone(), wait: Wait::Opening, since: Instant::now(), counted: (0, 0) };
        let mut open = self.open.lock();
        let id = open.next;
        open.next += 1;
        open.connections.insert(id, watched);
        self.counters.accepted.fetch_add(1, Relaxed);
        self.counters.open.store(open.connections.len() as u64, Relaxed);
        Admitted { registry: self.clone(), id, progress, _permit: permit }
    }

    /// Looks at every connection and cuts those whose peer let its time pass.
    pub(super) fn sweep(&self, now: Instant, limits: &Limits) {
        for watched in self.open.lock().connections.values_mut() {
            let seen = watched.progress.snapshot();
            watched.count(&seen, &self.counters);
            let wait = Wait::now(&seen);
            if !wait.goes_on_from(watched.wait, limits) {
                watched.wait = wait;
                watched.since = now;
                continue;
            }
            if let Wait::Acknowledgement(_) = wait {
                watched.progress.ask_acknowledged();
            }
            let Some(patience) = wait.patience(limits) else { continue };
            let waited = now.saturating_duration_since(watched.since);
            if waited < patience {
                continue;
            }
            match wait {
                // Between two requests hyper closes at once when asked to drain, and HTTP/2 says goodbye first.
                Wait::NextRequest(_) if waited < patience + LINGER => watched.progress.give(Order::Drain),
                Wait::NextRequest(_) | Wait::End => watched.progress.give(Order::Cut),
                Wait::Opening | Wait::Head(_) | Wait::Acknowledgement(_) | Wait::Window(_) | Wait::Us => {
                    if seen.order != Order::Cut {
                        tracing::debug!(?wait, ?waited, "cutting a connection whose peer makes no progress");
                        self.counters.timed_out.fetch_add(1, Relaxed);
                    }
                    watched.progress.give(Order::Cut);
                }
            }
        }
    }

    /// Gives every connection an order; the answer is how many there are.
    pub(super) fn give_all(&self, order: Order) -> usize {
        let open = self.open.lock();
        for watched in open.connections.values() {
            watched.progress.give(order);
        }
        open.connections.len()
    }

    /// Waits until no connection is open.
    pub(super) async fn emptied(&self) {
        loop {
            let closed = self.closed.notified();
            if self.open.lock().connections.is_empty() {
                return;
            }
            closed.await;
        }
    }

    fn remove(&self, id: u64) {
        let mut open = self.open.lock();
        if let Some(mut watched) = open.connections.remove(&id) {
            watched.count(&watched.progress.snapshot(), &self.counters);
        }
        self.counters.open.store(open.connections.len() as u64, Relaxed);
        if open.connections.is_empty() {
            self.closed.notify_waiters();
        }
    }
}

impl Watched {
    /// Adds what is new since the last time to the counters.
    fn count(&mut self, seen: &Snapshot, counters: &Counters) {
        let (received, sent) = self.counted;
        if seen.received != received {
            counters.received.fetch_add(seen.received - received, Relaxed);
        }
        if seen.sent != sent {
            counters.sent.fetch_add(seen.sent - sent, Relaxed);
        }
        self.counted = (seen.received, seen.sent);
    }
}

/// A connection's place among the open ones; dropped when it is closed.
#[derive(Debug)]
pub(super) struct Admitted {
    registry: Arc<Registry>,
    id: u64,
    progress: Arc<Progress>,
    _permit: OwnedSemaphorePermit,
}

impl Admitted {
    pub(super) fn progress(&self) -> &Arc<Progress> {
        &self.progress
    }

    /// Counts a connection that ended before HTTP began.
    pub(super) fn count_refused(&self) {
        self.registry.counters.refused.fetch_add(1, Relaxed);
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.registry.remove(self.id);
    }
}
