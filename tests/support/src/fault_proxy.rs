//! A TCP proxy on loopback that fails as it is told.

mod line;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::Port;

/// How soon a change of the fault is noticed.
const TICK: Duration = Duration::from_millis(10);

/// What is wrong with the line. A change holds at once, also for connections that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// Nobody listens: new connections are refused, those that are there are reset.
    Refuse,
    /// Every connection is reset, a new one as soon as it is accepted.
    Cut,
    /// A connection is reset once so many bytes (hardly more) have passed through it since it was opened, both ways
    /// together.
    CutAfter(u64),
    /// The client hears that the server has nothing more to say; the server still hears the client.
    HalfClose,
    /// Nothing passes and nothing ends. What was on its way arrives when this is over.
    BlackHole,
    /// What is read at once, 64 KiB at most, is passed on so much later, and nothing behind it is read before.
    Delay(Duration),
    /// So many bytes a second, for each connection and each way.
    Throttle(NonZeroU32),
}

/// What has passed since the proxy was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passed {
    /// Connections that were accepted.
    pub connections: u64,
    /// Bytes from clients to the server.
    pub sent: u64,
    /// Bytes from the server to clients.
    pub received: u64,
}

/// A proxy in threads of this process. Dropping it closes everything.
#[derive(Debug)]
pub struct FaultProxy {
    port: Port,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    upstream: SocketAddr,
    fault: Mutex<Fault>,
    ended: AtomicBool,
    connections: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
}

impl FaultProxy {
    /// Listens, and connects every client to `upstream`.
    ///
    /// # Errors
    /// There is no free port.
    pub fn start(upstream: SocketAddr) -> Result<Self> {
        let port = Port::claim()?;
        let listener = listen(port.address()).context("fault proxy")?;
        let shared = Arc::new(Shared {
            upstream,
            fault: Mutex::new(Fault::None),
            ended: AtomicBool::new(false),
            connections: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
        });
        let (address, of_acceptor) = (port.address(), Arc::clone(&shared));
        let acceptor = thread::spawn(move || accept(address, listener, &of_acceptor));
        Ok(Self { port, shared, acceptor: Some(acceptor) })
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// Changes what is wrong.
    pub fn set(&self, fault: Fault) {
        *self.shared.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    /// What has passed so far.
    pub fn passed(&self) -> Passed {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let Shared { connections, sent, received, .. } = &*self.shared;
        Passed { connections: read(connections), sent: read(sent), received: read(received) }
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
        if let Some(acceptor) = self.acceptor.take() {
            // It does not panic; if it did, there is nothing left to close.
            drop(acceptor.join());
        }
    }
}

impl Shared {
    /// What is wrong now; everything is cut at the end.
    fn fault(&self) -> Fault {
        let fault = *self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        if self.ended.load(Ordering::Relaxed) { Fault::Refuse } else { fault }
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn accept(address: SocketAddr, listener: TcpListener, shared: &Arc<Shared>) {
    let mut listener = Some(listener);
    while !shared.ended.load(Ordering::Relaxed) {
        if shared.fault() == Fault::Refuse {
            listener = None;
        } else if listener.is_none() {
            // The port is claimed, so it can only be a moment until it is free.
            listener = listen(address).ok();
        }
        match listener.as_ref().map(TcpListener::accept) {
            Some(Ok((client, _))) => {
                shared.connections.fetch_add(1, Ordering::Relaxed);
                let shared = Arc::clone(shared);
                // A connection that cannot be made is closed, as by a server that is not there.
                thread::spawn(move || drop(line::serve(client, &shared)));
            }
            _ => thread::sleep(TICK),
        }
    }
}

#[cfg(test)]
mod tests;
