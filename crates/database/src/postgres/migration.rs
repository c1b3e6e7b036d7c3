//! Bringing the tables of a server's database up to date.

use std::time::Duration;

use super::connect::Connector;
use super::session::Session;
use crate::migration::{Applied, pending};
use crate::{Error, Kind, Room, Row, Timestamp};

/// How long one statement of a migration may take. An index over many rows takes its time.
const STATEMENT_TIMEOUT: Duration = Duration::from_hours(6);

/// One process at a time, whatever the schema: the number stands for nothing.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL idle_in_transaction_session_timeout = 0;
    SELECT pg_advisory_xact_lock(7310029145021706593)";
const ENCODING: &str = "SELECT pg_encoding_to_char(encoding)::text FROM pg_database WHERE datname = current_database()";
const HAS_TABLE: &str = "SELECT 1 WHERE to_regclass('migrations') IS NOT NULL";
/// The doctor makes it too, to compare.
pub(crate) const TABLE: &str = r#"CREATE TABLE migrations (
    room TEXT COLLATE "C" NOT NULL, number BIGINT NOT NULL, name TEXT NOT NULL, sql TEXT NOT NULL,
    applied_at BIGINT NOT NULL, compatibility TEXT NOT NULL, PRIMARY KEY (room, number))"#;
const APPLIED: &str = "SELECT number, name, sql, compatibility FROM migrations WHERE room = $1 ORDER BY number";
const RECORD: &str = "INSERT INTO migrations (room, number, name, sql, compatibility, applied_at)
    VALUES ($1, $2, $3, $4, $5, $6)";

/// Applies what the database lacks of `rooms`, in one transaction, while no other process does. Blocks this thread.
pub(super) fn migrate(connector: &Connector, rooms: &[Room]) -> Result<(), Error> {
    let session = connector.connect_for(STATEMENT_TIMEOUT)?;
    session.batch(BEGIN)?;
    apply(&session, rooms)?;
    session.batch("COMMIT")
}

fn apply(session: &Session, rooms: &[Room]) -> Result<(), Error> {
    check_encoding(session)?;
    // Asked first, because a role that may only read and write rows may not make a table that is there already.
    if session.query(HAS_TABLE, &[])?.is_empty() {
        session.batch(TABLE)?;
    }
    for room in rooms {
        let applied = applied(session, room)?;
        for (number, migration) in pending(room, &applied, |migration| migration.postgres)? {
            tracing::info!(room = room.name, number, name = migration.name, "bringing the tables up to date");
            session.batch(migration.postgres)?;
            let parameters = [
                room.name.into(),
                number.into(),
                migration.name.into(),
                migration.postgres.into(),
                migration.compatibility.as_str().into(),
                Timestamp::now().into(),
            ];
            session.execute(RECORD, &parameters)?;
        }
    }
    Ok(())
}

fn applied(session: &Session, room: &Room) -> Result<Vec<Applied>, Error> {
    let rows = session.query(APPLIED, &[room.name.into()])?;
    let read = |row| {
        let row = Row::postgres(row);
        Ok(Applied {
            number: row.integer(0)?,
            name: row.text(1)?.to_owned(),
            sql: row.text(2)?.to_owned(),
            compatibility: row.text(3)?.to_owned(),
        })
    };
    rows.iter().map(read).collect()
}

fn check_encoding(session: &Session) -> Result<(), Error> {
    let rows = session.query(ENCODING, &[])?;
    let encoding = rows.first().map(|row| Row::postgres(row).text(0).map(str::to_owned)).transpose()?;
    if encoding.as_deref() == Some("UTF8") {
        return Ok(());
    }
    let message = format!(
        "the database has the encoding {encoding:?}; make one with: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
    );
    Err(Error::new(Kind::Migration, "migrate", message))
}
