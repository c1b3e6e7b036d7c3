//! Listening sockets.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::task::Poll;

use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::last_call;

/// Connections that the kernel may queue before we accept them.
const BACKLOG: u32 = 4096;

/// One or more bound sockets that listen for the same service.
///
/// A host name with several addresses (`localhost` is usually `127.0.0.1` and `::1`) gets a socket for each.
#[derive(Debug)]
pub struct Listener {
    sockets: Vec<TcpListener>,
    addresses: Vec<SocketAddr>,
}

/// Why an address could not be listened on. Each reads as one sentence.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Not of the form `host:port`.
    #[error("`{0}` is not an address to listen on: write host:port, for example 127.0.0.1:5000 or [::1]:5000")]
    Malformed(String),
    /// The host name has no address.
    #[error("cannot find an address for `{name}`: {source}")]
    Unresolved {
        /// What was to be resolved, as given.
        name: String,
        /// The resolver's answer.
        source: io::Error,
    },
    /// Another process listens there.
    #[error("{0} is in use by another process: stop it, or listen on another port")]
    InUse(SocketAddr),
    /// The operating system does not allow it (a port under 1024, usually).
    #[error("no permission to listen on {0}: ports under 1024 need privileges, choose a higher one")]
    Forbidden(SocketAddr),
    /// No interface of this machine has the address.
    #[error("{0} is not an address of this machine")]
    NotLocal(SocketAddr),
    /// Anything else.
    #[error("cannot listen on {address}: {source}")]
    Other {
        /// The address in question.
        address: SocketAddr,
        /// The operating system's answer.
        source: io::Error,
    },
}

impl Listener {
    /// Binds `address`, of the form `host:port`. Port 0 picks a free one, the same for every address of the host.
    ///
    /// # Errors
    /// See [`BindError`]. When a name has several addresses, those that this machine does not have are passed over as
    /// long as one is left.
    pub async fn bind(address: &str) -> Result<Self, BindError> {
        let candidates = resolve(address).await?;
        let mut listener = Self { sockets: Vec::new(), addresses: Vec::new() };
        let mut missing = None;
        for mut candidate in candidates {
            if let (0, Some(first)) = (candidate.port(), listener.addresses.first()) {
                candidate.set_port(first.port());
            }
            match listen(candidate) {
                Ok(socket) => {
                    let bound =
                        socket.local_addr().map_err(|source| BindError::Other { address: candidate, source })?;
                    listener.addresses.push(bound);
                    listener.sockets.push(socket);
                }
                Err(error @ BindError::NotLocal(_)) => missing = Some(error),
                Err(error) => return Err(error),
            }
        }
        match missing {
            Some(error) if listener.sockets.is_empty() => Err(error),
            _ => Ok(listener),
        }
    }

    /// The addresses bound, with the ports that were picked. Never empty.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The next connection on any of the sockets.
    pub(super) async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        poll_fn(|cx| {
            for socket in &self.sockets {
                if let Poll::Ready(accepted) = socket.poll_accept(cx) {
                    return Poll::Ready(accepted);
                }
            }
            Poll::Pending
        })
        .await
    }

    /// Stops listening, and returns the connections that clients had got by then: the kernel would reset them.
    pub(super) async fn close(self) -> Vec<(TcpStream, SocketAddr)> {
        let sockets: Vec<_> = self.sockets.into_iter().filter_map(|socket| socket.into_std().ok()).collect();
        for socket in &sockets {
            if let Err(error) = last_call::refuse_new(socket) {
                tracing::debug!(%error, "who connects at this moment may be reset");
            }
        }
        tokio::time::sleep(last_call::MOMENT).await;
        let queued = sockets.iter().flat_map(last_call::queued);
        let usable = queued.filter_map(|(stream, peer)| {
            let stream = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream));
            Some((stream.ok()?, peer))
        });
        usable.collect()
    }
}

/// The addresses behind `host:port`, each once.
async fn resolve(address: &str) -> Result<Vec<SocketAddr>, BindError> {
    if let Ok(literal) = address.parse() {
        return Ok(vec![literal]);
    }
    let well_formed = address
        .rsplit_once(':')
        .is_some_and(|(host, port)| !host.is_empty() && !host.contains(':') && port.parse::<u16>().is_ok());
    if !well_formed {
        return Err(BindError::Malformed(address.to_owned()));
    }
    let unresolved = |source| BindError::Unresolved { name: address.to_owned(), source };
    let mut found: Vec<SocketAddr> = Vec::new();
    for candidate in tokio::net::lookup_host(address).await.map_err(unresolved)? {
        if !found.contains(&candidate) {
            found.push(candidate);
        }
    }
    if found.is_empty() {
        return Err(unresolved(io::Error::new(ErrorKind::NotFound, "the name has no address")));
    }
    Ok(found)
}

fn listen(address: SocketAddr) -> Result<TcpListener, BindError> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
    socket
        .and_then(|socket| {
            // A restart must not wait for the old connections' TIME_WAIT to pass.
            socket.set_reuseaddr(true)?;
            socket.bind(address)?;
            socket.listen(BACKLOG)
        })
        .map_err(|source| match source.kind() {
            ErrorKind::AddrInUse => BindError::InUse(address),
            ErrorKind::PermissionDenied => BindError::Forbidden(address),
            // A kernel without IPv6 says that the family is unknown.
            ErrorKind::AddrNotAvailable | ErrorKind::Unsupported => BindError::NotLocal(address),
            _ => BindError::Other { address, source },
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_second_listener_is_told_that_the_port_is_taken() {
        let first = Listener::bind("127.0.0.1:0").await.unwrap();
        let taken = first.addresses()[0];
        let error = Listener::bind(&taken.to_string()).await.unwrap_err();
        assert!(matches!(error, BindError::InUse(address) if address == taken), "{error}");
    }

    #[tokio::test]
    async fn a_name_gets_one_port_for_all_its_addresses() {
        let listener = Listener::bind("localhost:0").await.unwrap();
        let port = listener.addresses()[0].port();
        assert_ne!(port, 0);
        assert!(listener.addresses().iter().all(|address| address.port() == port && address.ip().is_loopback()));
    }

    #[tokio::test]
    async fn nonsense_and_foreign_addresses_are_told_apart() {
        for text in ["", "5000", "localhost", "localhost:", "localhost:99999", "::1:5000", ":5000"] {
            let error = Listener::bind(text).await.unwrap_err();
            assert!(matches!(error, BindError::Malformed(_)), "{text:?}: {error}");
        }
        // An address from the range kept for documentation (RFC 5737), so never one of this machine.
        let error = Listener::bind("192.0.2.1:0").await.unwrap_err();
        assert!(matches!(error, BindError::NotLocal(_)), "{error}");
    }
}
