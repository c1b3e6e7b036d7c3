//! What a test says to the server.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A request with the content it carries.
#[derive(Clone, Debug)]
pub struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Body,
}

/// The content of a request and how it is framed.
#[derive(Clone, Debug)]
pub enum Body {
    /// None.
    None,
    /// With a `Content-Length`.
    Whole(Vec<u8>),
    /// In chunks, without a `Content-Length`.
    Chunked(Vec<Vec<u8>>),
}

/// A request of any method.
pub fn request(method: &str, target: impl Into<String>) -> Request {
    Request { method: method.to_owned(), target: target.into(), headers: Vec::new(), body: Body::None }
}

/// `GET`
pub fn get(target: impl Into<String>) -> Request {
    request("GET", target)
}

/// `HEAD`
pub fn head(target: impl Into<String>) -> Request {
    request("HEAD", target)
}

/// `POST`
pub fn post(target: impl Into<String>) -> Request {
    request("POST", target)
}

/// `PUT`
pub fn put(target: impl Into<String>) -> Request {
    request("PUT", target)
}

/// `PATCH`
pub fn patch(target: impl Into<String>) -> Request {
    request("PATCH", target)
}

/// `DELETE`
pub fn delete(target: impl Into<String>) -> Request {
    request("DELETE", target)
}

/// The beginning of a push, as somebody.
pub fn push(repository: &str, name: &str, secret: &str) -> Request {
    post(format!("/v2/{repository}/blobs/uploads/")).basic(name, secret)
}

impl Request {
    /// As somebody, with a password or a token.
    #[must_use]
    pub fn basic(self, name: &str, secret: &str) -> Self {
        self.header("Authorization", format!("Basic {}", STANDARD.encode(format!("{name}:{secret}"))))
    }

    /// Its method.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// Its path and query.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Sends this content with its length.
    #[must_use]
    pub fn body(mut self, content: impl Into<Vec<u8>>) -> Self {
        self.body = Body::Whole(content.into());
        self
    }

    /// Sends this content in chunks.
    #[must_use]
    pub fn chunked(mut self, chunks: &[&[u8]]) -> Self {
        self.body = Body::Chunked(chunks.iter().map(|chunk| chunk.to_vec()).collect());
        self
    }

    /// The head as it goes over the wire, with the framing headers and `extra` ones; `host` is where it goes, if it does not say so itself.
    pub(crate) fn head(&self, host: &str, extra: &str) -> String {
        let mut text = format!("{} {} HTTP/1.1\r\n{extra}", self.method, self.target);
        if self.headers.iter().all(|(name, _)| !name.eq_ignore_ascii_case("host")) {
            text.push_str(&format!("Host: {host}\r\n"));
        }
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        match &self.body {
            Body::None if matches!(self.method.as_str(), "POST" | "PUT" | "PATCH") => {
                text.push_str("Content-Length: 0\r\n");
            }
            Body::None => {}
            Body::Whole(content) => text.push_str(&format!("Content-Length: {}\r\n", content.len())),
            Body::Chunked(_) => text.push_str("Transfer-Encoding: chunked\r\n"),
        }
        text.push_str("\r\n");
        text
    }
}
