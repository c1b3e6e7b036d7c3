//! Numbered changes of the tables, applied once each, forward only.

use crate::{Error, Kind};

/// The tables of one crate and how they came to be.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// The crate's name.
    pub name: &'static str,
    /// Its changes; the first has number 1. Once released, an entry never changes.
    pub migrations: &'static [Migration],
}

/// One change of a room's tables.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// What it does, in a few words.
    pub name: &'static str,
    /// Its text for SQLite.
    pub sqlite: &'static str,
}

/// Brings the tables of `rooms` up to date, in one transaction.
pub(crate) fn migrate(connection: &mut rusqlite::Connection, rooms: &[Room]) -> Result<(), Error> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    transaction.execute_batch(
        "CREATE TABLE IF NOT EXISTS migrations (
            room TEXT NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL, sql TEXT NOT NULL, applied_at INTEGER NOT NULL,
            PRIMARY KEY (room, number)) STRICT",
    )?;
    for room in rooms {
        let applied = applied(&transaction, room)?;
        for (migration, number) in room.migrations.iter().zip(1_i64..).skip(applied) {
            transaction.execute_batch(migration.sqlite)?;
            transaction.execute(
                "INSERT INTO migrations (room, number, name, sql, applied_at) VALUES (?1, ?2, ?3, ?4, ?5)",
                (room.name, number, migration.name, migration.sqlite, crate::Timestamp::now().micros()),
            )?;
        }
    }
    Ok(transaction.commit()?)
}

/// How many of the room's migrations the file has, each compared with ours.
fn applied(transaction: &rusqlite::Transaction<'_>, room: &Room) -> Result<usize, Error> {
    let mut statement =
        transaction.prepare("SELECT number, name, sql FROM migrations WHERE room = ?1 ORDER BY number")?;
    let mut rows = statement.query([room.name])?;
    let mut ours = room.migrations.iter().zip(1_i64..);
    let mut count = 0;
    while let Some(row) = rows.next()? {
        let (number, name, sql): (i64, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let refuse = |why: &str| {
            let message = format!("migration {number} ({name:?}) of the tables of {}: {why}", room.name);
            Err(Error::new(Kind::Migration, "migrate", message))
        };
        count += 1;
        match ours.next() {
            None => {
                return refuse("was applied by a newer version of entrepot; start that version or restore a backup");
            }
            Some((ours, expected)) if number != expected || ours.sqlite != sql => {
                return refuse(
                    "differs from what this version of entrepot applies; the file belongs to another version",
                );
            }
            Some(_) => {}
        }
    }
    Ok(count)
}
