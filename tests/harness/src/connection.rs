//! One connection to the server, byte by byte.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use crate::{Answer, Body, Request};

/// How long a read or write may take before the test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// A plain TCP connection that speaks HTTP/1.1, as well or badly as the test wants.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    address: SocketAddr,
    unread: Vec<u8>,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// Nobody listens there.
    pub fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).with_context(|| format!("cannot connect to {address}"))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, address, unread: Vec::new() })
    }

    /// The socket, for its options.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// The server does not take them.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> Result<()> {
        Ok(self.stream.write_all(bytes.as_ref())?)
    }

    /// Sends the head of `request` with a length of `length` bytes, whatever body it has.
    ///
    /// # Errors
    /// The server does not take it.
    pub fn announce(&mut self, request: &Request, length: u64) -> Result<()> {
        let head = Request { body: Body::Chunked(Vec::new()), ..request.clone() };
        let head = head.head(&self.address.to_string(), "");
        self.send(head.replace("Transfer-Encoding: chunked", &format!("Content-Length: {length}")))
    }

    /// Sends all of `request`. A server that has heard enough may stop reading, and its answer is then still to be read.
    ///
    /// # Errors
    /// The server takes nothing.
    pub fn ask(&mut self, request: &Request, extra_headers: &str) -> Result<()> {
        self.send(request.head(&self.address.to_string(), extra_headers))?;
        let sent = match &request.body {
            Body::None => Ok(()),
            Body::Whole(content) => self.stream.write_all(content),
            Body::Chunked(chunks) => self.send_chunks(chunks),
        };
        match sent {
            Err(error) if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => Ok(()),
            other => Ok(other?),
        }
    }

    fn send_chunks(&mut self, chunks: &[Vec<u8>]) -> std::io::Result<()> {
        for chunk in chunks.iter().filter(|chunk| !chunk.is_empty()) {
            self.stream.write_all(format!("{:x}\r\n", chunk.len()).as_bytes())?;
            self.stream.write_all(chunk)?;
            self.stream.write_all(b"\r\n")?;
        }
        self.stream.write_all(b"0\r\n\r\n")
    }

    /// Reads the answer to a request of `method`.
    ///
    /// # Errors
    /// There is none, or it is not HTTP.
    pub fn answer(&mut self, method: &str) -> Result<Answer> {
        let (status, headers) = loop {
            let end = loop {
                match self.unread.windows(4).position(|four| four == b"\r\n\r\n") {
                    Some(at) => break at + 4,
                    None => ensure!(self.fill()? > 0, "the connection ended before an answer: {:?}", self.unread),
                }
            };
            let (status, headers) = parse_head(&self.unread[..end])?;
            self.unread.drain(..end);
            // An interim answer is followed by the real one.
            if status >= 200 {
                break (status, headers);
            }
        };
        let mut answer = Answer { status, headers, body: Vec::new() };
        if method != "HEAD" && status != 204 && status != 304 {
            answer.body = self.content(&answer)?;
        }
        Ok(answer)
    }

    fn content(&mut self, answer: &Answer) -> Result<Vec<u8>> {
        if answer.header("transfer-encoding") == Some("chunked") {
            let mut content = Vec::new();
            loop {
                let line = self.line()?;
                let length = usize::from_str_radix(line.trim(), 16).with_context(|| format!("chunk {line:?}"))?;
                content.extend(self.take(length)?);
                ensure!(self.line()?.is_empty(), "a chunk is longer than it says");
                if length == 0 {
                    return Ok(content);
                }
            }
        }
        match answer.header("content-length") {
            Some(length) => self.take(length.parse()?),
            None => {
                while self.fill()? > 0 {}
                Ok(std::mem::take(&mut self.unread))
            }
        }
    }

    fn line(&mut self) -> Result<String> {
        loop {
            if let Some(end) = self.unread.windows(2).position(|two| two == b"\r\n") {
                let line: Vec<u8> = self.unread.drain(..end + 2).take(end).collect();
                return Ok(String::from_utf8(line)?);
            }
            ensure!(self.fill()? > 0, "the connection ended in the middle of a line");
        }
    }

    fn take(&mut self, length: usize) -> Result<Vec<u8>> {
        while self.unread.len() < length {
            ensure!(self.fill()? > 0, "the content ended after {} of {length} bytes", self.unread.len());
        }
        Ok(self.unread.drain(..length).collect())
    }

    fn fill(&mut self) -> Result<usize> {
        let mut buffer = vec![0; 64 * 1024];
        let read = self.stream.read(&mut buffer)?;
        self.unread.extend_from_slice(&buffer[..read]);
        Ok(read)
    }

    /// Waits until the server ends the connection, and says what came before that.
    ///
    /// # Errors
    /// It did not end within a minute.
    pub fn until_end(mut self) -> Result<Vec<u8>> {
        loop {
            match self.fill() {
                Ok(0) => return Ok(self.unread),
                Ok(_) => {}
                Err(error) => match error.downcast_ref::<std::io::Error>().map(std::io::Error::kind) {
                    Some(ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => return Ok(self.unread),
                    _ => bail!("the server keeps the connection: {error}"),
                },
            }
        }
    }

    /// Goes away without a word more.
    pub fn cut(self) {
        // Already gone is gone too.
        let _gone = self.stream.shutdown(Shutdown::Both);
    }
}

/// A status and headers.
type Head = (u16, Vec<(String, String)>);

fn parse_head(head: &[u8]) -> Result<Head> {
    let text = std::str::from_utf8(head)?;
    let mut lines = text.split("\r\n");
    let status = lines.next().unwrap_or_default();
    let code = status.strip_prefix("HTTP/1.1 ").or_else(|| status.strip_prefix("HTTP/1.0 "));
    let code = code.and_then(|rest| rest.get(..3)).with_context(|| format!("not HTTP: {status:?}"))?;
    let mut headers = Vec::new();
    for line in lines.filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').with_context(|| format!("not a header: {line:?}"))?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    Ok((code.parse()?, headers))
}
