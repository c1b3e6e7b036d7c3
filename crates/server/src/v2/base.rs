//! `GET /v2/` (end-1): this is a registry.

use http::Response;
use http::header::{self, HeaderValue};

use crate::body::Body;

pub(super) fn get() -> Response<Body> {
    let mut response = Response::new(Body::Memory(bytes::Bytes::from_static(b"{}")));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
