//! Which changes of the tables a database has.

use super::{Trouble, Verdict, of_engine};
use crate::cell::Cell;
use crate::{Compatibility, Connection, Error, Migration, Room};

/// The first version did not say what is compatible.
const SQLITE: &str =
    "SELECT room, number, name, sql, (SELECT 1 FROM pragma_table_info('migrations') WHERE name = 'compatibility')
    FROM migrations ORDER BY room, number";
const SQLITE_COMPATIBILITY: &str = "SELECT compatibility FROM migrations ORDER BY room, number";
const POSTGRES: &str = "SELECT room, number, name, sql, CAST(1 AS BIGINT) FROM migrations ORDER BY room, number";

/// What is said of migrations, and which of each room are there.
pub(super) struct Applied {
    troubles: Vec<Trouble>,
    notes: Vec<String>,
    /// By room, how many of ours the database has.
    counts: Vec<usize>,
    /// There are some that we do not know.
    newer: bool,
}

/// A migration that the database says it has.
struct Entry {
    room: String,
    number: i64,
    name: String,
    sql: String,
    additive: bool,
}

impl Applied {
    /// Compares what the database has with `rooms`.
    pub(super) fn read(connection: &Connection<'_>, rooms: &[Room]) -> Result<Self, Error> {
        let entries = entries(connection)?;
        let text = |migration: &Migration| of_engine(connection, migration.sqlite, migration.postgres);
        let mut applied = Self { troubles: Vec::new(), notes: Vec::new(), counts: Vec::new(), newer: false };
        for room in rooms {
            applied.compare(room, &entries, text);
        }
        for entry in entries.iter().filter(|entry| rooms.iter().all(|room| room.name != entry.room)) {
            applied.unknown(entry);
        }
        Ok(applied)
    }

    fn compare(&mut self, room: &Room, entries: &[Entry], text: impl Fn(&Migration) -> &'static str) {
        let theirs = |number: i64| entries.iter().find(|entry| entry.room == room.name && entry.number == number);
        let mut count = 0;
        let mut missing: Vec<String> = Vec::new();
        for (migration, number) in room.migrations.iter().zip(1_i64..) {
            let called = format!("migration {number} ({}) of {}", migration.name, room.name);
            match theirs(number) {
                Some(entry) if entry.sql == text(migration) => {}
                Some(_) => self.troubles.push(Trouble::new(
                    format!("{called} has another text than this version applies"),
                    "start the version of entrepot that made the database, or restore a back-up; `entrepot serve` of this \
                     version refuses it",
                )),
                None => {
                    missing.push(called);
                    continue;
                }
            }
            if let [gap, ..] = missing.as_slice() {
                self.troubles.push(Trouble::new(
                    format!("{gap} is missing, but a later one is there"),
                    "restore a back-up: rows of the table migrations were removed",
                ));
                missing.clear();
            }
            count = usize::try_from(number).unwrap_or(count);
        }
        self.troubles.extend(missing.into_iter().map(|called| {
            Trouble::new(
                format!("{called} is not there yet"),
                "start `entrepot serve` of this version, which applies it; stop all replicas first if the changelog calls it \
                 breaking",
            )
        }));
        self.counts.push(count);
        let ours = room.migrations.len();
        for entry in entries.iter().filter(|entry| entry.room == room.name) {
            if usize::try_from(entry.number).is_ok_and(|number| number > ours) {
                self.unknown(entry);
            }
        }
    }

    fn unknown(&mut self, entry: &Entry) {
        self.newer = true;
        let called = format!("migration {} ({}) of {}", entry.number, entry.name, entry.room);
        if entry.additive {
            self.notes.push(format!("{called} is of a newer version, over which this one can run"));
        } else {
            self.troubles.push(Trouble::new(
                format!("{called} is of a newer version, over which this one cannot run"),
                "start the newer version of entrepot, or restore the back-up from before the upgrade",
            ));
        }
    }

    /// How it stands with the migrations.
    pub(super) fn verdict(self) -> Verdict {
        match (self.troubles.is_empty(), self.notes.is_empty()) {
            (true, true) => Verdict::well(),
            (true, false) => Verdict::Well(Some(self.notes.join("; "))),
            (false, _) => Verdict::Wrong(self.troubles),
        }
    }

    /// `rooms` with the migrations that the database has, or why it is not known what its tables should be.
    pub(super) fn rooms(&self, rooms: &[Room]) -> Result<Vec<Room>, String> {
        if self.newer {
            return Err("this version does not know all of the migrations: ask the doctor of the newer one".to_owned());
        }
        let with = |(room, count): (&Room, &usize)| Room {
            migrations: room.migrations.get(..*count).unwrap_or_default(),
            ..*room
        };
        Ok(rooms.iter().zip(&self.counts).map(with).collect())
    }
}

fn entries(connection: &Connection<'_>) -> Result<Vec<Entry>, Error> {
    let rows = connection.rows(of_engine(connection, SQLITE, POSTGRES), &[])?;
    let says = rows.first().and_then(|row| row.get(4)).is_some_and(|cell| *cell != Cell::Null);
    let compatibility = if says { connection.rows(SQLITE_COMPATIBILITY, &[])? } else { Vec::new() };
    let mut entries = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let [Cell::Text(room), Cell::Integer(number), Cell::Text(name), Cell::Text(sql), _] = row.as_slice() else {
            continue;
        };
        let additive = compatibility.get(at).and_then(|row| row.first()).and_then(Cell::text)
            == Some(Compatibility::Additive.as_str());
        entries.push(Entry { room: room.clone(), number: *number, name: name.clone(), sql: sql.clone(), additive });
    }
    Ok(entries)
}
