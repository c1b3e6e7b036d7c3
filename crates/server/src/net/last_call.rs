//! The end of listening, without a connection lost that a client already had.
//!
//! When a listening socket is closed, the kernel resets what waits in its queue, and every handshake whose last part comes later. So
//! first no new handshake is let in, those under way get a moment to end, and what is in the queue then is everything.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::time::Duration;

/// How long a handshake may take that had begun: a round trip to a proxy, and to most clients.
pub(super) const MOMENT: Duration = Duration::from_millis(50);

/// The flag of a packet that begins a handshake, and where it is in the header (RFC 9293, section 3.1).
const SYN: u32 = 0x02;
const FLAGS_AT: u32 = 13;

/// Lets no new handshake in: what begins one is dropped, and comes again when nobody listens any more, so that it is refused.
///
/// # Errors
/// The kernel does not take the filter; then some connections may be reset.
pub(super) fn refuse_new(listener: &TcpListener) -> io::Result<()> {
    let step = |code: u32, jt, jf, k| libc::sock_filter { code: code as u16, jt, jf, k };
    let mut steps = [
        step(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS, 0, 0, FLAGS_AT),
        step(libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K, 0, 1, SYN),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, 0),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, u32::MAX),
    ];
    let program = libc::sock_fprog { len: steps.len() as u16, filter: steps.as_mut_ptr() };
    // SAFETY: the kernel copies the program, which and whose steps live until then.
    let set = unsafe {
        libc::setsockopt(
            listener.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_FILTER,
            (&raw const program).cast(),
            size_of::<libc::sock_fprog>() as libc::socklen_t,
        )
    };
    if set == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// What is in the queue. None is waited for.
pub(super) fn queued(listener: &TcpListener) -> impl Iterator<Item = (TcpStream, SocketAddr)> + '_ {
    std::iter::from_fn(|| listener.accept().ok())
}
