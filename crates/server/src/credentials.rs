//! What a request shows, out of its `Authorization` header.

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use entrepot_access::{Access, Caller, Error, Shown};
use http::header::{self, HeaderMap};

/// Who sends a request with these headers, if what they show is in order.
///
/// # Errors
/// As [`Access::identify`]; a header that cannot be read proves nothing.
pub(crate) async fn identify(access: &Access, headers: &HeaderMap, address: Option<IpAddr>) -> Result<Caller, Error> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return access.identify(Shown::Nothing, address).await;
    };
    let value = value.to_str().map_err(|_| Error::Unauthenticated)?;
    let (scheme, rest) = value.split_once(' ').ok_or(Error::Unauthenticated)?;
    // Tools for Docker Hub call it JWT.
    if scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("jwt") {
        return access.identify(Shown::Bearer(rest.trim()), address).await;
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(Error::Unauthenticated);
    }
    let decoded = STANDARD.decode(rest.trim()).map_err(|_| Error::Unauthenticated)?;
    let decoded = String::from_utf8(decoded).map_err(|_| Error::Unauthenticated)?;
    let (username, password) = decoded.split_once(':').ok_or(Error::Unauthenticated)?;
    access.identify(Shown::Basic { username, password }, address).await
}
