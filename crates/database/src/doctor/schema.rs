//! Tables, columns and indexes, compared with those of a database on which nothing was done but the migrations.

mod postgres;
mod sqlite;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{Trouble, Verdict, texts};
use crate::cell::Cell;
use crate::connection::Over;
use crate::{Connection, Error, Room};

/// What a database consists of, each with its definition in SQL.
type Features = BTreeMap<Feature, String>;

/// One thing that a migration makes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Feature {
    table: String,
    kind: Kind,
    /// That of the table, if it is one.
    name: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Table,
    Column,
    Constraint,
    Index,
    Trigger,
}

/// The names of the tables.
pub(super) fn tables(connection: &Connection<'_>) -> Result<BTreeSet<String>, Error> {
    let sql = match connection.over() {
        Over::Sqlite(_) => sqlite::TABLES,
        Over::Postgres(_) => postgres::TABLES,
    };
    Ok(texts(connection, sql)?.into_iter().collect())
}

/// Compares what is there with what the migrations of `rooms` make.
pub(super) fn compare(connection: &Connection<'_>, rooms: &[Room]) -> Result<Verdict, Error> {
    let (there, expected) = match connection.over() {
        Over::Sqlite(_) => (sqlite::features(connection)?, sqlite::expected(rooms)?),
        Over::Postgres(_) => {
            let there = postgres::features(connection)?;
            (there, postgres::expected(connection, rooms)?)
        }
    };
    let way = Way { server: matches!(connection.over(), Over::Postgres(_)) };
    Ok(differences(&there, &expected, way).into_iter().collect())
}

fn read(connection: &Connection<'_>, sql: &str) -> Result<Features, Error> {
    let rows = connection.rows(sql, &[])?;
    let feature = |row: &Vec<Cell>| match row.as_slice() {
        [Cell::Text(kind), Cell::Text(table), Cell::Text(name), Cell::Text(definition)] => {
            let feature = Feature { table: table.clone(), kind: Kind::named(kind)?, name: name.clone() };
            // However it is broken into lines.
            Some((feature, definition.split_whitespace().collect::<Vec<_>>().join(" ")))
        }
        _ => None,
    };
    Ok(rows.iter().filter_map(feature).collect())
}

fn differences(there: &Features, expected: &Features, way: Way) -> Vec<Trouble> {
    let mut troubles = Vec::new();
    let all: BTreeSet<&Feature> = there.keys().chain(expected.keys()).collect();
    for feature in all {
        // Of a table that is missing, or that nobody knows, one word is enough.
        let known = has_table(there, &feature.table) && has_table(expected, &feature.table);
        if !known && feature.kind != Kind::Table {
            continue;
        }
        match (there.get(feature), expected.get(feature)) {
            (Some(is), Some(should)) if is == should => {}
            // Its columns say what.
            (Some(_), Some(_))
                if feature.kind == Kind::Table
                    && columns(there, &feature.table) != columns(expected, &feature.table) => {}
            (Some(is), Some(should)) => troubles.push(way.changed(feature, is, should)),
            (None, Some(should)) => troubles.push(way.missing(feature, should)),
            (Some(_), None) => troubles.push(way.surplus(feature)),
            (None, None) => {}
        }
    }
    troubles
}

fn has_table(features: &Features, table: &str) -> bool {
    features.contains_key(&Feature { table: table.to_owned(), kind: Kind::Table, name: table.to_owned() })
}

fn columns<'a>(features: &'a Features, table: &str) -> Vec<(&'a Feature, &'a String)> {
    features.iter().filter(|(feature, _)| feature.kind == Kind::Column && feature.table == table).collect()
}

const RESTORE: &str = "stop the registry, and restore a back-up: what was in it is not elsewhere";

/// How things are mended on one engine.
#[derive(Clone, Copy)]
struct Way {
    server: bool,
}

impl Way {
    fn missing(self, feature: &Feature, should: &str) -> Trouble {
        let mend = match feature.kind {
            Kind::Index | Kind::Trigger => format!("make it again: {should}"),
            Kind::Constraint => {
                format!("make it again: ALTER TABLE {} ADD CONSTRAINT {} {should}", feature.table, feature.name)
            }
            Kind::Table | Kind::Column => RESTORE.to_owned(),
        };
        Trouble::new(format!("{feature} is missing"), mend)
    }

    fn surplus(self, feature: &Feature) -> Trouble {
        let drop = self.dropped(feature);
        let mend = match feature.kind {
            Kind::Table => {
                format!("keep what is not Entrepot's in a database of its own; if nothing in it is needed: {drop}")
            }
            Kind::Column => format!("remove it, once you know who added it; a move of the database refuses it: {drop}"),
            Kind::Constraint | Kind::Index | Kind::Trigger => {
                format!("remove it, since it is in the way of pushes and perhaps of the next upgrade: {drop}")
            }
        };
        Trouble::new(format!("{feature} is not of any migration"), mend)
    }

    fn changed(self, feature: &Feature, is: &str, should: &str) -> Trouble {
        let mend = match feature.kind {
            Kind::Index | Kind::Trigger => format!("make it anew: {}; {should}", self.dropped(feature)),
            Kind::Constraint => format!(
                "make it anew: {}; ALTER TABLE {} ADD CONSTRAINT {} {should}",
                self.dropped(feature),
                feature.table,
                feature.name
            ),
            Kind::Table if self.server => format!("ALTER TABLE {} SET LOGGED", feature.table),
            Kind::Table | Kind::Column => {
                "undo the change, if you know who made it; otherwise stop the registry and restore a back-up".to_owned()
            }
        };
        Trouble::new(format!("{feature} is {is:?} and should be {should:?}"), mend)
    }

    /// The statement that removes it.
    fn dropped(self, feature: &Feature) -> String {
        let Feature { table, kind, name } = feature;
        match kind {
            Kind::Table => format!("DROP TABLE {table}"),
            Kind::Column => format!("ALTER TABLE {table} DROP COLUMN {name}"),
            Kind::Constraint => format!("ALTER TABLE {table} DROP CONSTRAINT {name}"),
            Kind::Index => format!("DROP INDEX {name}"),
            Kind::Trigger if self.server => format!("DROP TRIGGER {name} ON {table}"),
            Kind::Trigger => format!("DROP TRIGGER {name}"),
        }
    }
}

impl Kind {
    const ALL: [Self; 5] = [Self::Table, Self::Column, Self::Constraint, Self::Index, Self::Trigger];

    fn as_str(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Column => "column",
            Self::Constraint => "constraint",
            Self::Index => "index",
            Self::Trigger => "trigger",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, kind, name } = self;
        match kind {
            Kind::Table => write!(f, "the table {table}"),
            _ => write!(f, "the {} {name} of the table {table}", kind.as_str()),
        }
    }
}
