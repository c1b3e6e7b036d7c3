//! What a request asks for, out of its head.

use std::net::IpAddr;

use http::header::{self, HeaderMap};
use http::{Method, request};
use percent_encoding::percent_decode_str;

/// The head of a request, taken apart and decoded.
#[derive(Debug)]
pub(crate) struct Ask {
    /// The method.
    pub(crate) method: Method,
    /// The headers.
    pub(crate) headers: HeaderMap,
    /// The bucket.
    pub(crate) bucket: String,
    /// The object; empty for the bucket itself.
    pub(crate) key: String,
    /// Whether the bucket came in the path, and without a slash behind it.
    pub(crate) is_bare_bucket: bool,
    query: Vec<(String, String)>,
}

impl Ask {
    /// The bucket is the first label of the host, or the first part of the path if the host is an address.
    pub(crate) fn parse(head: &request::Parts) -> Self {
        let host = head.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        let path = percent_decode_str(head.uri.path()).decode_utf8_lossy();
        let path = path.strip_prefix('/').unwrap_or(&path);
        let in_path = name.parse::<IpAddr>().is_ok() || !name.contains('.');
        let (bucket, key) = if in_path {
            path.split_once('/').unwrap_or((path, ""))
        } else {
            (name.split('.').next().unwrap_or_default(), path)
        };
        Self {
            method: head.method.clone(),
            headers: head.headers.clone(),
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            is_bare_bucket: in_path && !path.contains('/'),
            query: head
                .uri
                .query()
                .unwrap_or_default()
                .split('&')
                .filter(|pair| !pair.is_empty())
                .map(decode)
                .collect(),
        }
    }

    /// The value of a parameter; empty if it has none.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// All parameters.
    pub(crate) fn parameters(&self) -> &[(String, String)] {
        &self.query
    }

    /// The value of a header, if it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
    }
}

/// A plus is a plus here.
fn decode(pair: &str) -> (String, String) {
    let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
    let text = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
    (text(key), text(value))
}
