//! Writing: serializable transactions, run again when another one came between.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::error::{Failure, Remedy};
use super::jitter::jittered;
use super::pool::{Lane, Place, Pool};
use super::session::Session;
use crate::maintenance::{self, Guard};
use crate::metrics::Because;
use crate::{Connection, Durability, Error, Kind};

/// How often a transaction is run again because of others. What still conflicts then is under a load that it would add to.
const CONFLICTS: u32 = 20;
/// How often a violated constraint is taken for a conflict with another transaction.
const CONSTRAINTS: u32 = 3;
/// How often another connection is tried after one broke before the commit.
const CONNECTIONS: u32 = 2;
/// The first pause after a conflict, doubled each time.
const SHORTEST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// What a transaction is to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) lane: Lane,
    pub(crate) durability: Durability,
    pub(crate) guard: Guard,
}

/// How one run of a transaction ended.
enum Ended<T, E> {
    /// For good.
    Done(Result<T, E>),
    /// Undone, by what may not happen again.
    Undone(Failure),
}

/// Runs `work` in a serializable transaction, in the blocking pool.
///
/// # Errors
/// What `work` returns; [`Kind::Busy`], [`Kind::Unavailable`], [`Kind::ReadOnly`].
///
/// # Cancel safety
/// Dropping the future before it has a connection: nothing happened. After: it is committed or undone as a whole.
pub(crate) async fn write<T, E, F>(pool: &Arc<Pool>, terms: Terms, mut work: F) -> Result<T, E>
where
    T: Send + 'static,
    E: From<Error> + Send + 'static,
    F: FnMut(&Connection<'_>) -> Result<T, E> + Send + 'static,
{
    let start = Instant::now();
    let place = pool.place(terms.lane).await?;
    let pool = Arc::clone(pool);
    let span = tracing::Span::current();
    let done = tokio::task::spawn_blocking(move || {
        let _entered = span.enter();
        let result = run(&pool, &place, terms, &mut work);
        pool.metrics().wait_seconds.observe(start.elapsed().as_secs_f64());
        result
    });
    done.await.unwrap_or_else(|_| Err(Error::new(Kind::Other, "write", "the transaction panicked").into()))
}

fn run<T, E: From<Error>>(
    pool: &Pool,
    place: &Place,
    terms: Terms,
    work: &mut impl FnMut(&Connection<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let mut budget = Budget { conflicts: CONFLICTS, constraints: CONSTRAINTS, connections: CONNECTIONS };
    let mut pause = SHORTEST_PAUSE;
    let mut fresh = false;
    loop {
        let borrowed = pool.borrow(place, fresh)?;
        match transact(pool, &borrowed.session, terms, work) {
            Ended::Done(result) => {
                borrowed.give_back();
                return result;
            }
            Ended::Undone(failure) => {
                borrowed.give_back();
                fresh = failure.remedy == Remedy::Reconnect;
                if fresh {
                    pool.close_idle();
                }
                pool.metrics().retried(budget.take(&failure)?);
                if !fresh {
                    std::thread::sleep(jittered(pause));
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }
}

/// How often what may still happen.
struct Budget {
    conflicts: u32,
    constraints: u32,
    connections: u32,
}

impl Budget {
    /// Counts one failure and says of what kind it was; the error for the caller if there were too many.
    fn take(&mut self, failure: &Failure) -> Result<Because, Error> {
        let (left, because) = match failure.remedy {
            Remedy::Repeat => (&mut self.conflicts, Because::Conflict),
            Remedy::RepeatBriefly => (&mut self.constraints, Because::Constraint),
            Remedy::Reconnect => (&mut self.connections, Because::Connection),
            Remedy::Nothing => return Err(failure.error.clone()),
        };
        *left = left.checked_sub(1).ok_or_else(|| failure.error.clone())?;
        Ok(because)
    }
}

fn transact<T, E: From<Error>>(
    pool: &Pool,
    session: &Session,
    terms: Terms,
    work: &mut impl FnMut(&Connection<'_>) -> Result<T, E>,
) -> Ended<T, E> {
    session.begin_work();
    let result = begin(session, terms).map_err(E::from).and_then(|()| work(&Connection::postgres(session)));
    match (result, session.failure()) {
        // Also if `work` made light of it: the server has undone everything.
        (_, Some(failure)) => {
            undo(session);
            Ended::Undone(failure)
        }
        (Err(error), None) => {
            undo(session);
            Ended::Done(Err(error))
        }
        (Ok(value), None) => commit(pool, session, value),
    }
}

/// Begins in one trip, with the look at whether writes are stopped.
///
/// The lock comes before the transaction's snapshot (`LOCK` is the one statement that takes none), so whoever stops writes,
/// which takes the same lock alone, has waited for all who did not see it, and all later ones see it.
fn begin(session: &Session, terms: Terms) -> Result<(), Error> {
    let begin = match terms.durability {
        Durability::Power => "BEGIN ISOLATION LEVEL SERIALIZABLE",
        Durability::Process => "BEGIN ISOLATION LEVEL SERIALIZABLE; SET LOCAL synchronous_commit = off",
    };
    match terms.guard {
        Guard::Refuse => {
            let batch = format!("{begin}; LOCK TABLE maintenance IN ROW SHARE MODE");
            let rows = session.batch_then_query(&batch, maintenance::REASON.postgres())?;
            match rows.first() {
                Some(row) => Err(maintenance::refusal(crate::Row::postgres(row).text(0)?)),
                None => Ok(()),
            }
        }
        Guard::Alone => session.batch(&format!("{begin}; LOCK TABLE maintenance IN EXCLUSIVE MODE")),
        Guard::Pass => session.batch(begin),
    }
}

fn undo(session: &Session) {
    // If it does not work the session counts as broken, and the server undoes what hangs on a closed connection.
    if !session.is_broken() && session.batch("ROLLBACK").is_err() {
        session.give_up();
    }
}

fn commit<T, E: From<Error>>(pool: &Pool, session: &Session, value: T) -> Ended<T, E> {
    fail::fail_point!("database::before_commit");
    let start = Instant::now();
    let committed = session.batch("COMMIT");
    pool.metrics().commit_seconds.observe(start.elapsed().as_secs_f64());
    fail::fail_point!("database::after_commit");
    match (committed, session.failure()) {
        (Ok(()), _) => {
            pool.metrics().writes.inc();
            Ended::Done(Ok(value))
        }
        // What the server refused it has undone; what it did not answer may stand.
        (Err(_), Some(failure)) if failure.remedy != Remedy::Reconnect => {
            undo(session);
            Ended::Undone(failure)
        }
        (Err(error), _) => {
            let message =
                format!("the connection broke during the commit, which may stand or not: {}", error.message());
            Ended::Done(Err(Error::new(Kind::Unavailable, "commit", message).into()))
        }
    }
}
