//! Bodies that are held back, in both directions, over plain HTTP, which sends files by sendfile, and over TLS. Bounds from below
//! are near; those from above only say that it ends.

use std::convert::Infallible;
use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use entrepot_server::net::{
    Connection, FileBody, Limits, Line, Lines, Listener, Paced, RequestBody, TlsReloader, serve,
};
use http::{Method, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

const NAME: &str = "registry.acme.test";
const MIB: usize = 1024 * 1024;
/// Bytes a second.
const CAP: u64 = 4 * MIB as u64;
/// What is sent: two seconds' worth.
const LENGTH: usize = 8 * MIB;

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Sends its file for `GET`, and counts what comes with anything else; both no faster than its lines allow.
#[derive(Clone)]
struct Held {
    file: Arc<File>,
    up: Lines,
    down: Lines,
}

impl Held {
    fn new() -> Self {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&content()).unwrap();
        let line = || {
            let mut lines = Lines::default();
            lines.push(Arc::new(Line::new(CAP)));
            lines
        };
        Self { file: Arc::new(file), up: line(), down: line() }
    }

    async fn answer(self, mut request: Request<RequestBody>) -> Response<UnsyncBoxBody<Bytes, io::Error>> {
        if request.method() == Method::GET {
            let connection = request.extensions().get::<Connection>().unwrap();
            let body = FileBody::new(self.file, 0, LENGTH as u64, connection);
            let answer = Response::builder().header("content-length", LENGTH);
            return answer.body(Paced::new(body, self.down).boxed_unsync()).unwrap();
        }
        request.body_mut().hold_back(self.up);
        let came = request.into_body().collect().await.unwrap().to_bytes().len().to_string();
        let answer = Response::builder().header("content-length", came.len());
        answer.body(Full::new(Bytes::from(came)).map_err(|never| match never {}).boxed_unsync()).unwrap()
    }
}

fn content() -> Vec<u8> {
    (0..LENGTH).map(|place| (place % 251) as u8).collect()
}

/// Sends a request on a connection of its own, and returns the body of the answer.
async fn ask(mut stream: Box<dyn Stream>, method: &str, body: &[u8]) -> Vec<u8> {
    let head =
        format!("{method} / HTTP/1.1\r\nHost: {NAME}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    stream.flush().await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let head = answer.windows(4).position(|end| end == b"\r\n\r\n").unwrap();
    answer.split_off(head + 4)
}

fn about_two_seconds(start: Instant) {
    let took = start.elapsed().as_secs_f64();
    assert!((1.5..30.0).contains(&took), "it took {took} s");
}

/// One of each direction after the other, then two that share.
async fn transfers<F: Future<Output = Box<dyn Stream>>>(connect: impl Fn() -> F) {
    let start = Instant::now();
    assert!(ask(connect().await, "GET", b"").await == content(), "other bytes came");
    about_two_seconds(start);

    let start = Instant::now();
    assert_eq!(ask(connect().await, "PUT", &content()).await, LENGTH.to_string().as_bytes());
    about_two_seconds(start);

    let start = Instant::now();
    let half = content().split_off(LENGTH / 2);
    let both = tokio::join!(ask(connect().await, "PUT", &half), ask(connect().await, "PUT", &half));
    about_two_seconds(start);
    assert_eq!(both.0, both.1);
}

async fn start(tls: Option<TlsReloader>) -> (std::net::SocketAddr, tokio::task::JoinHandle<()>) {
    let listener = Listener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.addresses()[0];
    let held = Held::new();
    let service = service_fn(move |request| {
        let held = held.clone();
        async move { Ok::<_, Infallible>(held.answer(request).await) }
    });
    // A transfer takes many times as long.
    let limits = Limits { idle_timeout: Duration::from_millis(500), ..Limits::default() };
    let serving = async move {
        serve(listener, tls, limits, Arc::default(), service, std::future::pending()).await;
    };
    (address, tokio::spawn(serving))
}

#[tokio::test]
async fn over_plain_http() {
    let (address, serving) = start(None).await;
    transfers(|| async move { Box::new(TcpStream::connect(address).await.unwrap()) as Box<dyn Stream> }).await;
    serving.abort();
}

#[tokio::test]
async fn over_tls() {
    let made = rcgen::generate_simple_self_signed([NAME.to_owned()]).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let (certificate, key) = (directory.path().join("certificate.pem"), directory.path().join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let (address, serving) = start(Some(TlsReloader::open(&certificate, &key).unwrap())).await;
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    transfers(|| {
        let connector = connector.clone();
        async move {
            let stream = TcpStream::connect(address).await.unwrap();
            let name = ServerName::try_from(NAME).unwrap();
            Box::new(connector.connect(name, stream).await.unwrap()) as Box<dyn Stream>
        }
    })
    .await;
    serving.abort();
}
