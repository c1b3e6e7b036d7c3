//! A TCP stream that counts, notices a full send buffer, and sends files without reading them.

use std::fs::File;
use std::io::{self, ErrorKind, IoSlice};
use std::os::fd::{AsFd, AsRawFd};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use nix::libc;
use nix::sys::sendfile::sendfile;
use nix::sys::socket::{MsgFlags, sendmsg};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

use super::progress::{Order, Progress};
use super::windows::{FileWindows, Leading};

/// The TCP side of a connection.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TcpStream,
    progress: Arc<Progress>,
    windows: Arc<FileWindows>,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, progress: Arc<Progress>) -> Self {
        Self { stream, progress, windows: Arc::default() }
    }

    /// The stretches of files that this socket recognises.
    pub(super) fn windows(&self) -> &Arc<FileWindows> {
        &self.windows
    }

    pub(super) fn progress(&self) -> &Arc<Progress> {
        &self.progress
    }

    /// Looks at the next bytes without taking them.
    pub(super) async fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.peek(buffer).await
    }

    /// Counts what a write did, or notes that the send buffer is full.
    fn written(&self, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &result {
            Poll::Ready(Ok(count)) => {
                self.progress.count_sent(*count);
                self.progress.set_write_blocked(false);
            }
            Poll::Ready(Err(_)) => {}
            Poll::Pending => {
                self.progress.set_write_blocked(true);
                if self.progress.take_probe() {
                    self.progress.set_unacknowledged(self.unacknowledged());
                }
            }
        }
        result
    }

    /// Bytes in the kernel that the peer has not acknowledged; 0 when the kernel does not say.
    fn unacknowledged(&self) -> u64 {
        let mut queued: libc::c_int = 0;
        // SAFETY: the descriptor is open as long as `self.stream` lives, and TIOCOUTQ writes one int to a valid place.
        let answer = unsafe { libc::ioctl(self.stream.as_raw_fd(), libc::TIOCOUTQ, &raw mut queued) };
        if answer == 0 { u64::try_from(queued).unwrap_or(0) } else { 0 }
    }

    /// Does `operation` when the socket takes data, again whenever the kernel says "not now".
    fn poll_write_with(
        &self,
        cx: &mut Context<'_>,
        mut operation: impl FnMut(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.stream.poll_write_ready(cx))?;
            match self.stream.try_io(Interest::WRITABLE, || operation(&self.stream)) {
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                result => return Poll::Ready(result),
            }
        }
    }

    fn poll_send_file(&self, cx: &mut Context<'_>, file: &File, offset: u64, length: usize) -> Poll<io::Result<usize>> {
        let offset = libc::off_t::try_from(offset).map_err(io::Error::other)?;
        let sent = ready!(self.poll_write_with(cx, |stream| {
            let mut from = offset;
            Ok(sendfile(stream.as_fd(), file.as_fd(), Some(&mut from), length)?)
        }))?;
        if sent == 0 {
            tracing::error!(offset, "a file ended before the length that was promised; closing the connection");
            return Poll::Ready(Err(io::Error::new(ErrorKind::UnexpectedEof, "the file is shorter than promised")));
        }
        Poll::Ready(Ok(sent))
    }

    /// Sends memory that a piece of a file will follow, so that the kernel puts both into one segment.
    fn poll_send_more(&self, cx: &mut Context<'_>, buffers: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.poll_write_with(cx, |stream| {
            // nix knows no name for this Linux flag.
            let more = MsgFlags::from_bits_retain(libc::MSG_MORE);
            Ok(sendmsg::<()>(stream.as_raw_fd(), buffers, &[], more, None)?)
        })
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(cx, buffer))?;
        this.progress.count_received(buffer.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = match this.windows.leading(buffers) {
            Leading::Memory => Pin::new(&mut this.stream).poll_write_vectored(cx, buffers),
            Leading::MemoryThenFile(count) => this.poll_send_more(cx, &buffers[..count]),
            Leading::File { file, offset, length } => this.poll_send_file(cx, &file, offset, length),
        };
        this.written(result)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // A peer that does not read would make the kernel keep what was sent for minutes.
        if self.progress.order() == Order::Cut && self.progress.is_write_blocked() {
            let _ = self.stream.set_zero_linger();
        }
    }
}
