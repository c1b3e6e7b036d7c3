//! Which operation a request asks for.

use http::{Method, Response, StatusCode};
use hyper::body::Incoming;
use hyper::{Request, header};

use crate::answer::{Body, Refusal};
use crate::request::Ask;
use crate::stub::Shared;
use crate::{delete, list, multipart, object};

/// Answers a request. Whatever goes wrong is an answer too.
pub(crate) async fn answer(shared: &Shared, request: Request<Incoming>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let ask = Ask::parse(&head);
    let mut answer = match operate(shared, &ask, body).await {
        Ok(answer) => answer,
        Err(refusal) => refusal.answer(),
    };
    answer.headers_mut().insert("x-oss-request-id", header::HeaderValue::from_static("stub"));
    answer
}

async fn operate(shared: &Shared, ask: &Ask, body: Incoming) -> Result<Response<Body>, Refusal> {
    // Before anything else, so that a stranger learns nothing.
    shared.credentials.check(ask)?;
    if ask.bucket != shared.name {
        return Err(Refusal::missing("NoSuchBucket", "The bucket"));
    }
    let bucket = &shared.bucket;
    let has = |name| ask.parameter(name).is_some();
    match (&ask.method, ask.key.is_empty()) {
        (&Method::GET, true) if has("uploads") => list::uploads(bucket, ask),
        (&Method::GET, true) if ask.parameter("list-type") == Some("2") => list::objects(bucket, ask),
        (&Method::POST, true) if has("delete") => delete::many(bucket, ask, body).await,
        (&Method::GET | &Method::HEAD, false) if !has("uploadId") => object::get(bucket, ask),
        (&Method::PUT, false) if has("uploadId") => multipart::put_part(bucket, ask, body).await,
        (&Method::PUT, false) if ask.header("x-oss-copy-source").is_none() => object::put(bucket, ask, body).await,
        (&Method::POST, false) if has("uploads") => multipart::initiate(bucket, ask),
        (&Method::POST, false) if has("uploadId") => multipart::complete(bucket, ask, body).await,
        (&Method::DELETE, false) if has("uploadId") => multipart::abort(bucket, ask),
        (&Method::DELETE, false) => Ok(object::delete(bucket, ask)),
        _ => Err(Refusal::new(StatusCode::NOT_IMPLEMENTED, "NotImplemented", "The stub does not know this.")),
    }
}
