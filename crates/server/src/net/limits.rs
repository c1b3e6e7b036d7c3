//! What a peer may hold on to, and for how long without moving.

use std::time::Duration;

/// Bounds on connections, heads, HTTP/2 streams and silence.
///
/// No duration here limits a transfer as a whole. A connection is cut when its peer is the one to act and has not moved
/// at least [`least_progress`](Self::least_progress) bytes in [`idle_timeout`](Self::idle_timeout).
#[derive(Clone, Debug)]
pub struct Limits {
    /// From the first byte of a request head to its end; also from accept to the first byte, and for the TLS handshake.
    /// Default 30 s.
    pub header_timeout: Duration,
    /// Silence allowed in the middle of a body, in either direction, and between two requests of one connection.
    /// Default 75 s. What counts in the direction of the peer is what its TCP acknowledged, so a slow line with a deep
    /// buffer is not mistaken for a dead one.
    pub idle_timeout: Duration,
    /// Bytes of a body that must move in one `idle_timeout` for it to count as progress. Default 1024.
    pub least_progress: u64,
    /// Connections open at once, over all listening sockets. Later ones wait in the kernel's queue. Default 8192; the
    /// limit on open files must allow about twice as many.
    pub max_connections: usize,
    /// Bytes of a request head, request line included. Larger ones get a 431. Default 32 KiB. At least 8 KiB is allowed
    /// whatever is said here, as that is hyper's first read.
    pub max_header_bytes: usize,
    /// Header fields in one HTTP/1.1 head. More get a 431. Default 100, which hyper parses without an allocation.
    pub max_headers: usize,
    /// HTTP/2 streams open at once on one connection. Default 128.
    pub max_streams: u32,
    /// HTTP/2 bytes that a peer may send ahead on one stream before it must wait for us. Default 1 MiB; a connection
    /// gets four times as much.
    pub stream_window: u32,
    /// Silence after which an HTTP/2 connection is asked for a sign of life, and how long that may take. Default 20 s.
    pub ping_interval: Duration,
    /// How long requests in flight may go on after shutdown was asked for. Default 30 s. What is left then is cut.
    pub drain_grace: Duration,
    /// How often the certificate files are looked at. Default 5 s.
    pub certificate_check: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(75),
            least_progress: 1024,
            max_connections: 8192,
            max_header_bytes: 32 * 1024,
            max_headers: Self::STACK_HEADERS,
            max_streams: 128,
            stream_window: 1024 * 1024,
            ping_interval: Duration::from_secs(20),
            drain_grace: Duration::from_secs(30),
            certificate_check: Duration::from_secs(5),
        }
    }
}

impl Limits {
    /// The number of header fields that hyper parses on the stack; any other number costs an allocation a request.
    pub(super) const STACK_HEADERS: usize = 100;

    /// How often connections are looked at. Every time-out may be late by this much.
    pub(super) fn sweep_interval(&self) -> Duration {
        let shortest = self.header_timeout.min(self.idle_timeout);
        (shortest / 8).clamp(Duration::from_millis(10), Duration::from_secs(1))
    }
}
