//! The service under test: a few paths, one for each thing a handler does.

use std::fs::File;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use entrepot_server::net::{Connection, FileBody, RequestBody};
use http::{Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};

#[derive(Clone)]
pub(crate) struct Service {
    file: Option<Arc<File>>,
}

type Answer = Response<UnsyncBoxBody<Bytes, io::Error>>;

impl Service {
    pub(crate) fn new(file: Option<File>) -> Self {
        Self { file: file.map(Arc::new) }
    }

    fn send_file(&self, request: &Request<RequestBody>) -> Answer {
        let file = self.file.clone().unwrap();
        let connection = request.extensions().get::<Connection>().unwrap();
        let (first, length) = match request.uri().query().and_then(|query| query.split_once('+')) {
            Some((first, length)) => (first.parse().unwrap(), length.parse().unwrap()),
            None => (0, file.metadata().unwrap().len()),
        };
        let body = FileBody::new(file, first, length, connection).boxed_unsync();
        Response::builder().header("content-length", length).body(body).unwrap()
    }
}

impl hyper::service::Service<Request<RequestBody>> for Service {
    type Response = Answer;
    type Error = std::convert::Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Answer, Self::Error>> + Send>>;

    fn call(&self, request: Request<RequestBody>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move {
            Ok(match request.uri().path() {
                "/file" => service.send_file(&request),
                "/count" => count(request.into_body()).await,
                "/refuse" => text(StatusCode::UNAUTHORIZED, "who are you?".to_owned()),
                "/think" => {
                    tokio::time::sleep(Duration::from_secs(2)).await;
                    text(StatusCode::OK, "42".to_owned())
                }
                _ => text(StatusCode::OK, "small".to_owned()),
            })
        })
    }
}

/// Says how long the request body was, or 408 if it did not come to its end.
async fn count(mut body: RequestBody) -> Answer {
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => length += frame.data_ref().map_or(0, Bytes::len),
            Err(error) => return text(StatusCode::REQUEST_TIMEOUT, error.to_string()),
        }
    }
    text(StatusCode::OK, length.to_string())
}

fn text(status: StatusCode, text: String) -> Answer {
    let body = Full::new(Bytes::from(text)).map_err(|never| match never {}).boxed_unsync();
    Response::builder().status(status).body(body).unwrap()
}
