//! What hyper reads from and writes to: a plain or an encrypted socket.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::server::TlsStream;

use super::progress::{Phase, Progress};
use super::socket::Socket;

/// The longest stretch of input that is looked at to tell the protocols apart: the HTTP/2 preface.
pub(super) const OPENING: usize = 24;

/// The byte stream of one connection.
#[derive(Debug)]
pub(super) enum ConnIo {
    /// Plain text, with the first bytes that were taken from the socket to find out what it speaks.
    Plain {
        /// The socket.
        socket: Socket,
        /// Bytes to be read before those in the socket.
        opening: Opening,
    },
    /// TLS, after the handshake.
    Tls(Box<TlsStream<Socket>>),
}

/// A few bytes read ahead.
#[derive(Debug, Default)]
pub(super) struct Opening {
    bytes: [u8; OPENING],
    read: usize,
    taken: usize,
}

impl Opening {
    /// The bytes read so far.
    pub(super) fn filled(&self) -> &[u8] {
        &self.bytes[..self.read]
    }

    /// The room left.
    pub(super) fn room(&mut self) -> &mut [u8] {
        &mut self.bytes[self.read..]
    }

    /// Notes that `count` bytes of the room were filled.
    pub(super) fn fill(&mut self, count: usize) {
        self.read += count;
    }

    /// Moves what is left into `buffer`; whether anything was.
    fn read_into(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        let count = (self.read - self.taken).min(buffer.remaining());
        buffer.put_slice(&self.bytes[self.taken..self.taken + count]);
        self.taken += count;
        count > 0
    }
}

impl ConnIo {
    fn socket(&mut self) -> &mut Socket {
        match self {
            Self::Plain { socket, .. } => socket,
            Self::Tls(stream) => stream.get_mut().0,
        }
    }

    fn progress(&mut self) -> Arc<Progress> {
        self.socket().progress().clone()
    }
}

impl AsyncRead for ConnIo {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain { socket, opening } => {
                if opening.taken < opening.read && opening.read_into(buffer) {
                    return Poll::Ready(Ok(()));
                }
                Pin::new(socket).poll_read(cx, buffer)
            }
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for ConnIo {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain { socket, .. } => Pin::new(socket).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain { socket, .. } => Pin::new(socket).poll_write_vectored(cx, buffers),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, buffers),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain { socket, .. } => socket.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain { socket, .. } => Pin::new(socket).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    /// Closes our side, and then, if the peer may still be sending, reads and drops what comes until it closes its own.
    /// Without that the kernel would answer its bytes with a reset, and the peer might never read why it was refused.
    /// The sweep ends the wait.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let progress = this.progress();
        if progress.phase() != Phase::Lingering {
            match this {
                Self::Plain { socket, .. } => ready!(Pin::new(socket).poll_shutdown(cx))?,
                Self::Tls(stream) => ready!(Pin::new(stream).poll_shutdown(cx))?,
            }
            if !progress.peer_may_be_sending() {
                return Poll::Ready(Ok(()));
            }
            progress.set_phase(Phase::Lingering);
        }
        let mut discarded = [0; 4096];
        loop {
            let mut buffer = ReadBuf::new(&mut discarded);
            ready!(Pin::new(this.socket()).poll_read(cx, &mut buffer))?;
            if buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}
