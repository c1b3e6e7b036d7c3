//! Forms that somebody has sent. They count only if this registry has shown them, to the same browser.

use axum::extract::{FromRequest, FromRequestParts, Request};
use entrepot_access::PublicUrl;
use http::header::{self, HeaderMap, HeaderName};

use super::Web;
use super::failure::Failure;
use super::fields::Fields;
use super::visitor::Visitor;
use crate::origin::Origin;

/// Largest form.
const MAX_BODY: usize = 64 * 1024;
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Who sent a form, and what is in it.
pub(super) struct Posted {
    pub(super) visitor: Visitor,
    pub(super) fields: Fields,
}

impl FromRequest<Web> for Posted {
    type Rejection = Failure;

    async fn from_request(request: Request, web: &Web) -> Result<Self, Failure> {
        let (mut parts, body) = request.into_parts();
        let visitor = Visitor::from_request_parts(&mut parts, web).await?;
        if !is_ours(&parts.headers, &visitor.origin, web.access.public_url()) {
            return Err(Failure::Foreign);
        }
        let content = axum::body::to_bytes(body, MAX_BODY).await.map_err(|_| Failure::TooLarge)?;
        let fields = Fields::parse(&content);
        if !visitor.has_shown(fields.text("csrf")) {
            return Err(Failure::Foreign);
        }
        Ok(Self { visitor, fields })
    }
}

/// Whether a page of ours sent it. Every browser says that in the one way or the other, and no page can say it for another.
fn is_ours(headers: &HeaderMap, reached: &Origin, public: Option<&PublicUrl>) -> bool {
    if let Some(site) = headers.get(SEC_FETCH_SITE) {
        return site == "same-origin";
    }
    let Some(origin) = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok()) else { return false };
    origin == reached.to_string() || public.is_some_and(|url| url.origin() == origin)
}
