//! `GET /v2/<name>/referrers/<digest>` (end-12).

use entrepot_access::Caller;
use entrepot_oci::{Digest, ErrorCode, RepositoryName, media_type};
use entrepot_registry::Referrer;
use entrepot_registry::gate::Pull;
use http::header::{self, HeaderValue};
use http::{Request, Response, StatusCode};
use serde::Serialize;

use super::error::ApiError;
use super::query::{Query, next_page};
use super::{Answer, OCI_FILTERS_APPLIED, V2, header as header_value};
use crate::body::Body;
use crate::net::RequestBody;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Index<'a> {
    schema_version: u8,
    media_type: &'static str,
    manifests: &'a [Referrer],
}

pub(super) async fn get(
    v2: &V2,
    caller: &Caller,
    name: RepositoryName,
    subject: &Digest,
    request: &Request<RequestBody>,
) -> Answer {
    let grant = v2.authorize::<Pull>(caller, name).await?;
    let query = Query::of(request.uri());
    let artifact_type = query.get("artifactType").filter(|text| !text.is_empty());
    let limit = query.limit()?;
    let last = query.get("last").map(|text| {
        text.parse().map_err(|error| {
            let message = format!("the parameter last is {text:?}: {error}");
            ApiError::new(StatusCode::BAD_REQUEST, ErrorCode::DigestInvalid, message)
        })
    });
    let found =
        v2.registry.list_referrers(&grant, subject, artifact_type.map(str::to_owned), last.transpose()?, limit).await?;

    let index = Index { schema_version: 2, media_type: media_type::IMAGE_INDEX, manifests: &found.entries };
    // Cannot fail: strings, numbers and JSON that was read before.
    let mut response = Response::new(Body::from(serde_json::to_vec(&index).unwrap_or_default()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type::IMAGE_INDEX));
    if artifact_type.is_some() {
        headers.insert(OCI_FILTERS_APPLIED, HeaderValue::from_static("artifactType"));
    }
    if let (true, Some(last)) = (found.more, found.entries.last()) {
        let (last, n) = (last.digest.to_string(), limit.map(|n| n.to_string()));
        let mut parameters = vec![("last", last.as_str())];
        parameters.extend(artifact_type.map(|text| ("artifactType", text)));
        parameters.extend(n.as_deref().map(|text| ("n", text)));
        let path = format!("/v2/{}/referrers/{subject}", grant.repository());
        headers.insert(header::LINK, header_value(&next_page(&path, &parameters)));
    }
    Ok(response)
}
