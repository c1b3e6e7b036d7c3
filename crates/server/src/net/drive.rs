//! The life of one connection.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::conn_io::ConnIo;
use super::connection::Connection;
use super::limits::Limits;
use super::open::{Opened, open_plain, open_tls};
use super::progress::{Order, Phase, Progress};
use super::registry::Admitted;
use super::request_body::RequestBody;
use super::response_body::{OpenRequest, ResponseBody};
use super::socket::Socket;

/// How long after it was made a connection may wait for its first request while the server ends: it is on the way, or never
/// comes.
const FIRST_REQUEST: Duration = Duration::from_secs(1);

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What all connections have in common.
pub(super) struct Protocols {
    limits: Limits,
    tls: Option<Arc<ServerConfig>>,
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
}

impl Protocols {
    pub(super) fn new(limits: Limits, tls: Option<Arc<ServerConfig>>) -> Self {
        let mut http1 = http1::Builder::new();
        http1
            .max_header_size(limits.max_header_bytes)
            // The sweep times heads: hyper's own timer would also end idle connections, and costs an allocation and two
            // locks for each request.
            .header_read_timeout(None);
        if limits.max_headers != Limits::STACK_HEADERS {
            http1.max_headers(limits.max_headers);
        }
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .max_header_list_size(u32::try_from(limits.max_header_bytes).unwrap_or(u32::MAX))
            .max_concurrent_streams(limits.max_streams)
            .initial_stream_window_size(limits.stream_window)
            .initial_connection_window_size(limits.stream_window.saturating_mul(4))
            .keep_alive_interval(limits.ping_interval)
            .keep_alive_timeout(limits.ping_interval);
        Self { limits, tls, http1, http2 }
    }

    /// Serves one connection to its end.
    pub(super) async fn drive<S, B>(&self, stream: TcpStream, peer: SocketAddr, admitted: Admitted, service: S)
    where
        S: Service<Request<RequestBody>, Response = Response<B>> + Send + Sync + 'static,
        S::Future: Send,
        S::Error: Into<BoxError>,
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<BoxError>,
    {
        // Small answers must not wait for the acknowledgement of the ones before.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
        let progress = admitted.progress().clone();
        let Opened { io, http2 } = match self.open(Socket::new(stream, progress.clone())).await {
            Some(opened) => opened,
            None => return admitted.count_refused(),
        };
        let (tls, windows) = match &io {
            ConnIo::Plain { socket, .. } => (false, (!http2).then(|| socket.windows().clone())),
            ConnIo::Tls(_) => (true, None),
        };
        let connection = Connection::new(peer, tls, http2, windows);
        let handle = service_fn(|request: Request<Incoming>| {
            let open = OpenRequest::begin(progress.clone());
            let mut request = request.map(|incoming| RequestBody::new(incoming, progress.clone(), &self.limits));
            request.extensions_mut().insert(connection.clone());
            let answer = service.call(request);
            async move { answer.await.map(|response| response.map(|body| ResponseBody::new(body, open))) }
        });
        let io = TokioIo::new(io);
        let ended = if http2 {
            progress.set_phase(Phase::Http2);
            let conn = self.http2.serve_connection(io, handle);
            obey(&progress, pin!(conn), |conn| conn.graceful_shutdown()).await
        } else {
            progress.set_phase(Phase::Http1);
            let conn = self.http1.serve_connection(io, handle);
            obey(&progress, pin!(conn), |conn| conn.graceful_shutdown()).await
        };
        match ended {
            Some(Ok(())) => tracing::debug!("closed"),
            Some(Err(error)) => tracing::debug!(error = &error as &dyn std::error::Error, "ended"),
            None => tracing::debug!("cut"),
        }
    }

    /// Finds out what the connection speaks; none if it does not come to HTTP.
    async fn open(&self, socket: Socket) -> Option<Opened> {
        let progress = socket.progress().clone();
        let opening = async {
            match &self.tls {
                Some(config) => open_tls(socket, config.clone()).await,
                None => open_plain(socket).await,
            }
        };
        let mut opening = pin!(opening);
        let mut patience = pin!(sleep(FIRST_REQUEST));
        let opened = poll_fn(|cx| match progress.poll_order(cx) {
            Order::Cut => Poll::Ready(None),
            order => match opening.as_mut().poll(cx) {
                Poll::Pending if order == Order::Drain => patience.as_mut().poll(cx).map(|()| None),
                opened => opened.map(Some),
            },
        })
        .await?;
        opened.inspect_err(|error| tracing::debug!(%error, "refused")).ok()
    }
}

/// Polls a connection until it ends, or until it is cut (none).
///
/// Told to drain, one that has had no request yet is given time for its first: hyper would close it, and reset it if that request
/// is just arriving. A proxy that makes a connection for a request could not tell whether anything came of it.
async fn obey<C: Future>(
    progress: &Progress,
    mut conn: Pin<&mut C>,
    shut_down: impl Fn(Pin<&mut C>),
) -> Option<C::Output> {
    let mut draining = false;
    let mut patience = pin!(sleep(FIRST_REQUEST));
    poll_fn(|cx| {
        let order = progress.poll_order(cx);
        if order == Order::Cut {
            return Poll::Ready(None);
        }
        // Before it is shut down, so that what has arrived is seen.
        if let Poll::Ready(ended) = conn.as_mut().poll(cx) {
            return Poll::Ready(Some(ended));
        }
        if order == Order::Drain && !draining && (progress.has_begun() || patience.as_mut().poll(cx).is_ready()) {
            draining = true;
            shut_down(conn.as_mut());
            return conn.as_mut().poll(cx).map(Some);
        }
        Poll::Pending
    })
    .await
}
