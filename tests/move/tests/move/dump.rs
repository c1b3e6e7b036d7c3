//! Everything in a database as text, read by other programs than the one under test: sqlite3 and psql.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use entrepot_test_support::Postgres;

use crate::shell::Shell;

/// What is not moved: it says something of the processes over the very database.
const STAYING: [&str; 6] = ["migrations", "jobs", "replicas", "maintenance", "moves", "holds"];

/// A table and its columns, those of the key first.
#[derive(Debug)]
pub(crate) struct Table {
    name: String,
    columns: Vec<String>,
    key: usize,
}

/// Every table that is moved, as the schema of a SQLite file has it.
pub(crate) fn tables(file: &Path) -> Result<Vec<Table>> {
    let shell = Shell::over(file);
    let names = shell.rows("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'")?;
    let mut tables = Vec::new();
    for name in names.lines().filter(|name| !STAYING.contains(name)) {
        let info = format!("SELECT name, pk FROM pragma_table_info('{name}') ORDER BY pk = 0, pk, name");
        let info = shell.rows(&info)?;
        let columns: Vec<(&str, &str)> = info.lines().filter_map(|line| line.split_once('|')).collect();
        let key = columns.iter().filter(|(_, place)| *place != "0").count();
        let columns = columns.into_iter().map(|(name, _)| name.to_owned()).collect();
        tables.push(Table { name: name.to_owned(), columns, key });
    }
    ensure!(tables.len() >= 8, "tables are missing: {tables:?}");
    Ok(tables)
}

/// Writes every row of a SQLite file: integers as they are, all else in hexadecimal, `\N` for nothing.
pub(crate) fn sqlite(file: &Path, tables: &[Table], to: &Path) -> Result<()> {
    for table in tables {
        let column = |name: &String| {
            format!(
                "CASE typeof({name}) WHEN 'null' THEN '\\N' WHEN 'integer' THEN CAST({name} AS TEXT) ELSE lower(hex({name})) END"
            )
        };
        let columns: Vec<String> = table.columns.iter().map(column).collect();
        let key = table.columns[..table.key].join(", ");
        let sql = format!("SELECT {} FROM {} ORDER BY {key}", columns.join(", "), table.name);
        Shell::over(file).export(&sql, &to.join(&table.name))?;
    }
    Ok(())
}

/// The same of a PostgreSQL database, by psql.
pub(crate) fn postgres(server: &Postgres, database: &str, tables: &[Table], to: &Path) -> Result<()> {
    for table in tables {
        let types = server.sql(
            database,
            &format!(
                "SELECT column_name, data_type FROM information_schema.columns
                WHERE table_schema = 'public' AND table_name = '{}'",
                table.name
            ),
        )?;
        let types: Vec<(&str, &str)> = types.lines().filter_map(|line| line.split_once('|')).collect();
        ensure!(types.len() == table.columns.len(), "{} has the columns {types:?}", table.name);
        let column = |name: &String| {
            let (_, of) =
                types.iter().find(|(column, _)| column == name).with_context(|| format!("no column {name}"))?;
            Ok(match *of {
                "bigint" => name.clone(),
                "text" => format!("encode(convert_to({name}, 'UTF8'), 'hex')"),
                "bytea" => format!("encode({name}, 'hex')"),
                other => anyhow::bail!("{name} is {other}"),
            })
        };
        let columns = table.columns.iter().map(column).collect::<Result<Vec<_>>>()?.join(", ");
        let key: Vec<String> = (1..=table.key).map(|at| format!("{at}")).collect();
        server.sql(
            database,
            // Hexadecimal text sorts as its bytes do, and the plain integers as numbers.
            &format!(
                "\\copy (SELECT {columns} FROM {} ORDER BY {}) TO '{}'",
                table.name,
                key.join(", "),
                to.join(&table.name).display()
            ),
        )?;
    }
    Ok(())
}

/// Compares two dumps, and gives the number of rows in all.
pub(crate) fn compare(tables: &[Table], one: &Path, other: &Path) -> Result<u64> {
    let mut rows = 0;
    for table in tables {
        let (one, other) = (File::open(one.join(&table.name))?, File::open(other.join(&table.name))?);
        let (mut one, mut other) = (BufReader::new(one).lines(), BufReader::new(other).lines());
        loop {
            match (one.next().transpose()?, other.next().transpose()?) {
                (None, None) => break,
                (Some(a), Some(b)) if a == b => rows += 1,
                (a, b) => {
                    let start = |line: Option<String>| line.map(|line| line.chars().take(200).collect::<String>());
                    anyhow::bail!("table {}: {:?} and {:?}", table.name, start(a), start(b));
                }
            }
        }
    }
    Ok(rows)
}
