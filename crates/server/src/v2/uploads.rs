//! `/v2/<name>/blobs/uploads/` (end-4, end-11) and `/v2/<name>/blobs/uploads/<id>` (end-5, 6, 13, 14).
//!
//! Bodies are received by tasks of their own: when a client goes away, the task still puts down what came, so that the
//! client can go on from there, and a commit never stops half-way.

use bytes::Bytes;
use entrepot_access::Caller;
use entrepot_oci::{Algorithm, ByteRange, Digest, ErrorCode, RepositoryName};
use entrepot_registry::gate::{Grant, Pull, Push};
use entrepot_registry::{BodyError, Error, MountSource, UploadId};
use futures_util::Stream;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body::Body as _;
use http_body_util::BodyExt;
use tracing::Instrument;

use super::error::ApiError;
use super::query::Query;
use super::{
    Answer, DOCKER_CONTENT_DIGEST, DOCKER_UPLOAD_UUID, OCI_CHUNK_MIN_LENGTH, V2, digest_header, header as header_value,
};
use crate::body::Body;
use crate::net::RequestBody;

/// What clients are asked to send at least in each chunk but the last: every chunk is synced, so smaller ones are slow.
/// They are taken all the same.
const CHUNK_MIN_LENGTH: HeaderValue = HeaderValue::from_static("65536");

/// `POST`: begins an upload, or mounts a blob, or takes a whole one.
pub(super) async fn post(v2: &V2, caller: &Caller, name: RepositoryName, request: Request<RequestBody>) -> Answer {
    let grant = v2.authorize::<Push>(caller, name).await?;
    let query = Query::of(request.uri());
    if let Some(digest) = query.get("mount") {
        let digest = parse_digest("mount", digest)?;
        if mount(v2, caller, &grant, &digest, query.get("from")).await? {
            return Ok(created(&grant, &digest));
        }
    } else if let Some(digest) = query.get("digest") {
        let digest = parse_digest("digest", digest)?;
        let registry = v2.registry.clone();
        let pushing = grant.clone();
        let length = request.body().size_hint().exact();
        detached(async move { registry.push_blob(&pushing, stream(request), length, &digest).await }).await?;
        return Ok(created(&grant, &digest));
    }
    let algorithm = query.get("digest-algorithm").map(parse_algorithm).transpose()?;
    let id = v2.registry.begin_upload(&grant, algorithm).await?;
    let mut response = accepted(StatusCode::ACCEPTED, &grant, id, 0);
    response.headers_mut().insert(OCI_CHUNK_MIN_LENGTH, CHUNK_MIN_LENGTH);
    Ok(response)
}

/// `GET`: how far the upload is.
pub(super) async fn get(v2: &V2, caller: &Caller, name: RepositoryName, id: UploadId) -> Answer {
    let grant = v2.authorize::<Push>(caller, name).await?;
    let size = v2.registry.upload_size(&grant, id).await?;
    Ok(accepted(StatusCode::NO_CONTENT, &grant, id, size))
}

/// `PATCH`: a chunk, with or without its range.
pub(super) async fn patch(
    v2: &V2,
    caller: &Caller,
    name: RepositoryName,
    id: UploadId,
    request: Request<RequestBody>,
) -> Answer {
    let grant = v2.authorize::<Push>(caller, name).await?;
    let range = chunk_range(request.headers())?;
    let registry = v2.registry.clone();
    let pushing = grant.clone();
    let appended = detached(async move { registry.append(&pushing, id, range, stream(request)).await }).await;
    let size = appended.map_err(|error| with_progress(error, &grant, id))?;
    Ok(accepted(StatusCode::ACCEPTED, &grant, id, size))
}

/// `PUT`: the last chunk or none, and the digest of the whole.
pub(super) async fn put(
    v2: &V2,
    caller: &Caller,
    name: RepositoryName,
    id: UploadId,
    request: Request<RequestBody>,
) -> Answer {
    let grant = v2.authorize::<Push>(caller, name).await?;
    let range = chunk_range(request.headers())?;
    let digest = match Query::of(request.uri()).get("digest") {
        Some(text) => parse_digest("digest", text)?,
        None => {
            let message = "the parameter digest is missing: PUT …?digest=sha256:… ends an upload";
            return Err(ApiError::new(StatusCode::BAD_REQUEST, ErrorCode::DigestInvalid, message));
        }
    };
    let registry = v2.registry.clone();
    let pushing = grant.clone();
    let finished =
        detached(async move { registry.finish_upload(&pushing, id, range, stream(request), &digest).await }).await;
    finished.map_err(|error| with_progress(error, &grant, id))?;
    Ok(created(&grant, &digest))
}

/// `DELETE`: gives the upload up.
pub(super) async fn delete(v2: &V2, caller: &Caller, name: RepositoryName, id: UploadId) -> Answer {
    let grant = v2.authorize::<Push>(caller, name).await?;
    v2.registry.cancel_upload(&grant, id).await?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(response)
}

/// Mounts the blob from `from`, or from any repository that has it and that the caller may pull from. A source that is
/// unknown, malformed or forbidden is as good as none: the client then uploads.
async fn mount(
    v2: &V2,
    caller: &Caller,
    grant: &Grant<Push>,
    digest: &Digest,
    from: Option<&str>,
) -> Result<bool, ApiError> {
    let sources = match from {
        Some(name) => name.parse().into_iter().collect(),
        None => v2.registry.holders_of(digest).await?,
    };
    for source in sources {
        let Ok(source) = v2.authorize::<Pull>(caller, source).await else { continue };
        if v2.registry.mount_blob(grant, &MountSource::new(source), digest).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Runs `work` to its end even if the client, and so this request, goes away.
async fn detached<T: Send + 'static>(
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    let task = tokio::spawn(work.in_current_span());
    task.await.unwrap_or_else(|error| Err(Error::Damaged(format!("the upload's task ended: {error}"))))
}

fn stream(request: Request<RequestBody>) -> impl Stream<Item = Result<Bytes, BodyError>> + Send {
    let frames = request.into_body().into_data_stream();
    futures_util::StreamExt::map(frames, |frame| frame.map_err(|error| BodyError(error.to_string())))
}

fn parse_digest(parameter: &str, text: &str) -> Result<Digest, ApiError> {
    text.parse().map_err(|error| {
        let message = format!("the parameter {parameter} is {text:?}: {error}");
        ApiError::new(StatusCode::BAD_REQUEST, ErrorCode::DigestInvalid, message)
    })
}

fn parse_algorithm(text: &str) -> Result<Algorithm, ApiError> {
    text.parse().map_err(|error| {
        let message = format!("the parameter digest-algorithm is {text:?}: {error}");
        ApiError::new(StatusCode::BAD_REQUEST, ErrorCode::DigestInvalid, message)
    })
}

fn chunk_range(headers: &HeaderMap) -> Result<Option<ByteRange>, ApiError> {
    let Some(value) = headers.get(header::CONTENT_RANGE) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    let range = text.parse().map_err(|error| {
        let message = format!("Content-Range is {text:?}: {error}");
        ApiError::new(StatusCode::RANGE_NOT_SATISFIABLE, ErrorCode::BlobUploadInvalid, message)
    })?;
    Ok(Some(range))
}

fn location(grant: &Grant<Push>, id: UploadId) -> HeaderValue {
    header_value(&format!("/v2/{}/blobs/uploads/{id}", grant.repository()))
}

/// `0-<last byte>`; an upload without bytes is `0-0`, as the specification's form has nothing better.
fn progress(size: u64) -> HeaderValue {
    header_value(&format!("0-{}", size.saturating_sub(1)))
}

/// Where the upload is, for a client whose chunk was refused.
fn with_progress(error: Error, grant: &Grant<Push>, id: UploadId) -> ApiError {
    match error {
        Error::OutOfOrder { size, .. } | Error::Interrupted { size } => ApiError::from(error)
            .with_header(header::RANGE, progress(size))
            .with_header(header::LOCATION, location(grant, id)),
        other => other.into(),
    }
}

fn accepted(status: StatusCode, grant: &Grant<Push>, id: UploadId, size: u64) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, location(grant, id));
    headers.insert(header::RANGE, progress(size));
    headers.insert(DOCKER_UPLOAD_UUID, header_value(&id.to_string()));
    response
}

fn created(grant: &Grant<Push>, digest: &Digest) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::CREATED;
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, header_value(&format!("/v2/{}/blobs/{digest}", grant.repository())));
    headers.insert(DOCKER_CONTENT_DIGEST, digest_header(digest));
    response
}
