//! Loopback ports for servers that cannot pick one themselves.

use std::net::{SocketAddr, TcpListener};
use std::ops::Range;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr as UnixAddress, UnixListener};
use std::process;
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::{Result, bail};

/// Below those that the system gives to clients' connections (`net.ipv4.ip_local_port_range`), so that none of these is taken
/// between being chosen and being listened on.
const RANGE: Range<u16> = 16_000..32_000;

/// A free port of 127.0.0.1, kept from all other tests, also those of other processes, until dropped.
#[derive(Debug)]
pub struct Port {
    number: u16,
    // The claim: a name that one socket at a time can have, and that goes with its process.
    _claim: UnixListener,
}

impl Port {
    /// Claims a port that nobody listens on.
    ///
    /// # Errors
    /// There is none.
    pub fn claim() -> Result<Self> {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let width = RANGE.end - RANGE.start;
        // Processes begin at different places, so that they seldom ask for the same.
        let begin = (process::id() % u32::from(width)) as u16;
        for _ in 0..width {
            let offset = NEXT.fetch_add(1, Ordering::Relaxed).wrapping_add(begin.wrapping_mul(64)) % width;
            let number = RANGE.start + offset;
            let name = UnixAddress::from_abstract_name(format!("entrepot-test-port-{number}"))?;
            let Ok(claim) = UnixListener::bind_addr(&name) else { continue };
            if TcpListener::bind(("127.0.0.1", number)).is_ok() {
                return Ok(Self { number, _claim: claim });
            }
        }
        bail!("no free port from {} to {}", RANGE.start, RANGE.end)
    }

    /// Its number.
    pub fn number(&self) -> u16 {
        self.number
    }

    /// The address to listen on.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.number))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_port_is_given_twice() {
        let ports: Vec<Port> = (0..50).map(|_| Port::claim().unwrap()).collect();
        let numbers: BTreeSet<u16> = ports.iter().map(Port::number).collect();
        assert_eq!(numbers.len(), ports.len());
        let server = TcpListener::bind(ports[0].address()).unwrap();
        assert_eq!(server.local_addr().unwrap(), ports[0].address());
    }
}
