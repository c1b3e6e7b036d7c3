//! The id under which a request stands in the log; the client gets it back as `X-Request-Id`.

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use uuid::Uuid;

pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The client's own id if it sent a plain one of up to 64 characters, so that its log and ours meet; else a new one.
pub(crate) fn request_id(headers: &HeaderMap) -> HeaderValue {
    let plain = |value: &&HeaderValue| {
        let bytes = value.as_bytes();
        (1..=64).contains(&bytes.len()) && bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b))
    };
    headers.get(X_REQUEST_ID).filter(plain).cloned().unwrap_or_else(|| {
        let mut text = Uuid::encode_buffer();
        let text = Uuid::now_v7().simple().encode_lower(&mut text);
        HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("none"))
    })
}
