//! A network that has a loopback interface and nothing else, and ways into it.

use std::fs::File;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use anyhow::{Context as _, Result, ensure};
use nix::errno::Errno;
use nix::sched::{CloneFlags, setns, unshare};

use crate::Port;

/// A network namespace without a name.
#[derive(Debug, Clone)]
pub(super) struct Network(Arc<File>);

impl Network {
    /// A new one; `None` if this user may not make one.
    pub(super) fn new() -> Result<Option<Self>> {
        // The namespace is the thread's, and with it that of what is started there.
        thread::scope(|scope| scope.spawn(make).join()).map_err(|_| anyhow::anyhow!("a thread panicked"))?
    }

    /// Runs something in the network, also what it starts.
    pub(super) fn inside<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        let entered = || {
            setns(&*self.0, CloneFlags::CLONE_NEWNET).context("cannot enter the network namespace")?;
            work()
        };
        thread::scope(|scope| scope.spawn(entered).join()).map_err(|_| anyhow::anyhow!("a thread panicked"))?
    }

    /// Connects to an address in the network. The connection can be used everywhere.
    pub(super) fn connect(&self, address: SocketAddr) -> Result<TcpStream> {
        self.inside(|| Ok(TcpStream::connect(address)?))
    }
}

fn make() -> Result<Option<Network>> {
    match unshare(CloneFlags::CLONE_NEWNET) {
        Ok(()) => {}
        Err(Errno::EPERM | Errno::ENOSYS | Errno::EINVAL) => return Ok(None),
        Err(error) => return Err(error).context("cannot make a network namespace"),
    }
    let status = Command::new("ip").args(["link", "set", "lo", "up"]).status().context("cannot run ip")?;
    ensure!(status.success(), "ip link set lo up failed ({status})");
    Ok(Some(Network(Arc::new(File::open("/proc/thread-self/ns/net")?))))
}

/// A port of ours behind which is one in a network.
#[derive(Debug)]
pub(super) struct Gate {
    port: Port,
    closed: Arc<AtomicBool>,
    listener: Option<JoinHandle<()>>,
}

impl Gate {
    /// Opens one to that address in the network.
    ///
    /// # Errors
    /// There is no port.
    pub(super) fn open(network: &Network, to: SocketAddr) -> Result<Self> {
        let port = Port::claim()?;
        let listener = TcpListener::bind(port.address())?;
        let closed = Arc::new(AtomicBool::new(false));
        let (network, told) = (network.clone(), Arc::clone(&closed));
        let listener = thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if told.load(Ordering::Acquire) {
                    break;
                }
                // Nobody there: the client sees that its connection ends.
                let Ok(server) = network.connect(to) else { continue };
                thread::spawn(move || join(&client, &server));
            }
        });
        Ok(Self { port, closed, listener: Some(listener) })
    }

    /// Where to connect to.
    pub(super) fn address(&self) -> SocketAddr {
        self.port.address()
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::Release);
        // It waits for a client; this one is its last. If it cannot be reached, it has ended.
        let _last = TcpStream::connect(self.port.address());
        if let Some(listener) = self.listener.take() {
            drop(listener.join());
        }
    }
}

/// Passes on both ways until both are at their end.
fn join(one: &TcpStream, other: &TcpStream) {
    let pass = |mut from: &TcpStream, mut to: &TcpStream| {
        // Broken or ended, it is over in this direction; the other side hears it.
        let _count = io::copy(&mut from, &mut to);
        let _told = to.shutdown(Shutdown::Write);
    };
    thread::scope(|scope| {
        scope.spawn(|| pass(one, other));
        pass(other, one);
    });
}
