//! The tables of this crate: jobs, replicas, the stop of writes, moves, and holds.

use crate::migration::{Compatibility, Migration, Room};
use crate::{Statement, connection, holds, jobs, maintenance, moving, replica};

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
        Migration {
            name: "moves",
            sqlite: include_str!("../migrations/sqlite/003_moves.sql"),
            postgres: include_str!("../migrations/postgres/003_moves.sql"),
            compatibility: Compatibility::Additive,
        },
        Migration {
            name: "holds",
            sqlite: include_str!("../migrations/sqlite/004_holds.sql"),
            postgres: include_str!("../migrations/postgres/004_holds.sql"),
            // A version that does not look for holds would take away what a backup still has to copy.
            compatibility: Compatibility::Breaking,
        },
    ],
    // All of them say something of the processes that use this very database: who lives, who holds which job, whether it is
    // being moved, who holds its bytes. None of it is true of a copy.
    tables: &[],
};

/// The rooms of others behind this one.
pub(crate) fn with_own(rooms: &[Room]) -> Vec<Room> {
    [&[ROOM], rooms].concat()
}

/// Every statement of this crate that runs over both engines.
pub(crate) fn statements() -> impl Iterator<Item = Statement> {
    let lists = [
        connection::tables::STATEMENTS,
        holds::tables::STATEMENTS,
        jobs::tables::STATEMENTS,
        maintenance::tables::STATEMENTS,
        moving::record::tables::STATEMENTS,
        replica::tables::STATEMENTS,
    ];
    lists.into_iter().flatten().copied()
}
