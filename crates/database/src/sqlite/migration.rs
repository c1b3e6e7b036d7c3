//! Bringing the tables of a file up to date.

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::migration::{Applied, pending};
use crate::{Error, Room, Timestamp};

/// Applies what the file lacks of `rooms`, in one transaction.
pub(crate) fn migrate(connection: &mut Connection, rooms: &[Room]) -> Result<(), Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    prepare(&transaction)?;
    for room in rooms {
        let applied = applied(&transaction, room)?;
        for (number, migration) in pending(room, &applied, |migration| migration.sqlite)? {
            transaction.execute_batch(migration.sqlite)?;
            transaction.execute(
                "INSERT INTO migrations (room, number, name, sql, compatibility, applied_at)
                    VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                (
                    room.name,
                    number,
                    migration.name,
                    migration.sqlite,
                    migration.compatibility.as_str(),
                    Timestamp::now().micros(),
                ),
            )?;
        }
    }
    Ok(transaction.commit()?)
}

/// Makes the table of migrations. That of the first version did not say what is compatible.
fn prepare(transaction: &Transaction<'_>) -> Result<(), Error> {
    transaction.execute_batch(
        "CREATE TABLE IF NOT EXISTS migrations (
            room TEXT NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL, sql TEXT NOT NULL, applied_at INTEGER NOT NULL,
            PRIMARY KEY (room, number)) STRICT",
    )?;
    let has_column = "SELECT 1 FROM pragma_table_info('migrations') WHERE name = 'compatibility'";
    if !transaction.prepare(has_column)?.exists([])? {
        transaction
            .execute_batch("ALTER TABLE migrations ADD COLUMN compatibility TEXT NOT NULL DEFAULT 'breaking'")?;
    }
    Ok(())
}

fn applied(transaction: &Transaction<'_>, room: &Room) -> Result<Vec<Applied>, Error> {
    let mut statement = transaction
        .prepare("SELECT number, name, sql, compatibility FROM migrations WHERE room = ?1 ORDER BY number")?;
    let rows = statement.query_map([room.name], |row| {
        Ok(Applied { number: row.get(0)?, name: row.get(1)?, sql: row.get(2)?, compatibility: row.get(3)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
