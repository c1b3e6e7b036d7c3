//! A bounded number of connections. Who wants one waits a little for a place, and then hears that the database is busy.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::backoff::BackOff;
use super::connect::Connector;
use super::options::PostgresOptions;
use super::session::Session;
use crate::{Error, Kind, Metrics};

/// How long a place is waited for.
const WAIT: Duration = Duration::from_secs(2);

/// The connections of a process.
pub(crate) struct Pool {
    connector: Connector,
    idle: Mutex<Vec<Session>>,
    callers: Arc<Semaphore>,
    housekeeping: Arc<Semaphore>,
    back_off: BackOff,
    metrics: Metrics,
}

/// For whom a connection is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// A request or a job.
    Callers,
    /// The process itself: that it lives must be known also when there are more requests than connections.
    Housekeeping,
}

/// The right to use one connection.
pub(crate) struct Place {
    in_use: Gauge,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.in_use.dec();
    }
}

/// A connection in use. Unless it is given back it is closed.
pub(super) struct Borrowed<'a> {
    pub(super) session: Session,
    /// Just made: if it is broken, so is the server, or the way to it.
    pub(super) fresh: bool,
    pool: &'a Pool,
}

impl Pool {
    pub(super) fn new(options: &PostgresOptions, metrics: Metrics) -> Result<Self, Error> {
        Ok(Self {
            connector: Connector::new(options)?,
            idle: Mutex::default(),
            callers: Arc::new(Semaphore::new(options.connections)),
            housekeeping: Arc::new(Semaphore::new(1)),
            back_off: BackOff::default(),
            metrics,
        })
    }

    pub(super) fn connector(&self) -> &Connector {
        &self.connector
    }

    pub(super) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Waits for a place, two seconds at most.
    ///
    /// # Errors
    /// [`Kind::Busy`].
    ///
    /// # Cancel safety
    /// Dropping the future gives the place to the next.
    pub(super) async fn place(&self, lane: Lane) -> Result<Place, Error> {
        let start = Instant::now();
        let places = match lane {
            Lane::Callers => &self.callers,
            Lane::Housekeeping => &self.housekeeping,
        };
        let permit = tokio::time::timeout(WAIT, Arc::clone(places).acquire_owned()).await;
        self.metrics.connection_wait_seconds.observe(start.elapsed().as_secs_f64());
        match permit {
            Ok(Ok(permit)) => {
                let in_use = self.metrics.connections_in_use.clone();
                in_use.inc();
                Ok(Place { in_use, _permit: permit })
            }
            _ => Err(Error::new(Kind::Busy, "connect", "all connections to the database are in use")),
        }
    }

    /// A connection for whoever has a place; with `fresh` a new one. Blocks this thread.
    ///
    /// # Errors
    /// [`Kind::Unavailable`] and what else the server says; at once, while the pause after a failure lasts.
    pub(super) fn borrow(&self, _place: &Place, fresh: bool) -> Result<Borrowed<'_>, Error> {
        if !fresh {
            let idle = self.idle.lock().pop();
            if let Some(session) = idle {
                return Ok(Borrowed { session, fresh: false, pool: self });
            }
        }
        let attempt = self.back_off.enter()?;
        match self.connector.connect() {
            Ok(session) => {
                attempt.succeeded();
                self.metrics.connections_opened.inc();
                Ok(Borrowed { session, fresh: true, pool: self })
            }
            Err(error) => {
                self.metrics.connection_failures.inc();
                tracing::warn!(%error, "no connection to the database");
                attempt.failed(&error);
                Err(error)
            }
        }
    }

    /// Closes the connections that nobody uses: one of them was found broken, so most of them are.
    pub(super) fn close_idle(&self) {
        let idle = std::mem::take(&mut *self.idle.lock());
        drop(idle);
    }
}

impl Borrowed<'_> {
    /// Keeps the connection for the next, if it can be used on.
    pub(super) fn give_back(self) {
        if !self.session.is_broken() {
            self.pool.idle.lock().push(self.session);
        }
    }
}
