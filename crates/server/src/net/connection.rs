//! What a request handler may know about the connection its request came on.

use std::net::SocketAddr;
use std::sync::Arc;

use super::windows::FileWindows;

/// The connection of a request, found in the request's extensions. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Connection {
    facts: Arc<Facts>,
}

#[derive(Debug)]
struct Facts {
    peer: SocketAddr,
    tls: bool,
    http2: bool,
    windows: Option<Arc<FileWindows>>,
}

impl Connection {
    pub(super) fn new(peer: SocketAddr, tls: bool, http2: bool, windows: Option<Arc<FileWindows>>) -> Self {
        Self { facts: Arc::new(Facts { peer, tls, http2, windows }) }
    }

    /// The address at the other end of the TCP connection.
    pub fn peer(&self) -> SocketAddr {
        self.facts.peer
    }

    /// Whether the connection is encrypted.
    pub fn is_tls(&self) -> bool {
        self.facts.tls
    }

    /// Whether the connection speaks HTTP/2 rather than HTTP/1.1.
    pub fn is_http2(&self) -> bool {
        self.facts.http2
    }

    /// Where to register files for sendfile, if the connection can send them so: plain text and HTTP/1.1 only.
    pub(super) fn windows(&self) -> Option<&Arc<FileWindows>> {
        self.facts.windows.as_ref()
    }
}
