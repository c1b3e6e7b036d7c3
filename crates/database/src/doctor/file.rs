//! What can be wrong with a SQLite file alone.

use super::{Trouble, Verdict, texts};
use crate::cell::Cell;
use crate::{Connection, Error};

/// Troubles that are told at most: there may be one for each row.
const MOST: usize = 10;

const REINDEX: &str = "stop the registry and make the indexes anew: sqlite3 entrepot.db REINDEX";
const RESTORE: &str = "stop the registry, keep a copy of the file, and restore a back-up; without one, `sqlite3 entrepot.db .recover` \
    saves what can be read";

/// SQLite's own look at every page, index and constraint.
pub(super) fn integrity(connection: &Connection<'_>) -> Result<Verdict, Error> {
    let said = match texts(connection, &format!("PRAGMA integrity_check({MOST})")) {
        Ok(said) if said == ["ok"] => return Ok(Verdict::well()),
        Ok(said) => said,
        // Some damage ends the look.
        Err(error) => vec![error.message().to_owned()],
    };
    let trouble = |line: &str| {
        // What an index lacks or has too much is in the table.
        let in_index = line.contains("missing from index") || line.contains("wrong # of entries in index");
        Trouble::new(line, if in_index { REINDEX } else { RESTORE })
    };
    Ok(said.iter().flat_map(|text| text.lines()).map(trouble).collect())
}

/// Rows that name others which are not there.
pub(super) fn foreign_keys(connection: &Connection<'_>) -> Result<Verdict, Error> {
    let sql = r#"SELECT "table", parent, COUNT(*) FROM pragma_foreign_key_check GROUP BY 1, 2"#;
    let rows = connection.rows(sql, &[])?;
    let trouble = |row: &Vec<Cell>| match row.as_slice() {
        [Cell::Text(table), Cell::Text(parent), Cell::Integer(count)] => Some(Trouble::new(
            format!("{count} rows of {table} name rows of {parent} that are not there"),
            "restore a back-up; what is said of the same tables below tells what they mean and how to remove them",
        )),
        _ => None,
    };
    Ok(rows.iter().filter_map(trouble).collect())
}
