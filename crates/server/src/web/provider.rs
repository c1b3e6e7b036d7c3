//! Logging in at a company's provider: the way there, and the way back.

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use entrepot_access::{Error, ProviderAnswer, ProviderName};
use http::StatusCode;
use http::header::{self, HeaderMap, HeaderValue};

use super::Web;
use super::cookie::Cookie;
use super::failure::Failure;
use super::form::sentence;
use super::login::entered;
use super::next::Next;
use super::page::{Answer, Frame, Simple, show};
use super::visitor::Visitor;
use crate::api::Problem;

/// Where the way to a provider begins, for who wants to go to `next` then. It is a place at the public address: the provider sends people
/// back to that, and browsers show cookies only where they have got them.
pub(super) fn place(web: &Web, name: &ProviderName, next: &Next) -> String {
    let path = next.after(&format!("/login/oidc/{name}"));
    web.access.public_url().map_or_else(|| path.clone(), |url| url.at(&path))
}

/// `GET /login/oidc/{provider}`
pub(super) async fn begin(State(web): State<Web>, visitor: Visitor, Path(name): Path<String>) -> Answer {
    let next = Next::of(&visitor.uri);
    match web.access.begin_provider_login(&name, next.as_str(), visitor.address).await {
        Ok(departure) => {
            let cookie = Cookie::Departure.set(departure.browser.reveal(), visitor.origin.is_https());
            away(&departure.url, cookie)
        }
        Err(error) => refused(&visitor, error),
    }
}

/// `GET /login/oidc/{provider}/callback`
pub(super) async fn finish(
    State(web): State<Web>,
    visitor: Visitor,
    headers: HeaderMap,
    Path(name): Path<String>,
) -> Answer {
    let https = visitor.origin.is_https();
    let browser = Cookie::Departure.read(&headers, https).unwrap_or_default();
    // What is no answer is as good as one without a state.
    let answer = Query::<ProviderAnswer>::try_from_uri(&visitor.uri).map(|Query(answer)| answer).unwrap_or_default();
    match web.access.finish_provider_login(&name, &answer, browser, &visitor.visit()).await {
        Ok(arrival) => {
            let mut response = entered(&visitor, &arrival.session, &Next::wanted(&arrival.next));
            if let Some(cookie) = Cookie::Departure.clear(https) {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
            Ok(response)
        }
        Err(error) => refused(&visitor, error),
    }
}

/// Sends a browser to a provider.
fn away(url: &str, cookie: Option<HeaderValue>) -> Answer {
    let location = HeaderValue::from_str(url).map_err(|_| Error::Internal("a provider has no address".to_owned()))?;
    let mut response: Response = (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response();
    response.headers_mut().extend(cookie.map(|cookie| (header::SET_COOKIE, cookie)));
    Ok(response)
}

/// Says why nobody is logged in, and leads back to where everybody can be.
fn refused(visitor: &Visitor, error: Error) -> Answer {
    let text = match &error {
        Error::Denied(why) | Error::Unavailable(why) => sentence(why),
        _ => return Err(Failure::from(error)),
    };
    let page = Simple::new(Frame::new(visitor, "You are not logged in").within("login"))
        .lead(text)
        .link("/login", "To the log in page");
    show(visitor, Problem::from(error).status(), &page)
}
