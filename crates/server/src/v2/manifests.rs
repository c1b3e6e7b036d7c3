//! `/v2/<name>/manifests/<reference>` (end-3, end-7, end-9).

use bytes::{Bytes, BytesMut};
use entrepot_access::Caller;
use entrepot_oci::{ErrorCode, Reference, RepositoryName, Tag};
use entrepot_registry::gate::{Delete, Grant, Pull, Push};
use entrepot_registry::{Destination, ManifestPush};
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body::Body as _;
use http_body_util::BodyExt;

use super::error::ApiError;
use super::query::Query;
use super::{
    Answer, DOCKER_CONTENT_DIGEST, OCI_SUBJECT, OCI_TAG, V2, conditional, digest_header, header as header_value,
};
use crate::body::Body;
use crate::net::RequestBody;

/// Tags that one push may set. (The specification asks for at least 10.)
const MAX_TAGS: usize = 100;

/// `GET` and `HEAD`, with conditions.
pub(super) async fn get(
    v2: &V2,
    caller: &Caller,
    name: RepositoryName,
    reference: &Reference,
    request: &Request<RequestBody>,
) -> Answer {
    let grant = v2.authorize::<Pull>(caller, name).await?;
    let pull = v2.rates.pull(caller, request.method()).map_err(|exhausted| ApiError::exhausted(&exhausted))?;
    let manifest = match v2.registry.get_manifest(&grant, reference).await {
        Ok(manifest) => manifest,
        Err(error) => {
            pull.failed(caller);
            return Err(error.into());
        }
    };
    if request.method() == Method::GET {
        v2.registry.pulled(&grant, &manifest.digest);
    }
    let not_modified = conditional::not_modified(request.headers(), &manifest.digest);
    let body =
        if not_modified || request.method() == Method::HEAD { Body::empty() } else { manifest.content.clone().into() };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(DOCKER_CONTENT_DIGEST, digest_header(&manifest.digest));
    headers.insert(header::ETAG, conditional::etag(&manifest.digest));
    if not_modified {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    } else {
        headers.insert(header::CONTENT_TYPE, header_value(&manifest.media_type));
        headers.insert(header::CONTENT_LENGTH, manifest.content.len().into());
    }
    pull.tell(response.headers_mut());
    Ok(response)
}

/// `PUT`, by tag, or by digest with any number of `?tag=`.
pub(super) async fn put(
    v2: &V2,
    caller: &Caller,
    name: RepositoryName,
    reference: Reference,
    request: Request<RequestBody>,
) -> Answer {
    let grant = v2.authorize::<Push>(caller, name).await?;
    let reference_text = reference.to_string();
    let tags = tags(&Query::of(request.uri()))?;
    let destination = match reference {
        Reference::Tag(tag) if tags.is_empty() => Destination::Tag(tag),
        Reference::Tag(_) => {
            let message = "the parameter tag goes with a push by digest: PUT …/manifests/sha256:…?tag=…";
            return Err(ApiError::new(StatusCode::BAD_REQUEST, ErrorCode::ManifestInvalid, message));
        }
        Reference::Digest(digest) => Destination::Digest(digest, tags),
    };
    let by_digest = matches!(destination, Destination::Digest(..));
    let precondition = conditional::precondition(request.headers())?;
    let content_type = content_type(request.headers())?;
    let content = read(request.into_body(), v2.max_manifest_bytes).await?;
    let push = ManifestPush { content, content_type, destination, precondition };
    let pushed = v2.registry.put_manifest(&grant, push).await?;
    v2.access().audit_done(caller, "push", &named(&grant, &reference_text));

    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::CREATED;
    let headers = response.headers_mut();
    let location = format!("/v2/{}/manifests/{}", grant.repository(), pushed.digest);
    headers.insert(header::LOCATION, header_value(&location));
    headers.insert(DOCKER_CONTENT_DIGEST, digest_header(&pushed.digest));
    if let Some(subject) = &pushed.subject {
        headers.insert(OCI_SUBJECT, digest_header(subject));
    }
    if by_digest {
        headers.extend(pushed.tags.iter().map(|tag| (OCI_TAG, header_value(tag.as_str()))));
    }
    // Sentences of digests and numbers: nothing in them needs quoting.
    headers.extend(pushed.warnings.iter().map(|text| (header::WARNING, header_value(&format!("299 - \"{text}\"")))));
    Ok(response)
}

/// `DELETE` of a tag, or of a manifest with all its tags.
pub(super) async fn delete(v2: &V2, caller: &Caller, name: RepositoryName, reference: Reference) -> Answer {
    let grant = v2.authorize::<Delete>(caller, name).await?;
    let deleted = match &reference {
        Reference::Tag(tag) => v2.registry.delete_tag(&grant, tag).await,
        Reference::Digest(digest) => v2.registry.delete_manifest(&grant, digest).await,
    };
    deleted.map_err(|error| ApiError::of_delete(error, "GET, HEAD, PUT"))?;
    v2.access().audit_done(caller, "delete", &named(&grant, &reference.to_string()));
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::ACCEPTED;
    Ok(response)
}

/// What was pushed or deleted, as people write it: `acme/app:v1`, or with a digest `acme/app@sha256:…`.
pub(crate) fn named<P>(grant: &Grant<P>, reference: &str) -> String {
    let mark = if reference.contains(':') { '@' } else { ':' };
    format!("{}{mark}{reference}", grant.repository().as_str())
}

fn tags(query: &Query<'_>) -> Result<Vec<Tag>, ApiError> {
    let mut tags = Vec::new();
    for text in query.all("tag") {
        let tag = text.parse().map_err(|error| {
            let message = format!("the parameter tag is {text:?}: {error}");
            ApiError::new(StatusCode::BAD_REQUEST, ErrorCode::ManifestInvalid, message)
        })?;
        tags.push(tag);
    }
    if tags.len() > MAX_TAGS {
        let message = format!("one push may set {MAX_TAGS} tags, but this names {}", tags.len());
        return Err(ApiError::new(StatusCode::URI_TOO_LONG, ErrorCode::ManifestInvalid, message));
    }
    Ok(tags)
}

fn content_type(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let text = headers.get(header::CONTENT_TYPE).map(HeaderValue::to_str).transpose();
    text.map(|text| text.map(str::to_owned)).map_err(|_| {
        ApiError::new(StatusCode::BAD_REQUEST, ErrorCode::ManifestInvalid, "Content-Type must be visible ASCII")
    })
}

/// The whole body, which must not be larger than `limit` bytes.
async fn read(mut body: RequestBody, limit: u64) -> Result<Bytes, ApiError> {
    let too_large = || {
        let message = format!("the manifest is larger than the {limit} bytes that this registry accepts");
        ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::ManifestInvalid, message)
    };
    let stated = body.size_hint().exact().unwrap_or_default();
    if stated > limit {
        return Err(too_large());
    }
    let mut content = BytesMut::with_capacity(usize::try_from(stated).unwrap_or_default());
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            let message = format!("the manifest did not arrive whole: {error}");
            ApiError::new(StatusCode::BAD_REQUEST, ErrorCode::ManifestInvalid, message)
        })?;
        let Ok(data) = frame.into_data() else { continue };
        if (content.len() + data.len()) as u64 > limit {
            return Err(too_large());
        }
        content.extend_from_slice(&data);
    }
    Ok(content.freeze())
}
