//! What one connection has done so far, written by its task and read by the sweep.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering::*};
use std::task::Context;

use futures_util::task::AtomicWaker;

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Phase {
    /// Nothing is known yet, or the TLS handshake goes on.
    Opening = 0,
    /// HTTP/1.1 is spoken.
    Http1 = 1,
    /// HTTP/2 is spoken.
    Http2 = 2,
    /// Our side is closed; what the peer still sends is read and dropped, so that it gets to see our last answer.
    Lingering = 3,
}

/// What a connection was told to do, from mild to harsh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Order {
    /// Go on.
    None = 0,
    /// Finish the requests in flight and close.
    Drain = 1,
    /// Close now.
    Cut = 2,
}

/// The shared state of one connection.
///
/// The connection's own task writes nearly all of it, so the atomics are uncontended; the sweep only looks. HTTP/2
/// request tasks touch `active` and `ours`.
#[derive(Debug)]
pub(super) struct Progress {
    received: AtomicU64,
    sent: AtomicU64,
    acknowledged: AtomicU64,
    idle_from: AtomicU64,
    requests: AtomicU64,
    active: AtomicU32,
    ours: AtomicU32,
    phase: AtomicU8,
    order: AtomicU8,
    write_blocked: AtomicBool,
    probe: AtomicBool,
    unread_body: AtomicBool,
    waker: AtomicWaker,
}

/// The numbers of a [`Progress`] at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Snapshot {
    /// Bytes received from the socket.
    pub(super) received: u64,
    /// Bytes handed to the kernel.
    pub(super) sent: u64,
    /// Bytes that the peer's TCP acknowledged, as of the last probe.
    pub(super) acknowledged: u64,
    /// What `received` was when the last request ended.
    pub(super) idle_from: u64,
    /// Request heads seen.
    pub(super) requests: u64,
    /// Requests whose response is not over.
    pub(super) active: u32,
    /// Those of them that wait for us rather than for the peer.
    pub(super) ours: u32,
    pub(super) phase: Phase,
    pub(super) order: Order,
    /// The kernel's send buffer is full and we have more to send.
    pub(super) write_blocked: bool,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self {
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            acknowledged: AtomicU64::new(0),
            idle_from: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            active: AtomicU32::new(0),
            ours: AtomicU32::new(0),
            phase: AtomicU8::new(Phase::Opening as u8),
            order: AtomicU8::new(Order::None as u8),
            write_blocked: AtomicBool::new(false),
            probe: AtomicBool::new(false),
            unread_body: AtomicBool::new(false),
            waker: AtomicWaker::new(),
        }
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot {
            received: self.received.load(Relaxed),
            sent: self.sent.load(Relaxed),
            acknowledged: self.acknowledged.load(Relaxed),
            idle_from: self.idle_from.load(Relaxed),
            requests: self.requests.load(Relaxed),
            active: self.active.load(Relaxed),
            ours: self.ours.load(Relaxed),
            phase: self.phase(),
            order: self.order(),
            write_blocked: self.write_blocked.load(Relaxed),
        }
    }

    pub(super) fn count_received(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Relaxed);
    }

    pub(super) fn count_sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Relaxed);
    }

    /// Notes whether the kernel's send buffer is full.
    pub(super) fn set_write_blocked(&self, blocked: bool) {
        // A plain load first: the answer rarely changes, and a store would dirty the line at every write.
        if self.write_blocked.load(Relaxed) != blocked {
            self.write_blocked.store(blocked, Relaxed);
        }
    }

    pub(super) fn is_write_blocked(&self) -> bool {
        self.write_blocked.load(Relaxed)
    }

    /// Asks the connection's task to find out how much of what was sent has been acknowledged.
    pub(super) fn ask_acknowledged(&self) {
        self.probe.store(true, Relaxed);
        self.waker.wake();
    }

    /// Whether [`ask_acknowledged`](Self::ask_acknowledged) waits for an answer; asking takes the question away.
    pub(super) fn take_probe(&self) -> bool {
        self.probe.load(Relaxed) && self.probe.swap(false, Relaxed)
    }

    /// Answers the question: `unacknowledged` bytes of what was sent are still in the kernel.
    pub(super) fn set_unacknowledged(&self, unacknowledged: u64) {
        self.acknowledged.store(self.sent.load(Relaxed).saturating_sub(unacknowledged), Relaxed);
    }

    pub(super) fn phase(&self) -> Phase {
        match self.phase.load(Relaxed) {
            0 => Phase::Opening,
            1 => Phase::Http1,
            2 => Phase::Http2,
            _ => Phase::Lingering,
        }
    }

    pub(super) fn set_phase(&self, phase: Phase) {
        self.phase.store(phase as u8, Relaxed);
    }

    /// A request head is complete; we are to answer.
    pub(super) fn begin_request(&self) {
        self.requests.fetch_add(1, Relaxed);
        self.ours.fetch_add(1, Relaxed);
        self.active.fetch_add(1, Relaxed);
    }

    /// Whether there was a request.
    pub(super) fn has_begun(&self) -> bool {
        self.requests.load(Relaxed) > 0
    }

    /// A request is over, whosever turn it was.
    pub(super) fn end_request(&self) {
        self.idle_from.store(self.received.load(Relaxed), Relaxed);
        self.active.fetch_sub(1, Relaxed);
    }

    /// One more request waits for us.
    pub(super) fn ours(&self) {
        self.ours.fetch_add(1, Relaxed);
    }

    /// One request less waits for us.
    pub(super) fn theirs(&self) {
        self.ours.fetch_sub(1, Relaxed);
    }

    /// A request body was dropped before its end, so the rest of it may still arrive.
    pub(super) fn left_unread(&self) {
        self.unread_body.store(true, Relaxed);
    }

    /// Whether the peer may still be sending something that nobody will read: the rest of a body, or of a head that was
    /// refused. Closing the socket then would reset it and could take our last answer away from the peer.
    pub(super) fn peer_may_be_sending(&self) -> bool {
        let now = self.snapshot();
        self.unread_body.load(Relaxed) || (now.phase == Phase::Http1 && now.active == 0 && now.received > now.idle_from)
    }

    /// Tells the connection what to do. Orders only get harsher.
    pub(super) fn give(&self, order: Order) {
        self.order.fetch_max(order as u8, Release);
        self.waker.wake();
    }

    pub(super) fn order(&self) -> Order {
        match self.order.load(Acquire) {
            0 => Order::None,
            1 => Order::Drain,
            _ => Order::Cut,
        }
    }

    /// The current order; the task of `cx` is woken when it changes or a probe is asked for.
    pub(super) fn poll_order(&self, cx: &Context<'_>) -> Order {
        self.waker.register(cx.waker());
        self.order()
    }
}
