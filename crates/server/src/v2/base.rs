//! `GET /v2/` (end-1): this is a registry.

use entrepot_access::{Caller, Error};
use http::Response;
use http::header::{self, HeaderValue};

use super::error::ApiError;
use super::{Answer, V2};
use crate::body::Body;

/// Clients come here first, to see whether they have to show something.
pub(super) async fn get(v2: &V2, caller: &Caller) -> Answer {
    if caller.is_anonymous() && !caller.is_limited() {
        let asks = v2.access().asks_for_login().await.map_err(|error| ApiError::refused(error, caller))?;
        if asks {
            return Err(ApiError::refused(Error::Unauthenticated, caller));
        }
    }
    let mut response = Response::new(Body::Memory(bytes::Bytes::from_static(b"{}")));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}
