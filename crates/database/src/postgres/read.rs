//! Reading: statements on their own, or several on one snapshot.

use std::sync::Arc;
use std::time::Instant;

use super::error::Remedy;
use super::pool::{Lane, Place, Pool};
use super::session::Session;
use crate::metrics::Because;
use crate::{Connection, Error, Kind};

/// What the statements of one piece of work see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    /// Each what is committed when it runs.
    Latest,
    /// All of them the same.
    Snapshot,
}

/// Runs `work` in the blocking pool.
///
/// # Errors
/// What `work` returns; [`Kind::Busy`], [`Kind::Unavailable`].
pub(crate) async fn read<T, E, F>(pool: &Arc<Pool>, lane: Lane, view: View, mut work: F) -> Result<T, E>
where
    T: Send + 'static,
    E: From<Error> + Send + 'static,
    F: FnMut(&Connection<'_>) -> Result<T, E> + Send + 'static,
{
    let place = pool.place(lane).await?;
    let pool = Arc::clone(pool);
    let span = tracing::Span::current();
    let done = tokio::task::spawn_blocking(move || {
        let _entered = span.enter();
        let start = Instant::now();
        let result = run(&pool, &place, view, &mut work);
        pool.metrics().read_seconds.observe(start.elapsed().as_secs_f64());
        result
    });
    done.await.unwrap_or_else(|_| Err(Error::new(Kind::Other, "read", "the read did not finish").into()))
}

fn run<T, E: From<Error>>(
    pool: &Pool,
    place: &Place,
    view: View,
    work: &mut impl FnMut(&Connection<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let mut fresh = false;
    loop {
        let borrowed = pool.borrow(place, fresh)?;
        let session = &borrowed.session;
        session.begin_work();
        let result = match view {
            View::Latest => work(&Connection::postgres(session)),
            View::Snapshot => on_snapshot(session, work),
        };
        let reconnect = session.failure().is_some_and(|failure| failure.remedy == Remedy::Reconnect);
        if !reconnect {
            borrowed.give_back();
            return result;
        }
        pool.close_idle();
        if borrowed.fresh {
            return result;
        }
        // It had been idle, and the server may have been restarted since.
        pool.metrics().retried(Because::Connection);
        fresh = true;
    }
}

fn on_snapshot<T, E: From<Error>>(
    session: &Session,
    work: &mut impl FnMut(&Connection<'_>) -> Result<T, E>,
) -> Result<T, E> {
    session.batch("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
    let result = work(&Connection::postgres(session));
    if !session.is_broken() {
        session.batch("ROLLBACK")?;
    }
    result
}
