//! Entity tags of single things (RFC 9110, section 13): whether a client has it already, and edits that only count if nobody else
//! came between.

use axum::response::{IntoResponse, Response};
use entrepot_oci::{Algorithm, Digest};
use http::StatusCode;
use http::header::{self, HeaderMap, HeaderValue};
use serde::Serialize;

use super::problem::Problem;

/// The answer that shows `thing`, or says that the client has it.
pub(super) fn show(headers: &HeaderMap, thing: &impl Serialize) -> Response {
    let (body, tag) = render(thing);
    let mut response = if names(headers, &header::IF_NONE_MATCH, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, "application/json")], body).into_response()
    };
    // A quoted hash is a header's value.
    let tag = HeaderValue::from_str(&tag).unwrap_or_else(|_| HeaderValue::from_static("\"\""));
    response.headers_mut().insert(header::ETAG, tag);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    response
}

/// Whether an edit is only to count while the thing is as `now`: the client has said so, and it is.
pub(super) fn expects(headers: &HeaderMap, now: &impl Serialize) -> Result<bool, Problem> {
    if !headers.contains_key(header::IF_MATCH) {
        return Ok(false);
    }
    if names(headers, &header::IF_MATCH, &render(now).1) { Ok(true) } else { Err(Problem::changed()) }
}

/// JSON, and its tag.
fn render(thing: &impl Serialize) -> (Vec<u8>, String) {
    // Cannot fail: strings, numbers and lists of them.
    let body = serde_json::to_vec(thing).unwrap_or_default();
    let digest = Digest::of(Algorithm::Sha256, &body).to_string();
    let hash = digest.split_once(':').map_or("", |(_, hash)| hash);
    let tag = format!("\"{}\"", hash.get(..32).unwrap_or(hash));
    (body, tag)
}

fn names(headers: &HeaderMap, name: &header::HeaderName, tag: &str) -> bool {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|one| {
        let one = one.trim();
        one == "*" || one.trim_start_matches("W/") == tag
    })
}
