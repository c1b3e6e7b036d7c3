//! One keep-alive HTTP/1.1 connection that costs its own machine as little as possible.
//!
//! The load generator shares the processors with the server under test, so a request is bytes built beforehand, an
//! answer lands in one buffer used again, and large bodies are thrown away inside the kernel.

use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::TcpStream;

use super::chunks::Chunks;
use super::head::{BodyLength, Head};
use super::payload::Payload;

/// Room for an answer's head and most bodies, in bytes; grows when a body is larger.
const BUFFER_BYTES: usize = 64 * 1024;

/// How much of a large body is thrown away in one system call, in bytes.
const DISCARD_BYTES: usize = 4 * 1024 * 1024;

/// Linux's `MSG_TRUNC`: on TCP, take bytes from the socket without copying them anywhere (tcp(7)).
const MSG_TRUNC: i32 = 0x20;

/// A whole answer, borrowed from the connection's buffer.
#[derive(Debug)]
pub(super) struct Response<'a> {
    /// The head: status and headers.
    pub(super) head: Head<'a>,
    /// The body, without chunk framing.
    pub(super) body: &'a [u8],
}

impl Response<'_> {
    /// Fails, quoting the answer, unless the status is `status`.
    pub(super) fn expect(&self, status: u16, what: &str) -> Result<()> {
        if self.head.status != status {
            let body = String::from_utf8_lossy(&self.body[..self.body.len().min(500)]);
            bail!("{what}: expected status {status}, got {} {body}", self.head.status);
        }
        Ok(())
    }
}

/// A connection to the server under test. One request is under way at a time.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    discarded: Vec<u8>,
}

impl Connection {
    /// Connects to `address`, with Nagle's algorithm off.
    pub(super) async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await.with_context(|| format!("connecting to {address}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; BUFFER_BYTES], discarded: Vec::new() })
    }

    /// Opens `count` connections.
    pub(super) async fn open_many(address: SocketAddr, count: usize) -> Result<Vec<Self>> {
        let mut connections = Vec::with_capacity(count);
        for _ in 0..count {
            connections.push(Self::open(address).await?);
        }
        Ok(connections)
    }

    /// Sends a request that is whole in `request` and returns the answer with its body.
    pub(super) async fn exchange(&mut self, request: &[u8]) -> Result<Response<'_>> {
        self.stream.write_all(request).await?;
        self.receive(request.starts_with(b"HEAD ")).await
    }

    /// Sends `head`, then `payload` from its one buffer, and returns the answer.
    pub(super) async fn upload(&mut self, head: &[u8], payload: &Payload, unique: u64) -> Result<Response<'_>> {
        self.stream.write_all(head).await?;
        for _ in 0..payload.repeats() {
            self.stream.write_all(payload.block()).await?;
        }
        self.stream.write_all(&payload.last_block(unique)).await?;
        self.receive(false).await
    }

    /// Sends `request` and throws the body away in the kernel. Returns the body's length in bytes.
    pub(super) async fn download(&mut self, request: &[u8]) -> Result<u64> {
        let (mut left, length) = self.begin_download(request).await?;
        let mut nowhere = vec![MaybeUninit::uninit(); DISCARD_BYTES];
        while left > 0 {
            self.stream.readable().await?;
            let most = usize::try_from(left).unwrap_or(DISCARD_BYTES).min(DISCARD_BYTES);
            // Nothing is copied: the reader then costs nearly nothing.
            let read = self.stream.try_io(Interest::READABLE, || {
                SockRef::from(&self.stream).recv_with_flags(&mut nowhere[..most], MSG_TRUNC)
            });
            match read {
                Ok(0) => bail!("the server closed the connection with {left} bytes of the body missing"),
                Ok(count) => left -= count as u64,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(length)
    }

    /// Sends `request` and returns the sha256 of the body, in lower-case hex: the check that a download is right.
    pub(super) async fn download_hash(&mut self, request: &[u8]) -> Result<String> {
        self.stream.write_all(request).await?;
        let (head_end, filled) = self.receive_head().await?;
        let left = self.blob_length(head_end)? - (filled - head_end) as u64;
        let mut hash = Sha256::new();
        hash.update(&self.buffer[head_end..filled]);
        self.discarded.resize(DISCARD_BYTES, 0);
        let mut body = (&mut self.stream).take(left);
        loop {
            let count = body.read(&mut self.discarded).await?;
            if count == 0 {
                break;
            }
            hash.update(&self.discarded[..count]);
        }
        ensure!(body.limit() == 0, "the server closed the connection before the end of the body");
        Ok(hex::encode(hash.finalize()))
    }

    /// Sends `request`; returns how much of its body is still to come, and how long the body is.
    async fn begin_download(&mut self, request: &[u8]) -> Result<(u64, u64)> {
        self.stream.write_all(request).await?;
        let (head_end, filled) = self.receive_head().await?;
        let length = self.blob_length(head_end)?;
        let arrived = (filled - head_end) as u64;
        ensure!(arrived <= length, "the server sent more than the body it announced");
        Ok((length - arrived, length))
    }

    /// The length of a blob's body, whose head ends at `head_end`: a blob must come with status 200 and a length.
    fn blob_length(&self, head_end: usize) -> Result<u64> {
        let head = Head::parse(&self.buffer[..head_end])?;
        ensure!(head.status == 200, "expected the bytes of a blob, got status {}", head.status);
        let BodyLength::Bytes(length) = head.body_length()? else {
            bail!("a blob came without Content-Length");
        };
        Ok(length)
    }

    /// Reads until a whole head is there. Returns where it ends and how much of the buffer is filled.
    async fn receive_head(&mut self) -> Result<(usize, usize)> {
        let mut filled = 0;
        loop {
            let seen = filled;
            filled = self.fill(filled).await?;
            let from = seen.saturating_sub(3);
            if let Some(at) = self.buffer[from..filled].windows(4).position(|window| window == b"\r\n\r\n") {
                return Ok((from + at + 4, filled));
            }
        }
    }

    /// Reads one answer. An answer to HEAD has no body, whatever its headers say.
    async fn receive(&mut self, to_head: bool) -> Result<Response<'_>> {
        let (head_end, mut filled) = self.receive_head().await?;
        let head = Head::parse(&self.buffer[..head_end])?;
        let length = if to_head { BodyLength::Bytes(0) } else { head.body_length()? };
        let body_end = match length {
            BodyLength::Bytes(bytes) => {
                let end = head_end + usize::try_from(bytes)?;
                while filled < end {
                    filled = self.fill(filled).await?;
                }
                ensure!(filled == end, "the server sent {} bytes after the answer", filled - end);
                end
            }
            BodyLength::Chunked => {
                let mut chunks = Chunks::starting_at(head_end);
                loop {
                    if let Some(end) = chunks.decode(&mut self.buffer[..filled])? {
                        break end;
                    }
                    filled = self.fill(filled).await?;
                }
            }
        };
        Ok(Response { head: Head::parse(&self.buffer[..head_end])?, body: &self.buffer[head_end..body_end] })
    }

    /// Reads once behind `filled` and returns the new fill.
    async fn fill(&mut self, filled: usize) -> Result<usize> {
        if filled == self.buffer.len() {
            self.buffer.resize(filled * 2, 0);
        }
        let count = self.stream.read(&mut self.buffer[filled..]).await?;
        ensure!(count > 0, "the server closed the connection without finishing its answer");
        Ok(filled + count)
    }
}
