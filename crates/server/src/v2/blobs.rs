//! `/v2/<name>/blobs/<digest>` (end-2, end-10).

use std::ops::Range;

use entrepot_access::Caller;
use entrepot_oci::{ByteRange, Digest, ErrorCode, RepositoryName, Selection};
use entrepot_registry::BlobContent;
use entrepot_registry::gate::{Delete, Grant, Pull};
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode};

use super::error::ApiError;
use super::{Answer, DOCKER_CONTENT_DIGEST, V2, conditional, digest_header, header as header_value};
use crate::body::Body;
use crate::net::{Connection, FileBody, RequestBody};

/// `GET` and `HEAD`, with `Range` and conditions.
pub(super) async fn get(
    v2: &V2,
    caller: &Caller,
    name: RepositoryName,
    digest: &Digest,
    request: &Request<RequestBody>,
) -> Answer {
    let grant = v2.authorize::<Pull>(caller, name).await?;
    let headers = request.headers();
    if request.method() == Method::HEAD {
        let size = v2.registry.stat_blob(&grant, digest).await?;
        let status = if conditional::not_modified(headers, digest) { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
        return Ok(answer(digest, status, size, Body::empty()));
    }
    if conditional::not_modified(headers, digest) {
        let size = v2.registry.stat_blob(&grant, digest).await?;
        return Ok(answer(digest, StatusCode::NOT_MODIFIED, size, Body::empty()));
    }
    let content = v2.registry.get_blob(&grant, digest).await?;
    if let BlobContent::Stored(blob) = &content
        && let Some(redirect) = v2.redirects.answer(request, blob).await
    {
        return Ok(redirect);
    }
    let size = content.size();
    match select(headers, digest, size) {
        Selection::Whole => {
            let body = body(v2, &grant, digest, content, 0..size, request).await?;
            Ok(answer(digest, StatusCode::OK, size, body))
        }
        Selection::Part(range) => {
            let length = range.length().unwrap_or(size);
            let bytes = range.first()..range.first() + length;
            let body = body(v2, &grant, digest, content, bytes, request).await?;
            let mut response = answer(digest, StatusCode::PARTIAL_CONTENT, length, body);
            response.headers_mut().insert(header::CONTENT_RANGE, content_range(range, size));
            Ok(response)
        }
        Selection::Unsatisfiable => {
            let message = format!("the blob has {size} bytes, and the range begins after its end or is empty");
            Err(ApiError::new(StatusCode::RANGE_NOT_SATISFIABLE, ErrorCode::SizeInvalid, message)
                .with_header(header::CONTENT_RANGE, header_value(&format!("bytes */{size}"))))
        }
    }
}

/// `DELETE`
pub(super) async fn delete(v2: &V2, caller: &Caller, name: RepositoryName, digest: &Digest) -> Answer {
    let grant = v2.authorize::<Delete>(caller, name).await?;
    let deleted = v2.registry.delete_blob(&grant, digest).await;
    deleted.map_err(|error| ApiError::of_delete(error, "GET, HEAD"))?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::ACCEPTED;
    response.headers_mut().insert(DOCKER_CONTENT_DIGEST, digest_header(digest));
    Ok(response)
}

fn select(headers: &HeaderMap, digest: &Digest, size: u64) -> Selection {
    match headers.get(header::RANGE).and_then(|value| value.to_str().ok()) {
        Some(range) if conditional::range_holds(headers, digest) => Selection::parse(range, size),
        _ => Selection::Whole,
    }
}

/// The bytes of `range`, which is within the blob.
async fn body(
    v2: &V2,
    grant: &Grant<Pull>,
    digest: &Digest,
    content: BlobContent,
    range: Range<u64>,
    request: &Request<RequestBody>,
) -> Result<Body, ApiError> {
    match content {
        BlobContent::Small(bytes) => {
            let first = usize::try_from(range.start).unwrap_or_default();
            let end = usize::try_from(range.end).unwrap_or_default();
            Ok(bytes.slice(first..end).into())
        }
        BlobContent::Stored(blob) => match (blob.file(), request.extensions().get::<Connection>()) {
            (Some(file), Some(connection)) => {
                let length = range.end - range.start;
                Ok(Body::File(FileBody::new(file.clone(), range.start, length, connection)))
            }
            _ => match blob.stream(range).await {
                Ok(stream) => Ok(Body::Stream(stream)),
                Err(error) => Err(v2.registry.unreadable(grant, digest, error).await.into()),
            },
        },
    }
}

fn content_range(range: ByteRange, size: u64) -> HeaderValue {
    header_value(&format!("bytes {range}/{size}"))
}

fn answer(digest: &Digest, status: StatusCode, length: u64, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(DOCKER_CONTENT_DIGEST, digest_header(digest));
    headers.insert(header::ETAG, conditional::etag(digest));
    // What a digest names never changes; who may see it can, so only the client's own cache may keep it.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=31536000, immutable"));
    if status != StatusCode::NOT_MODIFIED {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        headers.insert(header::CONTENT_LENGTH, length.into());
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    }
    response
}
