//! A client for one connection, of either version of HTTP.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, response};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

use super::{Certificate, Running};

pub(crate) struct Client {
    sender: Sender,
    connection: JoinHandle<()>,
}

enum Sender {
    Http1(http1::SendRequest<Empty<Bytes>>),
    Http2(http2::SendRequest<Empty<Bytes>>),
}

impl Client {
    pub(crate) async fn http1(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        let connection = tokio::spawn(async { drop(connection.await) });
        Self { sender: Sender::Http1(sender), connection }
    }

    pub(crate) async fn http2(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        let connection = tokio::spawn(async { drop(connection.await) });
        Self { sender: Sender::Http2(sender), connection }
    }

    /// Connects to a server that must present `certificate`, and speaks the protocol of that ALPN name.
    pub(crate) async fn tls(server: &Running, certificate: &Certificate, alpn: &[u8]) -> io::Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(certificate.der()).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![alpn.to_vec()];
        let name = ServerName::try_from(certificate.name().to_owned()).unwrap();
        let stream = TcpStream::connect(server.address()).await?;
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(alpn));
        Ok(if alpn == b"h2" { Self::http2(stream).await } else { Self::http1(stream).await })
    }

    /// Sends a GET request and waits for the head of the response.
    pub(crate) async fn send(&mut self, path: &str) -> hyper::Result<Response<Incoming>> {
        let request = Request::get(format!("http://registry.acme.test{path}"));
        let request = request.header("host", "registry.acme.test").body(Empty::new()).unwrap();
        match &mut self.sender {
            Sender::Http1(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
            Sender::Http2(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
        }
    }

    /// Sends a GET request and waits for the whole response.
    pub(crate) async fn get(&mut self, path: &str) -> hyper::Result<(response::Parts, Vec<u8>)> {
        let (head, body) = self.send(path).await?.into_parts();
        Ok((head, body.collect().await?.to_bytes().to_vec()))
    }

    /// Waits until the connection is closed.
    pub(crate) async fn closed(&mut self) {
        (&mut self.connection).await.unwrap();
    }
}
