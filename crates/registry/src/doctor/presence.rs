//! Whether the bytes of blobs are in the store.

use entrepot_database::{Connection, Doctor, Trouble, Verdict};
use entrepot_store::Look;
use futures_util::{StreamExt, stream};

use crate::Error;
use crate::named::{self, Named};

pub(super) const SUBJECT: &str = "the bytes of blobs are in the store";

/// Blobs that are looked for when not all are.
const SAMPLE: i64 = 100;
/// Blobs whose rows are read at once.
const PAGE: i64 = 500;
/// Blobs that are looked for at the same time.
const AT_ONCE: usize = 16;
/// Blobs that are named at most.
const NAMED: usize = 10;

pub(crate) mod tables {
    entrepot_database::statements! {
        IDS = "SELECT MIN(id), MAX(id) FROM blobs";
        FROM_ID = "SELECT id, digest, size FROM blobs WHERE id >= $1 ORDER BY id LIMIT $2";
        /// Those that are damaged have been found already.
        STILL = "SELECT 1 FROM blobs WHERE id = $1
            AND NOT EXISTS (SELECT 1 FROM quarantine q WHERE q.digest = blobs.digest)";
    }
}

/// Looks for some blobs, from the oldest to the newest, or for all.
pub(super) async fn verdict(database: &Doctor, store: &Look, all: bool) -> Result<Verdict, Error> {
    let Some((first, last)) = database.look(ids).await? else {
        return Ok(Verdict::Well(Some("there are none".to_owned())));
    };
    let mut seen = Seen::default();
    if all {
        let mut next = Some(first);
        while let Some(from) = next {
            let rows = database.look(move |connection| page(connection, from, PAGE)).await?;
            next = rows.last().map(|row| row.id + 1);
            seen.add(database, store, rows).await?;
        }
    } else {
        let rows = database.look(move |connection| sample(connection, first, last)).await?;
        seen.add(database, store, rows).await?;
    }
    Ok(seen.verdict(all))
}

fn ids(connection: &Connection<'_>) -> Result<Option<(i64, i64)>, Error> {
    let ids = connection
        .first(&tables::IDS, &[], |row| Ok::<_, Error>(row.optional_integer(0)?.zip(row.optional_integer(1)?)));
    Ok(ids?.flatten())
}

fn page(connection: &Connection<'_>, from: i64, limit: i64) -> Result<Vec<Named>, Error> {
    named::all(connection, &tables::FROM_ID, &[from.into(), limit.into()])
}

/// Blobs at even distances.
fn sample(connection: &Connection<'_>, first: i64, last: i64) -> Result<Vec<Named>, Error> {
    let mut rows: Vec<Named> = Vec::new();
    let step = (last - first) / SAMPLE + 1;
    let mut from = first;
    while let Some(row) = page(connection, from, 1)?.pop() {
        from = (row.id + 1).max(from.saturating_add(step));
        rows.push(row);
    }
    // So that the newest is among them.
    if rows.last().is_some_and(|row| row.id < last) {
        rows.extend(page(connection, last, 1)?);
    }
    Ok(rows)
}

/// What was seen so far.
#[derive(Default)]
struct Seen {
    looked_at: usize,
    broken: usize,
    troubles: Vec<Trouble>,
}

impl Seen {
    async fn add(&mut self, database: &Doctor, store: &Look, rows: Vec<Named>) -> Result<(), Error> {
        self.looked_at += rows.len();
        let sizes = stream::iter(rows).map(|row| async move {
            let size = store.size(&row.digest, &row.parts).await;
            (row, size)
        });
        let mut sizes = sizes.buffer_unordered(AT_ONCE);
        while let Some((row, size)) = sizes.next().await {
            let wrong = match size {
                Ok(size) if size == row.size => continue,
                Ok(size) => {
                    format!("the blob {} has {size} bytes in the store and should have {}", row.digest, row.size)
                }
                Err(error @ entrepot_store::Error::Missing(_)) => format!("the blob {}: {error}", row.digest),
                Err(error) => return Err(error.into()),
            };
            // It may have been deleted since its row was read, or be in quarantine.
            let id = row.id;
            if !database
                .look(move |connection| Ok::<_, Error>(connection.exists(&tables::STILL, &[id.into()])?))
                .await?
            {
                continue;
            }
            self.broken += 1;
            if self.troubles.len() < NAMED {
                self.troubles.push(Trouble::new(
                    wrong,
                    "restore it from a back-up of the store; without one delete, over the API, the manifests that name it and \
                     then the blob itself, let the purge run, and push the image again",
                ));
            }
        }
        Ok(())
    }

    fn verdict(mut self, all: bool) -> Verdict {
        if self.broken > self.troubles.len() {
            self.troubles.push(Trouble::new(
                format!(
                    "{} more of the {} blobs that were looked for",
                    self.broken - self.troubles.len(),
                    self.looked_at
                ),
                "look for a directory or a prefix that is gone as a whole",
            ));
        }
        if self.troubles.is_empty() {
            let which = if all { "all of them" } else { "from the oldest to the newest; --thorough looks for all" };
            return Verdict::Well(Some(format!("{} were looked for, {which}", self.looked_at)));
        }
        if !all {
            self.troubles.push(Trouble::new(
                format!("only {} blobs were looked for", self.looked_at),
                "look for all of them: entrepot doctor --thorough",
            ));
        }
        Verdict::Wrong(self.troubles)
    }
}
