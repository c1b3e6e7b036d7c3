//! The one thread that writes: it commits all the work that waits with one sync of the disk.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Instant;

use tokio::sync::oneshot;

use crate::maintenance::{self, Guard};
use crate::{Connection, Durability, Error, Kind, Metrics};

/// Work that may wait at once; beyond it callers are told to come back, so that memory stays bounded.
const QUEUE: usize = 4096;
/// Work that shares one commit at most, so that the first of a batch does not wait for ever.
const BATCH: usize = 256;

pub(crate) struct Writer {
    queue: SyncSender<Box<dyn Job>>,
    metrics: Metrics,
}

/// A closure with the place where its result goes.
trait Job: Send {
    fn durability(&self) -> Durability;
    fn guard(&self) -> Guard;
    /// Ends the work before it is run.
    fn refuse(&mut self, error: Error);
    /// Runs the work and tells whether its changes are to be kept.
    fn run(&mut self, connection: &Connection<'_>) -> bool;
    /// Tells the caller. `committed` is the fate of the batch.
    fn finish(self: Box<Self>, committed: &Result<(), Error>);
}

struct Work<T, E, F> {
    durability: Durability,
    guard: Guard,
    work: F,
    result: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> Job for Work<T, E, F>
where
    T: Send,
    E: From<Error> + Send,
    F: FnMut(&Connection<'_>) -> Result<T, E> + Send,
{
    fn durability(&self) -> Durability {
        self.durability
    }

    fn guard(&self) -> Guard {
        self.guard
    }

    fn refuse(&mut self, error: Error) {
        self.result = Some(Err(error.into()));
    }

    fn run(&mut self, connection: &Connection<'_>) -> bool {
        // A defect in one caller's closure must not take the writer away from all others.
        let result = catch_unwind(AssertUnwindSafe(|| (self.work)(connection)))
            .unwrap_or_else(|_| Err(Error::new(Kind::Other, "write", "the transaction panicked").into()));
        self.result.insert(result).is_ok()
    }

    fn finish(self: Box<Self>, committed: &Result<(), Error>) {
        let result = match (self.result, committed) {
            (Some(Err(error)), _) => Err(error),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (_, Err(error)) => Err(error.clone().into()),
            (None, Ok(())) => Err(Error::new(Kind::Other, "write", "the transaction was not run").into()),
        };
        // A caller that went away wants no answer.
        let _gone = self.reply.send(result);
    }
}

impl Writer {
    pub(crate) fn start(connection: rusqlite::Connection, metrics: Metrics) -> Result<Self, Error> {
        let (queue, jobs) = sync_channel(QUEUE);
        let ours = metrics.clone();
        std::thread::Builder::new()
            .name("database-writer".to_owned())
            .spawn(move || serve(&connection, &jobs, &ours))
            .map_err(|error| Error::new(Kind::Other, "start", error.to_string()))?;
        Ok(Self { queue, metrics })
    }

    pub(crate) async fn run<T, E, F>(&self, durability: Durability, guard: Guard, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnMut(&Connection<'_>) -> Result<T, E> + Send + 'static,
    {
        let start = Instant::now();
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Work { durability, guard, work, result: None, reply });
        self.queue.try_send(job).map_err(|error| {
            let message = match error {
                TrySendError::Full(_) => "too many writes are waiting",
                TrySendError::Disconnected(_) => "the writer has stopped",
            };
            Error::new(Kind::Busy, "write", message)
        })?;
        let result =
            answer.await.unwrap_or_else(|_| Err(Error::new(Kind::Other, "write", "the writer has stopped").into()));
        self.metrics.wait_seconds.observe(start.elapsed().as_secs_f64());
        result
    }
}

fn serve(connection: &rusqlite::Connection, jobs: &Receiver<Box<dyn Job>>, metrics: &Metrics) {
    let mut synced = Durability::Power;
    while let Ok(first) = jobs.recv() {
        let mut batch = vec![first];
        batch.extend(jobs.try_iter().take(BATCH - 1));
        let start = Instant::now();
        let wanted = batch.iter().map(|job| job.durability()).max().unwrap_or(Durability::Power);
        let committed = sync_as(connection, &mut synced, wanted).and_then(|()| commit(connection, &mut batch));
        if let Err(error) = &committed {
            tracing::error!(%error, jobs = batch.len(), "a commit failed; nothing of it is visible");
            // After a failed commit the transaction may still be open; a second rollback is harmless.
            if !connection.is_autocommit() {
                let _closed = connection.execute_batch("ROLLBACK");
            }
        } else {
            metrics.writes.inc_by(batch.len() as u64);
        }
        metrics.commit_seconds.observe(start.elapsed().as_secs_f64());
        for job in batch {
            job.finish(&committed);
        }
    }
}

/// Sets whether the next commit syncs the log. In write-ahead mode the order of commits is kept either way, so a later
/// synced commit makes the earlier ones durable too.
fn sync_as(connection: &rusqlite::Connection, synced: &mut Durability, wanted: Durability) -> Result<(), Error> {
    if *synced != wanted {
        let level = match wanted {
            Durability::Power => "PRAGMA synchronous = FULL",
            Durability::Process => "PRAGMA synchronous = NORMAL",
        };
        connection.execute_batch(level)?;
        *synced = wanted;
    }
    Ok(())
}

fn run(connection: &rusqlite::Connection, sql: &str) -> Result<(), Error> {
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}

fn commit(connection: &rusqlite::Connection, batch: &mut [Box<dyn Job>]) -> Result<(), Error> {
    run(connection, "BEGIN IMMEDIATE")?;
    let mut stopped = maintenance::reason(&Connection::sqlite(connection))?;
    for job in batch {
        if let (Some(reason), Guard::Refuse) = (&stopped, job.guard()) {
            job.refuse(maintenance::refusal(reason));
            continue;
        }
        run(connection, "SAVEPOINT job")?;
        if !job.run(&Connection::sqlite(connection)) {
            run(connection, "ROLLBACK TO job")?;
        }
        run(connection, "RELEASE job")?;
        if job.guard() == Guard::Alone {
            stopped = maintenance::reason(&Connection::sqlite(connection))?;
        }
    }
    fail::fail_point!("database::before_commit");
    run(connection, "COMMIT")?;
    fail::fail_point!("database::after_commit");
    Ok(())
}
