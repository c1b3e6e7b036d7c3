//! Numbers about connections, for the metrics page.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counts of connections and of bytes on the wire (TLS records included), shared with whoever shows them.
///
/// Byte counts lag behind the sockets by at most a second: each connection counts for itself, and the sum is drawn when
/// connections are looked at, so that no request pays for a shared cache line.
#[derive(Debug, Default)]
pub struct Counters {
    pub(super) accepted: AtomicU64,
    pub(super) open: AtomicU64,
    pub(super) received: AtomicU64,
    pub(super) sent: AtomicU64,
    pub(super) timed_out: AtomicU64,
    pub(super) refused: AtomicU64,
}

impl Counters {
    /// Connections accepted since start.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Relaxed)
    }

    /// Connections open now.
    pub fn open(&self) -> u64 {
        self.open.load(Relaxed)
    }

    /// Bytes received since start.
    pub fn received(&self) -> u64 {
        self.received.load(Relaxed)
    }

    /// Bytes handed to the kernel since start.
    pub fn sent(&self) -> u64 {
        self.sent.load(Relaxed)
    }

    /// Connections cut because the peer made no progress. Idle connections that were closed between two requests, and
    /// request bodies that ended in an error of their own, are not among them.
    pub fn timed_out(&self) -> u64 {
        self.timed_out.load(Relaxed)
    }

    /// Connections that ended before HTTP began: failed handshakes, the wrong protocol for the port.
    pub fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }
}
