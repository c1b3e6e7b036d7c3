//! One connection to the server, driven by whatever thread uses it.
//!
//! The connection has a small runtime of its own, so that a statement costs no hop to another thread, and so that every
//! answer has a time after which it is not waited for any more: a server that hangs, or a network that swallows
//! everything, must not keep a thread for ever.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::{Failure, Remedy};
use crate::{Error, Value};

type Tls = <MakeRustlsConnect as tokio_postgres::tls::MakeTlsConnect<Socket>>::Stream;
type Wire = tokio_postgres::Connection<Socket, Tls>;

/// A connection. It belongs to one thread at a time.
pub(crate) struct Session {
    client: Client,
    wire: RefCell<Wire>,
    /// By text. Statements are constants, so their number is small.
    prepared: RefCell<HashMap<&'static str, tokio_postgres::Statement>>,
    /// The first failure since [`Session::begin_work`], which decides what becomes of the work.
    failure: RefCell<Option<Failure>>,
    broken: Cell<bool>,
    patience: Duration,
    /// `None` only while dropping.
    runtime: Option<Runtime>,
}

impl Session {
    /// A session over a connection that was made on `runtime`. An answer that does not come within `patience` breaks it.
    pub(super) fn new(runtime: Runtime, client: Client, wire: Wire, patience: Duration) -> Self {
        Self {
            client,
            wire: RefCell::new(wire),
            prepared: RefCell::default(),
            failure: RefCell::default(),
            broken: Cell::new(false),
            patience,
            runtime: Some(runtime),
        }
    }

    /// Forgets earlier failures.
    pub(super) fn begin_work(&self) {
        self.failure.replace(None);
    }

    /// The first failure since [`Session::begin_work`].
    pub(super) fn failure(&self) -> Option<Failure> {
        self.failure.borrow().clone()
    }

    /// Whether nothing can be done over it any more.
    pub(super) fn is_broken(&self) -> bool {
        self.broken.get()
    }

    /// Marks it as one over which nothing can be done any more.
    pub(super) fn give_up(&self) {
        self.broken.set(true);
    }

    /// Every row of a statement.
    pub(crate) fn query(&self, sql: &'static str, parameters: &[Value<'_>]) -> Result<Vec<Row>, Error> {
        let statement = self.prepared(sql)?;
        let parameters: Vec<&(dyn ToSql + Sync)> =
            parameters.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
        self.drive(self.client.query(&statement, &parameters))
    }

    /// The number of rows that a statement changes.
    pub(crate) fn execute(&self, sql: &'static str, parameters: &[Value<'_>]) -> Result<u64, Error> {
        let statement = self.prepared(sql)?;
        let parameters: Vec<&(dyn ToSql + Sync)> =
            parameters.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
        self.drive(self.client.execute(&statement, &parameters))
    }

    /// Every row of a statement that is not one of the constants, and so is not kept prepared.
    pub(crate) fn query_once(&self, sql: &str, parameters: &[Value<'_>]) -> Result<Vec<Row>, Error> {
        let parameters: Vec<&(dyn ToSql + Sync)> =
            parameters.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
        self.drive(self.client.query(sql, &parameters))
    }

    /// Adds rows to a table, whose columns have these types: `sql` is a `COPY … FROM STDIN (FORMAT binary)`.
    pub(crate) fn copy_in<'v, R>(&self, sql: &str, types: &[Type], rows: R) -> Result<(), Error>
    where
        R: Iterator<Item = Vec<Value<'v>>>,
    {
        self.drive(async {
            let mut writer = pin!(BinaryCopyInWriter::new(self.client.copy_in(sql).await?, types));
            for row in rows {
                writer.as_mut().write_raw(row).await?;
            }
            writer.finish().await.map(|_| ())
        })
    }

    /// Runs statements that have no parameters and give nothing back, in one trip.
    pub(crate) fn batch(&self, sql: &str) -> Result<(), Error> {
        self.drive(self.client.batch_execute(sql))
    }

    /// `batch` and then `sql`, in one trip.
    pub(super) fn batch_then_query(&self, batch: &str, sql: &'static str) -> Result<Vec<Row>, Error> {
        let statement = self.prepared(sql)?;
        self.drive(async {
            // In this order: each is sent when it is polled first.
            let ((), rows) =
                tokio::try_join!(biased; self.client.batch_execute(batch), self.client.query(&statement, &[]))?;
            Ok(rows)
        })
    }

    /// Prepares a statement without keeping it, and gives the number of its parameters.
    pub(crate) fn prepare_only(&self, sql: &str) -> Result<usize, Error> {
        Ok(self.drive(self.client.prepare(sql))?.params().len())
    }

    fn prepared(&self, sql: &'static str) -> Result<tokio_postgres::Statement, Error> {
        if let Some(statement) = self.prepared.borrow().get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.drive(self.client.prepare(sql))?;
        self.prepared.borrow_mut().insert(sql, statement.clone());
        Ok(statement)
    }

    /// Does what `request` needs of the connection until it has its answer.
    fn drive<T>(&self, request: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T, Error> {
        self.answer(request).map_err(|failure| {
            if failure.remedy == Remedy::Reconnect {
                self.broken.set(true);
            }
            self.failure.borrow_mut().get_or_insert(failure).error.clone()
        })
    }

    fn answer<T>(&self, request: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T, Failure> {
        let runtime = match &self.runtime {
            Some(runtime) if !self.broken.get() => runtime,
            _ => return Err(Failure::broken("the connection broke")),
        };
        let mut wire = self.wire.borrow_mut();
        let mut request = pin!(request);
        let answer = poll_fn(|cx| {
            // First, so that what it sends is there for the connection to write.
            if let Poll::Ready(answer) = request.as_mut().poll(cx) {
                return Poll::Ready(answer.map_err(Failure::from));
            }
            loop {
                match wire.poll_message(cx) {
                    Poll::Ready(Some(Ok(_notice))) => {}
                    Poll::Ready(Some(Err(error))) => {
                        // Nothing comes after it, whatever it is.
                        let said = Failure::from(error);
                        return Poll::Ready(Err(Failure { remedy: Remedy::Reconnect, ..said }));
                    }
                    Poll::Ready(None) => return Poll::Ready(Err(Failure::broken("the server closed the connection"))),
                    Poll::Pending => break,
                }
            }
            request.as_mut().poll(cx).map_err(Failure::from)
        });
        runtime.block_on(async { tokio::time::timeout(self.patience, answer).await }).unwrap_or_else(|_| {
            Err(Failure::broken(format!("the server did not answer within {} s", self.patience.as_secs_f32())))
        })
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Waits for nothing, so that a session may also be dropped on an async thread.
            runtime.shutdown_background();
        }
    }
}
