//! The head of an HTTP/1.1 answer: status line and headers (RFC 9112, section 4).

use anyhow::{Context, Result, bail};

/// A parsed status and the header lines as they came.
#[derive(Debug)]
pub(super) struct Head<'a> {
    /// The status code.
    pub(super) status: u16,
    lines: &'a str,
}

/// How the end of a body is found.
#[derive(Debug, PartialEq)]
pub(super) enum BodyLength {
    /// So many bytes.
    Bytes(u64),
    /// Until the last chunk.
    Chunked,
}

impl<'a> Head<'a> {
    /// Parses `bytes`, which end with the empty line.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self> {
        let text = std::str::from_utf8(bytes).context("the answer's head is not text")?;
        let (first, lines) = text.split_once("\r\n").context("the answer has no status line")?;
        let status = first.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3));
        let status = status.and_then(|code| code.parse().ok()).with_context(|| format!("status line {first:?}"))?;
        Ok(Self { status, lines })
    }

    /// The value of the first header called `name`, in any case.
    pub(super) fn header(&self, name: &str) -> Option<&'a str> {
        self.lines
            .split("\r\n")
            .filter_map(|line| line.split_once(':'))
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    }

    /// How long the body is. An answer without a length that may have a body is an error: such a body ends with the
    /// connection, and none of the candidates sends one.
    pub(super) fn body_length(&self) -> Result<BodyLength> {
        if let Some(length) = self.header("content-length") {
            return Ok(BodyLength::Bytes(length.parse().with_context(|| format!("Content-Length {length:?}"))?));
        }
        match self.header("transfer-encoding") {
            Some(coding) if coding.eq_ignore_ascii_case("chunked") => Ok(BodyLength::Chunked),
            None if matches!(self.status, 204 | 304) => Ok(BodyLength::Bytes(0)),
            _ => bail!("an answer with status {} has no length", self.status),
        }
    }

    /// The path and query of the `Location` header, which may be a whole URL or a path.
    pub(super) fn location(&self) -> Result<&'a str> {
        let location = self.header("location").context("the answer has no Location")?;
        match location.split_once("://") {
            Some((_, rest)) => Ok(&rest[rest.find('/').context("Location without a path")?..]),
            None => Ok(location),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{BodyLength, Head};

    #[test]
    fn reads_status_headers_and_length() {
        let head = Head::parse(b"HTTP/1.1 200 OK\r\nContent-length:  12\r\nX: y\r\n\r\n").unwrap();
        assert_eq!(head.status, 200);
        assert_eq!(head.header("x"), Some("y"));
        assert_eq!(head.body_length().unwrap(), BodyLength::Bytes(12));
    }

    #[test]
    fn location_is_a_path_in_both_forms() {
        for form in ["http://127.0.0.1:5000/v2/a?b=c", "/v2/a?b=c"] {
            let bytes = format!("HTTP/1.1 202 Accepted\r\nLocation: {form}\r\n\r\n");
            assert_eq!(Head::parse(bytes.as_bytes()).unwrap().location().unwrap(), "/v2/a?b=c");
        }
    }

    #[test]
    fn a_body_without_length_is_refused() {
        assert!(Head::parse(b"HTTP/1.1 200 OK\r\n\r\n").unwrap().body_length().is_err());
        assert!(Head::parse(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap().body_length().is_ok());
        assert!(Head::parse(b"nonsense\r\n\r\n").is_err());
    }
}
