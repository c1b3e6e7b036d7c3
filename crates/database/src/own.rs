//! The tables of this crate: jobs, replicas, and the stop of writes.

use crate::migration::{Compatibility, Migration, Room};
use crate::{Statement, connection, jobs, maintenance, replica};

const ROOM: Room = Room {
    name: "database",
    migrations: &[
        Migration {
            name: "jobs",
            sqlite: "CREATE TABLE jobs (
            name TEXT PRIMARY KEY,
            due_at INTEGER NOT NULL,
            lease TEXT,
            lease_until INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID",
            postgres: include_str!("../migrations/postgres/001_jobs.sql"),
            compatibility: Compatibility::Breaking,
        },
        Migration {
            name: "replicas and maintenance",
            sqlite: include_str!("../migrations/sqlite/002_replicas.sql"),
            postgres: include_str!("../migrations/postgres/002_replicas.sql"),
            compatibility: Compatibility::Additive,
        },
    ],
};

/// The rooms of others behind this one.
pub(crate) fn with_own(rooms: &[Room]) -> Vec<Room> {
    [&[ROOM], rooms].concat()
}

/// Every statement of this crate that runs over both engines.
pub(crate) fn statements() -> impl Iterator<Item = Statement> {
    let lists = [
        connection::tables::STATEMENTS,
        jobs::tables::STATEMENTS,
        maintenance::tables::STATEMENTS,
        replica::tables::STATEMENTS,
    ];
    lists.into_iter().flatten().copied()
}
