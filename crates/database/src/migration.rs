//! Numbered changes of the tables, applied once each, forward only.

use crate::{Error, Kind};

/// The tables of one crate and how they came to be.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// The crate's name.
    pub name: &'static str,
    /// Its changes; the first has number 1. Once released, an entry never changes.
    pub migrations: &'static [Migration],
    /// Its tables as those changes leave them, each after those that it refers to. These are what a move carries.
    pub tables: &'static [Table],
}

/// A table whose rows go along when the data moves to another database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// The columns of its primary key, in their order.
    pub key: &'static [&'static str],
}

/// One change of a room's tables.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// What it does, in a few words.
    pub name: &'static str,
    /// Its text for SQLite.
    pub sqlite: &'static str,
    /// Its text for PostgreSQL. Text that is compared or sorted is `COLLATE "C"`, as SQLite compares it.
    pub postgres: &'static str,
    /// What becomes of those who do not know it.
    pub compatibility: Compatibility,
}

/// Whether the version before a migration can go on running over the tables after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compatibility {
    /// It can: nothing that it uses was changed or taken away, and nothing that it writes lacks anything. Replicas are
    /// upgraded one after the other.
    Additive,
    /// It cannot: all replicas are stopped before the first of the new version starts.
    Breaking,
}

impl Compatibility {
    /// As the table of migrations holds it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Additive => "additive",
            Self::Breaking => "breaking",
        }
    }
}

/// A migration that the database has.
pub(crate) struct Applied {
    pub(crate) number: i64,
    pub(crate) name: String,
    /// Its text, for the engine of the database.
    pub(crate) sql: String,
    /// As [`Compatibility::as_str`].
    pub(crate) compatibility: String,
}

/// The room's migrations that the database lacks, each with its number. Those that it has, in `applied`, in order, are
/// compared with ours, of which `text` is the text for its engine.
///
/// # Errors
/// [`Kind::Migration`] if one is another, or is later than ours and not additive.
pub(crate) fn pending(
    room: &Room,
    applied: &[Applied],
    text: impl Fn(&Migration) -> &'static str,
) -> Result<impl Iterator<Item = (i64, &'static Migration)>, Error> {
    let mut ours = room.migrations.iter().zip(1_i64..);
    for theirs in applied {
        let refuse = |why: &str| {
            let Applied { number, name, .. } = theirs;
            let message = format!("migration {number} ({name:?}) of the tables of {}: {why}", room.name);
            Err(Error::new(Kind::Migration, "migrate", message))
        };
        match ours.next() {
            None if theirs.compatibility == Compatibility::Additive.as_str() => {}
            None => {
                return refuse("was applied by a newer version of entrepot; start that version or restore a backup");
            }
            Some((ours, expected)) if theirs.number != expected || text(ours) != theirs.sql => {
                return refuse(
                    "differs from what this version of entrepot applies; the database belongs to another version",
                );
            }
            Some(_) => {}
        }
    }
    Ok(ours.map(|(migration, number)| (number, migration)))
}
