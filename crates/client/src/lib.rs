#![doc = include_str!("../README.md")]

mod answer;
mod credential;
mod docker;
mod error;
mod login;
mod route;
mod server;
mod there;

use std::path::Path;

use bytes::Bytes;
use entrepot_access::Access;
use entrepot_server::{Cause, Operator};
use http::header::{self, HeaderValue};
use http::{Method, Request};
use serde::de::DeserializeOwned;
use serde_json::Value;

use self::answer::Answer;
pub use self::answer::Page;
pub use self::credential::{Credential, InvalidToken};
pub use self::docker::{Kept, Logins};
pub use self::error::Error;
pub use self::login::{Codes, Registry};
pub use self::route::{Route, route};
pub use self::server::{InvalidServer, Server};
use self::there::There;

/// Entries of one page of a list: as many as the API gives.
const PAGE: usize = 500;

/// Somebody who answers requests of the API.
#[derive(Debug)]
pub struct Client(Way);

#[derive(Debug)]
enum Way {
    Here(Operator),
    There(There),
}

impl Client {
    /// Data that is at hand; whoever has it is its operator.
    pub fn here(access: Access) -> Self {
        Self(Way::Here(Operator::new(access)))
    }

    /// A registry that runs. The certificates in `ca_file` are trusted in place of the system's.
    ///
    /// # Errors
    /// The file cannot be used, or the system has no certificates.
    pub fn there(server: Server, credential: Credential, ca_file: Option<&Path>) -> Result<Self, Error> {
        There::new(server, credential, ca_file).map(|there| Self(Way::There(there)))
    }

    /// One thing.
    ///
    /// # Errors
    /// What the API refused, or why it could not be asked; so with everything here.
    pub async fn get<T: DeserializeOwned>(&self, route: Route) -> Result<T, Error> {
        self.ask(Method::GET, &route.target(), None).await
    }

    /// A whole list.
    ///
    /// # Errors
    /// As above.
    pub async fn list<T: DeserializeOwned>(&self, route: Route) -> Result<Vec<T>, Error> {
        self.first(route, usize::MAX).await
    }

    /// The first entries of a list, `most` at most.
    ///
    /// # Errors
    /// As above.
    pub async fn first<T: DeserializeOwned>(&self, route: Route, most: usize) -> Result<Vec<T>, Error> {
        let mut next = Some(route.query("limit", most.clamp(1, PAGE)).target());
        let mut entries = Vec::new();
        while let Some(target) = next.filter(|_| entries.len() < most) {
            let page: Page<T> = self.ask(Method::GET, &target, None).await?;
            entries.extend(page.items);
            next = page.next;
        }
        entries.truncate(most);
        Ok(entries)
    }

    /// Makes something out of `body`, and takes what is answered.
    ///
    /// # Errors
    /// As above.
    pub async fn make<T: DeserializeOwned>(&self, route: Route, body: Option<Value>) -> Result<T, Error> {
        self.ask(Method::POST, &route.target(), body).await
    }

    /// Sets something to `body`, and takes what is answered.
    ///
    /// # Errors
    /// As above.
    pub async fn set<T: DeserializeOwned>(&self, route: Route, body: Value) -> Result<T, Error> {
        self.ask(Method::PUT, &route.target(), Some(body)).await
    }

    /// `POST`
    ///
    /// # Errors
    /// As above.
    pub async fn post(&self, route: Route, body: Option<Value>) -> Result<(), Error> {
        self.answer(Method::POST, &route.target(), body).await.map(drop)
    }

    /// `PUT`
    ///
    /// # Errors
    /// As above.
    pub async fn put(&self, route: Route, body: Option<Value>) -> Result<(), Error> {
        self.answer(Method::PUT, &route.target(), body).await.map(drop)
    }

    /// `PATCH`
    ///
    /// # Errors
    /// As above.
    pub async fn patch(&self, route: Route, body: Value) -> Result<(), Error> {
        self.answer(Method::PATCH, &route.target(), Some(body)).await.map(drop)
    }

    /// `DELETE`
    ///
    /// # Errors
    /// As above.
    pub async fn delete(&self, route: Route) -> Result<(), Error> {
        self.answer(Method::DELETE, &route.target(), None).await.map(drop)
    }

    async fn ask<T: DeserializeOwned>(&self, method: Method, target: &str, body: Option<Value>) -> Result<T, Error> {
        self.answer(method, target, body).await?.value().map_err(|why| self.no_answer(why))
    }

    /// The answer to a request, if it was done.
    async fn answer(&self, method: Method, target: &str, body: Option<Value>) -> Result<Answer, Error> {
        // The next page of a list is where the answer says, which is never to be another server.
        if !target.starts_with("/api/v1/") {
            return Err(self.no_answer("it leads away from its API".to_owned()));
        }
        let request = request(method, target, body).map_err(|why| self.no_answer(why.to_string()))?;
        match &self.0 {
            Way::Here(operator) => {
                let response = operator.answer(request).await;
                let cause = response.extensions().get::<Cause>().map(|Cause(text)| text.clone());
                let (head, content) = response.into_parts();
                let answer = Answer { status: head.status, headers: head.headers, content };
                answer.done().map_err(|refusal| Error::Refused(cause.unwrap_or(refusal.sentence)))
            }
            Way::There(there) => there.send(request).await?.done().map_err(|refusal| there.refused(refusal)),
        }
    }

    fn no_answer(&self, why: String) -> Error {
        match &self.0 {
            Way::Here(_) => Error::Refused(why),
            Way::There(there) => there.no_answer(why),
        }
    }
}

fn request(method: Method, target: &str, body: Option<Value>) -> Result<Request<Bytes>, http::Error> {
    let request = Request::builder().method(method).uri(target).header(header::ACCEPT, "application/json");
    match body {
        Some(body) => {
            let json = HeaderValue::from_static("application/json");
            request.header(header::CONTENT_TYPE, json).body(body.to_string().into())
        }
        None => request.body(Bytes::new()),
    }
}
