//! What a database on a server consists of.

use super::{Features, read};
use crate::postgres::MIGRATIONS_TABLE;
use crate::{Connection, Error, Room};

/// Those that are found by their name alone, as the registry names them.
pub(super) const TABLES: &str = "SELECT CAST(relname AS TEXT) FROM pg_class
    WHERE relkind IN ('r', 'p') AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())";

/// Of the tables in the schema `$SCHEMA`. What stands behind a constraint or a foreign key is in the constraint.
const FEATURES: &str = "WITH tables AS (
        SELECT oid, CAST(relname AS TEXT) AS name, relpersistence FROM pg_class
        WHERE relkind IN ('r', 'p') AND relnamespace = $SCHEMA)
    SELECT 'table', name, name, CASE relpersistence WHEN 'u' THEN 'UNLOGGED' ELSE 'LOGGED' END FROM tables
    UNION ALL
    SELECT 'column', t.name, CAST(a.attname AS TEXT), format_type(a.atttypid, a.atttypmod)
            || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
            || COALESCE(' COLLATE ' || quote_ident(c.collname), '')
            || COALESCE(' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid, true), '')
            || CASE a.attidentity WHEN 'd' THEN ' BY DEFAULT AS IDENTITY' WHEN 'a' THEN ' ALWAYS AS IDENTITY' ELSE '' END
        FROM tables t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
        JOIN pg_type y ON y.oid = a.atttypid
        LEFT JOIN pg_collation c ON c.oid = a.attcollation AND a.attcollation <> y.typcollation
        LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    UNION ALL
    SELECT 'constraint', t.name, CAST(c.conname AS TEXT), pg_get_constraintdef(c.oid, true)
        FROM tables t JOIN pg_constraint c ON c.conrelid = t.oid AND c.contype IN ('p', 'u', 'f', 'c')
    UNION ALL
    SELECT 'index', t.name, CAST(i.relname AS TEXT), pg_get_indexdef(x.indexrelid, 0, true)
            || CASE WHEN x.indisvalid THEN '' ELSE ' (not valid)' END
        FROM tables t JOIN pg_index x ON x.indrelid = t.oid JOIN pg_class i ON i.oid = x.indexrelid
        WHERE NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = x.indexrelid AND c.conrelid = t.oid)
    UNION ALL
    SELECT 'trigger', t.name, CAST(g.tgname AS TEXT), pg_get_triggerdef(g.oid, true)
        FROM tables t JOIN pg_trigger g ON g.tgrelid = t.oid AND NOT g.tgisinternal";
const HERE: &str = "(SELECT oid FROM pg_namespace WHERE nspname = current_schema())";

pub(super) fn features(connection: &Connection<'_>) -> Result<Features, Error> {
    read(connection, &FEATURES.replace("$SCHEMA", HERE))
}

/// Of tables on which nothing was done but the migrations: made in this session's schema of temporary tables, in a transaction
/// that is not committed. From then on the session sees those instead of the real ones.
pub(super) fn expected(connection: &Connection<'_>, rooms: &[Room]) -> Result<Features, Error> {
    connection.batch("SET LOCAL search_path = pg_temp")?;
    connection.batch(MIGRATIONS_TABLE)?;
    for migration in rooms.iter().flat_map(|room| room.migrations) {
        connection.batch(migration.postgres)?;
    }
    read(connection, &FEATURES.replace("$SCHEMA", "pg_my_temp_schema()"))
}
