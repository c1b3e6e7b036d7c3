//! A client that speaks just enough HTTP/1.1, over one blocking connection. Of its own because it must be able to send half a
//! body and hang up, and because what it has sent when the server dies must be known to the byte.

use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A server that is silent for so long hangs.
const SILENCE: Duration = Duration::from_secs(30);

/// What is asked.
#[derive(Debug, Default)]
pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    /// Path and query.
    pub(super) target: String,
    pub(super) headers: Vec<(&'a str, String)>,
    pub(super) body: &'a [u8],
}

impl<'a> Request<'a> {
    pub(super) fn new(method: &'a str, target: impl Into<String>) -> Self {
        Self { method, target: target.into(), ..Self::default() }
    }

    pub(super) fn header(mut self, name: &'a str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn body(mut self, body: &'a [u8]) -> Self {
        self.body = body;
        self
    }

    fn head(&self, address: SocketAddr, bearer: Option<&str>) -> String {
        let mut head = format!("{} {} HTTP/1.1\r\nhost: {address}\r\n", self.method, self.target);
        if let Some(token) = bearer {
            head.push_str(&format!("authorization: Bearer {token}\r\n"));
        }
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !matches!(self.method, "GET" | "HEAD") {
            head.push_str(&format!("content-length: {}\r\n", self.body.len()));
        }
        head.push_str("\r\n");
        head
    }
}

/// What was answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// A header by its lower-case name.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// Status and what the server said, for a finding.
    pub(super) fn describe(&self) -> String {
        let text: String = String::from_utf8_lossy(&self.body).chars().take(300).collect();
        format!("{} {text}", self.status)
    }
}

/// A connection that is opened when it is needed.
#[derive(Debug)]
pub(super) struct Client {
    address: SocketAddr,
    /// The token that it shows.
    bearer: Option<String>,
    stream: Option<BufReader<TcpStream>>,
}

impl Client {
    pub(super) fn new(address: SocketAddr) -> Self {
        Self { address, bearer: None, stream: None }
    }

    /// The same, which shows a token.
    pub(super) fn bearing(mut self, token: &str) -> Self {
        self.bearer = Some(token.to_owned());
        self
    }

    fn head(&self, request: &Request<'_>) -> String {
        request.head(self.address, self.bearer.as_deref())
    }

    /// Sends the request and reads the whole answer.
    ///
    /// # Errors
    /// If the connection broke: what the server did then is unknown.
    pub(super) fn send(&mut self, request: &Request<'_>) -> io::Result<Answer> {
        let mut stream = self.connection()?;
        let mut sent = stream.get_mut().write_all(self.head(request).as_bytes());
        if sent.is_ok() && !request.body.is_empty() {
            sent = stream.get_mut().write_all(request.body);
        }
        // A server may refuse before it has read the body; its answer says more than the broken pipe.
        let answer = read_answer(&mut stream, request.method).map_err(|error| sent.err().unwrap_or(error))?;
        let closes = answer.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        // A server that refuses a body without reading it closes the connection behind its answer.
        let refused = answer.status >= 400 && !request.body.is_empty();
        if !closes && !refused {
            self.stream = Some(stream);
        }
        Ok(answer)
    }

    /// Sends the head and the first `length` bytes of the body, and hangs up.
    pub(super) fn cut(&mut self, request: &Request<'_>, length: usize) -> io::Result<()> {
        let mut stream = self.connection()?;
        stream.get_mut().write_all(self.head(request).as_bytes())?;
        stream.get_mut().write_all(&request.body[..length.min(request.body.len())])
    }

    /// The open connection, which comes back only if the exchange went well.
    fn connection(&mut self) -> io::Result<BufReader<TcpStream>> {
        if let Some(stream) = self.stream.take() {
            return Ok(stream);
        }
        let stream = TcpStream::connect(self.address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(SILENCE))?;
        stream.set_write_timeout(Some(SILENCE))?;
        Ok(BufReader::with_capacity(64 * 1024, stream))
    }
}

fn read_answer(stream: &mut impl BufRead, method: &str) -> io::Result<Answer> {
    let status = loop {
        let line = read_line(stream)?;
        let status = line.split(' ').nth(1).and_then(|text| text.parse::<u16>().ok()).ok_or_else(|| invalid(&line))?;
        if status >= 200 {
            break status;
        }
        while !read_line(stream)?.is_empty() {}
    };
    let mut headers = Vec::new();
    loop {
        let line = read_line(stream)?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').ok_or_else(|| invalid(&line))?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut answer = Answer { status, headers, body: Vec::new() };
    if method != "HEAD" && !matches!(status, 204 | 304) {
        let length = answer.header("content-length").and_then(|text| text.parse().ok());
        // Every answer of the registry states its length; one that does not is worth hearing of.
        answer.body = vec![0; length.ok_or_else(|| invalid("an answer without content-length"))?];
        stream.read_exact(&mut answer.body)?;
    }
    Ok(answer)
}

fn read_line(stream: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    match line.strip_suffix("\r\n") {
        Some(text) => Ok(text.to_owned()),
        None => Err(ErrorKind::UnexpectedEof.into()),
    }
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("no HTTP: {what:?}"))
}
