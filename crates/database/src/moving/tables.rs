//! Which tables go along.

use super::{End, refuse};
use crate::cell::Cell;
use crate::sqlite::Sqlite;
use crate::{Connection, Error, Room, Table};

/// The tables of this crate that say something of the processes over this very database, and so do not go along.
pub(crate) const STAYING: &[&str] = &["migrations", "jobs", "replicas", "maintenance", "moves", "holds"];

/// Every table that goes along, each behind those that it refers to.
pub(crate) fn all(rooms: &[Room]) -> impl Iterator<Item = Table> {
    rooms.iter().flat_map(|room| room.tables).copied()
}

/// That the rooms name every table which their migrations make: one that was forgotten would be lost.
///
/// # Errors
/// One was: a defect of this version.
pub(crate) fn check_list(rooms: &[Room]) -> Result<(), Error> {
    let fresh = Sqlite::fresh(rooms)?;
    let sql = r"SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\'";
    let made = Connection::sqlite(&fresh).rows(sql, &[])?;
    let known = |name: &&str| STAYING.contains(name) || all(rooms).any(|table| table.name == *name);
    match made.iter().filter_map(|row| row.first().and_then(Cell::text)).find(|name| !known(name)) {
        None => Ok(()),
        Some(name) => Err(refuse(format!("no room says how the table {name} is moved: a defect of this version"))),
    }
}

/// That a database has no migration that we do not know: there could be tables that we would not move.
///
/// # Errors
/// It has.
pub(crate) async fn check_version(end: &End, rooms: &[Room]) -> Result<(), Error> {
    let applied = end.database.read(|connection| connection.rows("SELECT room, number, name FROM migrations", &[]));
    for row in applied.await? {
        let [Cell::Text(room), Cell::Integer(number), Cell::Text(name)] = row.as_slice() else { continue };
        let ours = rooms.iter().find(|ours| ours.name == room).map_or(0, |ours| ours.migrations.len());
        if usize::try_from(*number).is_ok_and(|number| number > ours) {
            return Err(refuse(format!(
                "{} has the migration {number} ({name}) of {room}, which this version does not know: use the newer one",
                end.place
            )));
        }
    }
    Ok(())
}
