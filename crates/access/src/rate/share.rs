//! What processes tell each other of what they counted: about once a second each adds its part to the rows of those who came
//! since, and reads what that makes with the parts of the others. Requests wait for none of it. While the database does not answer,
//! each goes on with what it knows.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use entrepot_database::{Database, Durability, Kind, Timestamp};
use serde::Serialize;
use tokio::sync::{Mutex, mpsc};
use tokio::time::sleep;

use super::tally::Tally;
use crate::{Error, tables};

/// How often they tell.
const EVERY: Duration = Duration::from_secs(1);
/// Tallies that wait to be told. One that finds no place is told the next time that it counts.
const WAITING: usize = 65_536;
/// Tallies that share a statement.
const TOGETHER: usize = 2048;
/// After how many rounds rows of windows that are over are removed.
const ROUNDS: u32 = 30;
/// Rows that are removed in one transaction.
const REMOVED_TOGETHER: usize = 1000;

/// The way between the processes.
pub(crate) struct Share {
    list: List,
    waiting: Mutex<mpsc::Receiver<Arc<Tally>>>,
}

/// Where tallies wait to be told; clones are the same list.
#[derive(Clone)]
pub(crate) struct List(mpsc::Sender<Arc<Tally>>);

/// A row's key: the subject, the window's length in seconds, and when it began.
type Key = (String, u32, i64);

/// A row for the database, as JSON: then one statement can take any number.
#[derive(Serialize)]
struct Entry<'a> {
    subject: &'a str,
    seconds: u32,
    begins_at: i64,
    counted: i64,
    ends_at: i64,
}

impl List {
    /// Puts `tally` on it, if it is not there and there is room.
    pub(crate) fn add(&self, tally: &Arc<Tally>) {
        if tally.list() && self.0.try_send(Arc::clone(tally)).is_err() {
            tally.unlist();
        }
    }
}

impl Share {
    pub(crate) fn new() -> Self {
        let (sender, receiver) = mpsc::channel(WAITING);
        Self { list: List(sender), waiting: Mutex::new(receiver) }
    }

    pub(crate) fn list(&self) -> List {
        self.list.clone()
    }

    /// Tells and learns, for ever.
    pub(crate) async fn keep(&self, database: &Database) {
        for round in 1_u32.. {
            sleep(EVERY).await;
            self.tell_all(database).await;
            if round.is_multiple_of(ROUNDS)
                && let Err(error) = remove_past(database).await
            {
                tracing::warn!(error = &error as &dyn std::error::Error, "counts of pulls that are over stay for now");
            }
        }
    }

    /// Tells all that waits, and learns what others told of the same.
    pub(crate) async fn tell_all(&self, database: &Database) {
        let mut waiting = self.waiting.lock().await;
        // What is put on the list meanwhile is for the next round.
        let mut left = waiting.len();
        while left > 0 {
            let mut tallies = Vec::new();
            while tallies.len() < TOGETHER.min(left) {
                let Ok(tally) = waiting.try_recv() else { break };
                tally.unlist();
                tallies.push(tally);
            }
            left = left.saturating_sub(tallies.len().max(1));
            if let Err(error) = tell(database, &tallies).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "pulls are counted without those of other processes"
                );
                return;
            }
        }
    }
}

/// Adds what `tallies` have to their rows, and reads these.
async fn tell(database: &Database, tallies: &[Arc<Tally>]) -> Result<(), Error> {
    let now = Timestamp::now();
    let mut rows: BTreeMap<Key, i64> = BTreeMap::new();
    let mut told = Vec::new();
    for tally in tallies {
        let subject = tally.subject.to_string();
        for window in tally.tell(now) {
            // In the order of their keys, so that no two processes wait for each other's rows; and each once, though a tally that
            // was forgotten and made anew may be here twice.
            *rows.entry((subject.clone(), tally.rate.seconds(), window.begins_at.micros())).or_default() += window.more;
            told.push((tally, window.begins_at));
        }
    }
    let changed = json(rows.iter().filter(|(_, more)| **more != 0));
    let added = match changed {
        Some(changed) => add(database, changed).await,
        None => Ok(()),
    };
    for (tally, begins_at) in &told {
        tally.told(*begins_at, added.is_ok());
    }
    match added {
        // In maintenance nothing is written, but what was written can be read.
        Err(Error::Database(error)) if error.kind() == Kind::ReadOnly => {}
        other => other?,
    }
    let known = read(database, json(rows.iter()).unwrap_or_default()).await?;
    for tally in tallies {
        let subject = tally.subject.to_string();
        let of_tally = (subject.clone(), tally.rate.seconds(), i64::MIN)..=(subject, tally.rate.seconds(), i64::MAX);
        for ((_, _, begins_at), counted) in known.range(of_tally) {
            tally.learn(Timestamp::from_micros(*begins_at), *counted);
        }
    }
    Ok(())
}

/// The rows as one text; none if there are none.
fn json<'a>(rows: impl Iterator<Item = (&'a Key, &'a i64)>) -> Option<String> {
    let entries: Vec<_> = rows
        .map(|((subject, seconds, begins_at), counted)| {
            // As long as it may count: its own window, and the next.
            let ends_at = begins_at + 2_000_000 * i64::from(*seconds);
            Entry { subject, seconds: *seconds, begins_at: *begins_at, counted: *counted, ends_at }
        })
        .collect();
    // Cannot fail: strings and numbers.
    (!entries.is_empty()).then(|| serde_json::to_string(&entries).unwrap_or_default())
}

async fn add(database: &Database, rows: String) -> Result<(), Error> {
    let added = database.write_loosely(Durability::Process, move |connection| {
        Ok::<_, Error>(connection.execute(&tables::ADD_RATE_COUNTS, &[(&rows).into()])?)
    });
    added.await.map(|_| ())
}

async fn read(database: &Database, rows: String) -> Result<BTreeMap<Key, i64>, Error> {
    let read = database.scan(move |connection| {
        connection.all(&tables::RATE_COUNTS, &[(&rows).into()], |row| {
            let seconds = row.integer(1)?.try_into().unwrap_or_default();
            Ok::<_, Error>(((row.text(0)?.to_owned(), seconds, row.integer(2)?), row.integer(3)?))
        })
    });
    Ok(read.await?.into_iter().collect())
}

/// Removes the rows of windows that count no more.
async fn remove_past(database: &Database) -> Result<(), Error> {
    loop {
        let parameters = [Timestamp::now().into(), (REMOVED_TOGETHER as i64).into()];
        let removed = database.write_loosely(Durability::Process, move |connection| {
            connection.execute(&tables::REMOVE_RATE_COUNTS, &parameters)
        });
        match removed.await {
            Ok(removed) if removed < REMOVED_TOGETHER => return Ok(()),
            Err(error) if error.kind() == Kind::ReadOnly => return Ok(()),
            other => other.map(|_| ())?,
        }
    }
}
