//! What a table looks like, on either engine.

use crate::cell::Cell;
use crate::connection::Over;
use crate::dynamic::{listed, quoted};
use crate::{Connection, Error, Table};

/// A table with its columns.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) table: Table,
    /// In the order of their names.
    pub(crate) columns: Vec<Column>,
}

/// A column.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) holds: Holds,
    pub(crate) nullable: bool,
}

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holds {
    Integers,
    Texts,
    Blobs,
}

/// Name, type, whether it is never `NULL`, and its place in the primary key, from 1.
const SQLITE: &str = r#"SELECT name, type, "notnull" OR pk > 0, pk FROM pragma_table_xinfo($1)"#;
const POSTGRES: &str = "SELECT CAST(a.attname AS TEXT), format_type(a.atttypid, a.atttypmod),
    CAST(CAST(a.attnotnull AS INT) AS BIGINT),
    COALESCE(CAST(array_position(CAST(i.indkey AS SMALLINT[]), a.attnum) AS BIGINT) + 1, 0)
    FROM pg_attribute a LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary
    WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped";

impl Shape {
    /// Reads it.
    ///
    /// # Errors
    /// The table is not there, has a type that is none of ours, or another key than it is said to have.
    pub(crate) fn read(connection: &Connection<'_>, table: Table) -> Result<Self, Error> {
        let refuse = |why: String| Err(super::refuse(format!("table {}: {why}", table.name)));
        let rows = match connection.over() {
            Over::Sqlite(_) => connection.rows(SQLITE, &[table.name.into()])?,
            Over::Postgres(_) => connection.rows(POSTGRES, &[quoted(table.name).as_str().into()])?,
        };
        let mut columns = Vec::new();
        let mut key = Vec::new();
        for row in &rows {
            let [Cell::Text(name), Cell::Text(of), Cell::Integer(never_null), Cell::Integer(place)] = row.as_slice()
            else {
                return refuse(format!("its columns cannot be read: {row:?}"));
            };
            let holds = match of.as_str() {
                "INTEGER" | "bigint" => Holds::Integers,
                "TEXT" | "text" => Holds::Texts,
                "BLOB" | "bytea" => Holds::Blobs,
                other => return refuse(format!("its column {name} has the type {other}")),
            };
            if *place > 0 {
                key.push((*place, name.as_str()));
            }
            columns.push(Column { name: name.clone(), holds, nullable: *never_null == 0 });
        }
        key.sort_unstable();
        if !key.iter().map(|(_, name)| name).eq(table.key) {
            return refuse(format!("its primary key is {key:?}, not {:?}", table.key));
        }
        columns.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(Self { table, columns })
    }

    /// Whether rows of the one fit the other.
    ///
    /// # Errors
    /// They do not, and where.
    pub(crate) fn agree(&self, other: &Self) -> Result<(), Error> {
        if self == other {
            return Ok(());
        }
        let differs = |column: &&Column| !other.columns.contains(column);
        let more = |column: &&Column| !self.columns.contains(column);
        let first = self.columns.iter().find(differs).or_else(|| other.columns.iter().find(more));
        let column = first.map(|column| column.name.as_str()).unwrap_or_default();
        let name = self.table.name;
        Err(super::refuse(format!(
            "table {name} is not the same in both databases (column {column}); `entrepot doctor` says what is wrong"
        )))
    }

    /// The names of all columns, for SQL.
    pub(crate) fn all(&self) -> String {
        listed(self.columns.iter().map(|column| column.name.as_str()))
    }

    /// The names of the key's columns, for SQL.
    pub(crate) fn key(&self) -> String {
        listed(self.table.key.iter().copied())
    }

    /// The name of the table, for SQL.
    pub(crate) fn name(&self) -> String {
        quoted(self.table.name)
    }

    /// The key of a row.
    pub(crate) fn key_of(&self, row: &[Cell]) -> Vec<Cell> {
        let place = |key: &&str| self.columns.iter().position(|column| column.name == *key);
        self.table.key.iter().filter_map(place).filter_map(|at| row.get(at).cloned()).collect()
    }
}

/// A key for people.
pub(crate) fn shown(key: &[Cell]) -> String {
    key.iter().map(Cell::to_string).collect::<Vec<_>>().join(", ")
}
