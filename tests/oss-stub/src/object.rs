//! Objects: put, get, head, delete.

use std::io::{Read as _, Seek as _, SeekFrom};

use bytes::Bytes;
use futures_util::stream;
use http::header::{self, HeaderName, HeaderValue};
use http::{Method, Response, StatusCode};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Frame, Incoming};

use crate::answer::{Body, Refusal, empty};
use crate::bucket::{Bucket, Content, Stored};
use crate::request::Ask;

/// How much of a file is sent at once.
const PIECE: u64 = 64 * 1024;

/// `PutObject`.
pub(crate) async fn put(bucket: &Bucket, ask: &Ask, body: Incoming) -> Result<Response<Body>, Refusal> {
    if ask.header("content-length").is_none() && ask.header("transfer-encoding").is_none() {
        return Err(Refusal::new(StatusCode::LENGTH_REQUIRED, "MissingContentLength", "There is no length."));
    }
    may_write(&bucket.content(), ask)?;
    let stored = bucket.receive(ask, body).await?;
    let mut answer = empty(StatusCode::OK);
    set(&mut answer, header::ETAG, &stored.tag);
    let mut content = bucket.content();
    may_write(&content, ask)?;
    content.objects.insert(ask.key.clone(), stored);
    Ok(answer)
}

/// Refuses to replace what is there if the request forbids it.
pub(crate) fn may_write(content: &Content, ask: &Ask) -> Result<(), Refusal> {
    if ask.header("x-oss-forbid-overwrite") == Some("true") && content.objects.contains_key(&ask.key) {
        return Err(Refusal::new(StatusCode::CONFLICT, "FileAlreadyExists", "The object already exists."));
    }
    Ok(())
}

/// `GetObject` and `HeadObject`.
pub(crate) fn get(bucket: &Bucket, ask: &Ask) -> Result<Response<Body>, Refusal> {
    let content = bucket.content();
    let object = content.objects.get(&ask.key).ok_or_else(|| Refusal::missing("NoSuchKey", "The object"))?;
    let range = range(ask, object.size)?;
    let (begin, end) = range.unwrap_or((0, object.size));
    let mut answer = empty(if range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK });
    if ask.method == Method::GET {
        *answer.body_mut() = contents(object, begin, end)?;
    }
    if range.is_some() {
        set(&mut answer, header::CONTENT_RANGE, &format!("bytes {begin}-{}/{}", end - 1, object.size));
    }
    set(&mut answer, header::CONTENT_LENGTH, &(end - begin).to_string());
    set(&mut answer, header::ACCEPT_RANGES, "bytes");
    set(&mut answer, header::ETAG, &object.tag);
    set(&mut answer, header::LAST_MODIFIED, &httpdate::fmt_http_date(object.modified));
    set(&mut answer, header::CONTENT_TYPE, "application/octet-stream");
    Ok(answer)
}

/// `DeleteObject`, which succeeds also if there is none.
pub(crate) fn delete(bucket: &Bucket, ask: &Ask) -> Response<Body> {
    bucket.content().objects.remove(&ask.key);
    empty(StatusCode::NO_CONTENT)
}

/// The bytes from `begin` to before `end`.
fn contents(object: &Stored, begin: u64, end: u64) -> Result<Body, Refusal> {
    let mut file = object.open()?;
    file.seek(SeekFrom::Start(begin))?;
    let pieces = stream::unfold((file, end - begin), |(mut file, left)| async move {
        let length = left.min(PIECE);
        let mut piece = vec![0; usize::try_from(length).ok().filter(|length| *length > 0)?];
        let read = file.read_exact(&mut piece).map(|()| Frame::data(Bytes::from(piece)));
        Some((read, (file, left - length)))
    });
    Ok(StreamBody::new(pieces).boxed_unsync())
}

/// The first and the one behind the last byte that the request asks for. A range that cannot be met is an error only if
/// the client asked for the behaviour of the standard; otherwise the service sends everything.
fn range(ask: &Ask, size: u64) -> Result<Option<(u64, u64)>, Refusal> {
    let Some(text) = ask.header("range") else { return Ok(None) };
    let bounds = text.strip_prefix("bytes=").and_then(|bounds| bounds.split_once('-'));
    let range = bounds.and_then(|(first, last)| match (first, last) {
        ("", last) => Some((size.saturating_sub(last.parse().ok().filter(|count| *count > 0)?), size)),
        (first, "") => Some((first.parse().ok()?, size)),
        (first, last) => Some((first.parse().ok()?, last.parse::<u64>().ok()?.checked_add(1)?.min(size))),
    });
    match range.filter(|(begin, end)| begin < end) {
        Some(range) => Ok(Some(range)),
        None if ask.header("x-oss-range-behavior") == Some("standard") => {
            Err(Refusal::new(StatusCode::RANGE_NOT_SATISFIABLE, "InvalidRange", "There are no such bytes."))
        }
        None => Ok(None),
    }
}

/// Sets a header to text that is one: tags, numbers, dates.
pub(crate) fn set(answer: &mut Response<Body>, name: HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        answer.headers_mut().insert(name, value);
    }
}
