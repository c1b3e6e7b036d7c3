//! What a handler takes out of a request: who asks, the path, the query and the body. What is refused here is said as
//! everything else that is.

use std::convert::Infallible;
use std::net::IpAddr;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use bytes::Bytes;
use entrepot_access::{Access, Caller, Error};
use http::header::{self, HeaderMap};
use http::request::Parts;
use serde::de::DeserializeOwned;

use super::problem::Problem;
use super::{Api, Asker};
use crate::credentials;
use crate::origin::Origin;

/// Largest body in bytes.
const MAX_BODY: usize = 64 * 1024;

/// Who asks. Over the network it is by `Authorization` alone: a cookie that a browser sends along never counts.
pub(super) struct Who(pub(super) Caller);

impl FromRequestParts<Api> for Who {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let caller = match api.asker {
            Asker::Operator => Access::operator(),
            Asker::Shown => {
                let address = api.proxies.client_of(&parts.extensions, &parts.headers);
                credentials::identify(api.access(), &parts.headers, address).await?
            }
        };
        Ok(Self(caller))
    }
}

/// From where somebody asks.
pub(super) struct Address(pub(super) Option<IpAddr>);

impl FromRequestParts<Api> for Address {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Infallible> {
        Ok(Self(api.proxies.client_of(&parts.extensions, &parts.headers)))
    }
}

/// The scheme and host under which the client has reached the registry; empty for whoever has the data, and reached nothing.
pub(super) struct Reached(pub(super) String);

impl FromRequestParts<Api> for Reached {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Infallible> {
        Ok(Self(match api.asker {
            Asker::Operator => String::new(),
            Asker::Shown => Origin::of_parts(parts, &api.proxies).to_string(),
        }))
    }
}

/// The parameters of the path.
pub(super) struct At<T>(pub(super) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Api> for At<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let path = Path::<T>::from_request_parts(parts, api).await;
        path.map(|Path(value)| Self(value))
            .map_err(|error: PathRejection| Problem::unreadable("path", error.body_text()))
    }
}

/// The parameters of the query; one that is unknown is a mistake.
pub(super) struct Asked<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<Api> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let query = Query::<T>::from_request_parts(parts, api).await;
        let unreadable = |error: QueryRejection| Problem::unreadable("query", error.body_text());
        query.map(|Query(value)| Self(value)).map_err(unreadable)
    }
}

/// A JSON body of 64 KiB at most. It has to call itself JSON, which no form of a foreign page can.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Api> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &Api) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::not_json());
        }
        let content = axum::body::to_bytes(request.into_body(), MAX_BODY).await;
        parse(&content.map_err(|_| Problem::too_large(MAX_BODY))?)
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

fn parse<T: DeserializeOwned>(content: &Bytes) -> Result<Body<T>, Problem> {
    let mut json = serde_json::Deserializer::from_slice(content);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let field = match error.path().to_string() {
            path if path == "." => "body".to_owned(),
            path => path,
        };
        Problem::unreadable(field, error.inner().to_string())
    })?;
    json.end().map_err(|error| Problem::unreadable("body", error.to_string()))?;
    Ok(Body(value))
}

/// A value that is not acceptable, as access would say it.
pub(super) fn invalid(field: &'static str, why: &str) -> Problem {
    Error::Invalid { field, why: why.to_owned() }.into()
}
