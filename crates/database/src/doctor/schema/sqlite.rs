//! What a SQLite file consists of.

use super::{Features, read};
use crate::sqlite::Sqlite;
use crate::{Connection, Error, Room};

pub(super) const TABLES: &str =
    r"SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\'";

/// Indexes that SQLite makes for a constraint have no text of their own: they are in the table's.
const FEATURES: &str = r#"SELECT type, tbl_name, name, sql FROM sqlite_schema
        WHERE type IN ('table', 'index', 'trigger') AND sql IS NOT NULL AND name NOT LIKE 'sqlite\_%' ESCAPE '\'
    UNION ALL
    SELECT 'column', t.name, c.name, c.type || IIF(c."notnull", ' NOT NULL', '') || IIF(c.pk, ' PRIMARY KEY ' || c.pk, '')
            || COALESCE(' DEFAULT ' || c.dflt_value, '')
        FROM sqlite_schema t, pragma_table_xinfo(t.name) c
        WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite\_%' ESCAPE '\'"#;

pub(super) fn features(connection: &Connection<'_>) -> Result<Features, Error> {
    read(connection, FEATURES)
}

/// Of a file on which nothing was done but the migrations.
pub(super) fn expected(rooms: &[Room]) -> Result<Features, Error> {
    let fresh = Sqlite::fresh(rooms)?;
    features(&Connection::sqlite(&fresh))
}
