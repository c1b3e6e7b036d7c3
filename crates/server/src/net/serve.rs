//! The accept loop, and its end.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::service::Service;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Interval, MissedTickBehavior, interval, sleep, timeout};
use tracing::Instrument;

use super::counters::Counters;
use super::drive::Protocols;
use super::limits::Limits;
use super::listener::Listener;
use super::progress::Order;
use super::registry::Registry;
use super::request_body::RequestBody;
use super::tls::{Reloaded, TlsReloader};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The pause after an accept that failed for want of something, such as file descriptors.
const BACKOFF: Duration = Duration::from_millis(200);
/// The time that cut connections get to disappear. They need none but that of being scheduled.
const CUTTING: Duration = Duration::from_secs(5);

/// How the connections that were open at shutdown ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrainReport {
    /// Those that finished what they were doing, or had nothing to do.
    pub finished: usize,
    /// Those that were still busy when the grace period was over, and were cut.
    pub cut: usize,
}

/// Accepts connections and serves them until `shutdown` is ready, then lets requests in flight finish for
/// [`Limits::drain_grace`] and cuts what is left.
///
/// Each connection is served on a task of its own. Requests carry a [`Connection`](super::Connection) in their
/// extensions. With `tls` every connection is encrypted, HTTP/2 is negotiated by ALPN, and the certificate files are
/// watched; without, HTTP/2 is recognised by its preface.
pub async fn serve<S, B>(
    listener: Listener,
    tls: Option<TlsReloader>,
    limits: Limits,
    counters: Arc<Counters>,
    service: S,
    shutdown: impl Future<Output = ()>,
) -> DrainReport
where
    S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + Sync + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError>,
{
    let registry = Arc::new(Registry::new(counters));
    let room = Arc::new(Semaphore::new(limits.max_connections.min(Semaphore::MAX_PERMITS)));
    let config = tls.as_ref().map(|tls| Arc::new(tls.server_config()));
    let protocols = Arc::new(Protocols::new(limits.clone(), config));
    let begin = |(stream, peer): (TcpStream, SocketAddr), permit| {
        let admitted = registry.admit(permit);
        let (protocols, service) = (protocols.clone(), service.clone());
        let span = tracing::debug_span!("connection", %peer);
        let life = async move { protocols.drive(stream, peer, admitted, service).await };
        tokio::spawn(life.instrument(span));
    };
    let accept = async {
        loop {
            let permit = next_permit(&room).await;
            match listener.accept().await {
                Ok(accepted) => begin(accepted, permit),
                Err(error) => recover(&error).await,
            }
        }
    };
    let watched = async {
        tokio::select! {
            () = accept => {}
            () = sweep(&registry, &limits) => {}
            () = watch(tls, limits.certificate_check) => {}
        }
    };
    tokio::select! {
        () = watched => {}
        () = shutdown => {}
    }
    // From here on the kernel refuses connections. Who got one before is served, as far as there is room.
    for queued in listener.close().await {
        if let Ok(permit) = room.clone().try_acquire_owned() {
            begin(queued, permit);
        }
    }
    drain(&registry, &limits).await
}

/// Waits for room for one more connection.
async fn next_permit(room: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    if let Ok(permit) = room.clone().try_acquire_owned() {
        return permit;
    }
    tracing::warn!("as many connections are open as are allowed; others wait until one closes");
    room.clone().acquire_owned().await.expect("the semaphore is never closed")
}

/// Gives the machine time after an accept that failed, unless the failure was only the peer's.
async fn recover(error: &io::Error) {
    if matches!(
        error.kind(),
        ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionRefused
            | ErrorKind::Interrupted
    ) {
        return;
    }
    tracing::warn!(%error, "cannot accept a connection; trying again");
    sleep(BACKOFF).await;
}

fn every(period: Duration) -> Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Looks at the connections again and again, for ever.
async fn sweep(registry: &Registry, limits: &Limits) {
    let mut ticks = every(limits.sweep_interval());
    loop {
        ticks.tick().await;
        registry.sweep(Instant::now(), limits);
    }
}

/// Looks at the certificate files again and again, for ever.
async fn watch(tls: Option<TlsReloader>, period: Duration) {
    let Some(tls) = tls else { return std::future::pending().await };
    let mut ticks = every(period);
    loop {
        ticks.tick().await;
        let again = tls.clone();
        match tokio::task::spawn_blocking(move || again.reload_if_changed()).await {
            Ok(Ok(Reloaded::Replaced)) => tracing::info!("the TLS certificate was replaced"),
            Ok(Ok(Reloaded::Unchanged)) => {}
            Ok(Err(error)) => tracing::error!(%error, "keeping the old TLS certificate"),
            Err(error) => tracing::error!(%error, "could not look at the TLS certificate"),
        }
    }
}

/// Lets the open connections finish, and cuts those that do not.
async fn drain(registry: &Registry, limits: &Limits) -> DrainReport {
    let open = registry.give_all(Order::Drain);
    let mut emptied = pin!(registry.emptied());
    let finishing = async {
        tokio::select! {
            () = emptied.as_mut() => {}
            () = sweep(registry, limits) => {}
        }
    };
    if timeout(limits.drain_grace, finishing).await.is_ok() {
        return DrainReport { finished: open, cut: 0 };
    }
    let cut = registry.give_all(Order::Cut);
    // A handler that blocks its thread could keep its connection; then the process goes without it.
    let _ = timeout(CUTTING, registry.emptied()).await;
    DrainReport { finished: open.saturating_sub(cut), cut }
}
