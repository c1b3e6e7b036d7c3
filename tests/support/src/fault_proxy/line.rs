//! One connection through the proxy.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use nix::libc;
use nix::sys::socket::{setsockopt, sockopt};

use super::{Fault, Shared, TICK};

/// How often a second a throttled connection sends.
const SENDS_PER_SECOND: u32 = 50;
/// How many bytes are carried at once.
const PIECE: usize = 64 * 1024;

/// Serves one client until both ways have ended.
pub(super) fn serve(client: TcpStream, shared: &Shared) -> Result<()> {
    let line = Line { shared, total: AtomicU64::new(0), cut: AtomicBool::new(false) };
    if matches!(shared.fault(), Fault::Cut | Fault::Refuse) {
        return reset(&client);
    }
    let server = TcpStream::connect(shared.upstream)?;
    for socket in [&client, &server] {
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(TICK))?;
        socket.set_write_timeout(Some(TICK))?;
    }
    thread::scope(|scope| {
        scope.spawn(|| line.carry(&client, &server, Way::Out));
        line.carry(&server, &client, Way::Back);
    });
    if line.is_cut() {
        reset(&client)?;
        reset(&server)?;
    }
    Ok(())
}

/// Makes the closing of a socket a reset, which throws away what is on its way.
fn reset(socket: &TcpStream) -> Result<()> {
    Ok(setsockopt(socket, sockopt::Linger, &libc::linger { l_onoff: 1, l_linger: 0 })?)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Out,
    Back,
}

/// One connection, both ways.
struct Line<'a> {
    shared: &'a Shared,
    total: AtomicU64,
    cut: AtomicBool,
}

impl Line<'_> {
    fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Relaxed)
    }

    fn cut(&self) {
        self.cut.store(true, Ordering::Relaxed);
    }

    /// Carries bytes until the end of `from`, or until the connection is cut.
    fn carry(&self, mut from: &TcpStream, mut to: &TcpStream, way: Way) {
        let counter = if way == Way::Out { &self.shared.sent } else { &self.shared.received };
        let mut buffer = vec![0; PIECE];
        while let Some(room) = self.room(way, to) {
            match from.read(&mut buffer[..room]) {
                Ok(0) => {
                    // The other side may be gone already.
                    drop(to.shutdown(Shutdown::Write));
                    return;
                }
                Ok(length) => {
                    self.hold_back(length);
                    let mut rest = &buffer[..length];
                    while !rest.is_empty() && self.room(way, to).is_some() {
                        match to.write(rest) {
                            Ok(count) => rest = &rest[count..],
                            Err(error) if is_time_out(&error) => {}
                            Err(_) => self.cut(),
                        }
                    }
                    let sent = (length - rest.len()) as u64;
                    counter.fetch_add(sent, Ordering::Relaxed);
                    self.total.fetch_add(sent, Ordering::Relaxed);
                }
                Err(error) if is_time_out(&error) => {}
                Err(_) => self.cut(),
            }
        }
    }

    /// How many bytes may be read now, at least one; waits while nothing may pass. `None` once the connection is cut.
    fn room(&self, way: Way, to: &TcpStream) -> Option<usize> {
        loop {
            if self.is_cut() {
                return None;
            }
            match self.shared.fault() {
                Fault::None | Fault::Delay(_) => return Some(PIECE),
                Fault::HalfClose if way == Way::Out => return Some(PIECE),
                Fault::Throttle(rate) => return Some(((rate.get() / SENDS_PER_SECOND).max(1) as usize).min(PIECE)),
                Fault::CutAfter(most) => match most.saturating_sub(self.total.load(Ordering::Relaxed)) {
                    0 => self.cut(),
                    left => return Some(usize::try_from(left).unwrap_or(PIECE).min(PIECE)),
                },
                // The second time round it is shut down already, which is no error that anybody waits for.
                Fault::HalfClose => drop(to.shutdown(Shutdown::Write)),
                Fault::Cut | Fault::Refuse => self.cut(),
                Fault::BlackHole => {}
            }
            thread::sleep(TICK);
        }
    }

    /// Waits before `length` bytes are passed on, as long as the fault that asks for it lasts.
    fn hold_back(&self, length: usize) {
        let begin = Instant::now();
        loop {
            let wait = match self.shared.fault() {
                Fault::Delay(delay) => delay,
                Fault::Throttle(rate) => Duration::from_secs_f64(length as f64 / f64::from(rate.get())),
                _ => return,
            };
            match wait.checked_sub(begin.elapsed()) {
                Some(left) if !left.is_zero() => thread::sleep(left.min(TICK)),
                _ => return,
            }
        }
    }
}

pub(super) fn is_time_out(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}
