//! What can be wrong with a PostgreSQL server alone.

use std::time::Duration;

use super::{Diagnosis, Doctor, Trouble, Verdict};
use crate::cell::Cell;
use crate::{Connection, DEAD_AFTER, Error, Kind, PostgresOptions, Timestamp};

/// The oldest version that the tests run on, as the server counts.
const OLDEST: i64 = 15;
/// How far the clocks of the server and of this machine may be apart.
const CLOCKS: Duration = Duration::from_secs(5);
/// Connections that are left for its operator, for back-ups and for monitoring.
const SPARE: i64 = 10;

const VERSION: &str =
    "SELECT CAST(current_setting('server_version_num') AS BIGINT) / 10000, current_setting('server_version')";
const ENCODING: &str =
    "SELECT CAST(pg_encoding_to_char(encoding) AS TEXT) FROM pg_database WHERE datname = current_database()";
/// In which schema new tables come, and whether they may.
const PERMISSION: &str = "SELECT CAST(current_user AS TEXT), CAST(current_schema() AS TEXT),
    CAST(CAST(COALESCE(has_schema_privilege(current_schema(), 'CREATE'), FALSE) AS INT) AS BIGINT),
    CAST(CAST(has_database_privilege(current_database(), 'TEMPORARY') AS INT) AS BIGINT),
    CAST(current_database() AS TEXT)";
const SETTINGS: &str = "SELECT name, setting FROM pg_settings
    WHERE name IN ('fsync', 'full_page_writes', 'autovacuum') AND setting <> 'on' ORDER BY name";
/// Connections that this role may have in this database, those of others, and processes of ours.
const CONNECTIONS: &str = "SELECT CAST(LEAST(
        (SELECT SUM(CASE WHEN name = 'max_connections' THEN CAST(setting AS INT) ELSE -CAST(setting AS INT) END)
            FROM pg_settings WHERE name IN ('max_connections', 'superuser_reserved_connections', 'reserved_connections')),
        (SELECT NULLIF(datconnlimit, -1) FROM pg_database WHERE datname = current_database()),
        (SELECT NULLIF(rolconnlimit, -1) FROM pg_roles WHERE rolname = current_user)) AS BIGINT),
    (SELECT COUNT(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND datname <> current_database())";
/// Those that were heard of since the time that is the parameter.
const REPLICAS: &str = "SELECT COUNT(*) FROM replicas WHERE seen_at > $1";

impl Doctor {
    pub(super) async fn examine_server(&self, options: &PostgresOptions) -> Vec<Diagnosis> {
        let own = i64::try_from(options.connections).unwrap_or(i64::MAX).saturating_add(1);
        vec![
            self.ask_server("the server's version is one that the tests run on", version).await,
            self.ask_server("its encoding is UTF8", encoding).await,
            self.ask_server("tables can be made", permission).await,
            self.ask_server("its clock agrees with ours", clock).await,
            self.ask_server("its settings keep what was committed", settings).await,
            self.check("connections are enough", &["replicas"], move |connection| connections(connection, own)).await,
        ]
    }

    /// A check that needs no tables.
    async fn ask_server<F>(&self, subject: &'static str, work: F) -> Diagnosis
    where
        F: FnOnce(&Connection<'_>) -> Result<Verdict, Error> + Send + 'static,
    {
        let verdict = match &self.tables {
            Err(_) => Verdict::NotLookedAt("the database cannot be reached".to_owned()),
            Ok(_) => self.look(work).await.unwrap_or_else(|error| Verdict::unreadable(&error)),
        };
        Diagnosis { subject, verdict }
    }
}

fn version(connection: &Connection<'_>) -> Result<Verdict, Error> {
    let row = one(connection, VERSION)?;
    let [Cell::Integer(number), Cell::Text(called)] = row.as_slice() else { return Err(odd(&row)) };
    if *number >= OLDEST {
        return Ok(Verdict::Well(Some(called.clone())));
    }
    Ok(Verdict::wrong(format!("it is PostgreSQL {called}"), format!("upgrade it to {OLDEST} or later")))
}

fn encoding(connection: &Connection<'_>) -> Result<Verdict, Error> {
    let row = one(connection, ENCODING)?;
    let [Cell::Text(encoding)] = row.as_slice() else { return Err(odd(&row)) };
    if encoding == "UTF8" {
        return Ok(Verdict::well());
    }
    Ok(Verdict::wrong(
        format!("it is {encoding}"),
        "an encoding cannot be changed: make another database with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0",
    ))
}

fn permission(connection: &Connection<'_>) -> Result<Verdict, Error> {
    let row = one(connection, PERMISSION)?;
    let [Cell::Text(role), schema, Cell::Integer(tables), Cell::Integer(temporary), Cell::Text(database)] =
        row.as_slice()
    else {
        return Err(odd(&row));
    };
    let mut troubles = Vec::new();
    match schema.text() {
        None => troubles.push(Trouble::new(
            "the search_path names no schema that is there",
            format!("give the role its usual one: ALTER ROLE {role} RESET search_path"),
        )),
        Some(schema) if *tables == 0 => troubles.push(Trouble::new(
            format!("the role {role} may not make tables in the schema {schema}: the next upgrade will fail"),
            format!("let it own the database: ALTER DATABASE {database} OWNER TO {role}; or: GRANT CREATE ON SCHEMA {schema} TO {role}"),
        )),
        Some(_) => {}
    }
    if *temporary == 0 {
        troubles.push(Trouble::new(
            format!("the role {role} may not make temporary tables, which the doctor compares with"),
            format!("let it own the database: ALTER DATABASE {database} OWNER TO {role}; or: GRANT TEMPORARY ON DATABASE {database} TO {role}"),
        ));
    }
    Ok(troubles.into_iter().collect())
}

fn clock(connection: &Connection<'_>) -> Result<Verdict, Error> {
    let before = Timestamp::now();
    let theirs = connection.now()?;
    let after = Timestamp::now();
    if theirs.plus(CLOCKS) >= before && theirs <= after.plus(CLOCKS) {
        return Ok(Verdict::well());
    }
    let seconds = (theirs.micros() - before.micros()) / 1_000_000;
    let way = if seconds > 0 { "ahead of" } else { "behind" };
    Ok(Verdict::wrong(
        format!("it is {} s {way} this machine's", seconds.unsigned_abs()),
        "let both follow a time server (NTP); signed addresses and what the log says depend on it",
    ))
}

fn settings(connection: &Connection<'_>) -> Result<Verdict, Error> {
    let rows = connection.rows(SETTINGS, &[])?;
    let trouble = |row: &Vec<Cell>| match row.as_slice() {
        [Cell::Text(name), Cell::Text(setting)] => {
            let why = match name.as_str() {
                "autovacuum" => "tables that change often grow without an end",
                _ => "a power cut takes pushes that were acknowledged, or breaks the database",
            };
            let mend = format!("ALTER SYSTEM SET {name} = on; SELECT pg_reload_conf()");
            Some(Trouble::new(format!("{name} is {setting}: {why}"), mend))
        }
        _ => None,
    };
    Ok(rows.iter().filter_map(trouble).collect())
}

/// `own` is what each replica takes.
fn connections(connection: &Connection<'_>, own: i64) -> Result<Verdict, Error> {
    let row = one(connection, CONNECTIONS)?;
    let [Cell::Integer(limit), Cell::Integer(others)] = row.as_slice() else { return Err(odd(&row)) };
    let since = connection.now()?.minus(DEAD_AFTER);
    let alive = match connection.rows(REPLICAS, &[since.into()])?.first().and_then(|row| row.first()) {
        Some(Cell::Integer(count)) => (*count).max(1),
        cell => return Err(odd(cell.map_or(&[], std::slice::from_ref))),
    };
    let needed = (alive + 1).saturating_mul(own).saturating_add(SPARE).saturating_add(*others);
    let counted = format!(
        "{alive} replicas and one that takes another's place, {own} each, {others} of others, {SPARE} to spare"
    );
    if needed <= *limit {
        return Ok(Verdict::Well(Some(format!("{limit}, of which {needed} may be taken"))));
    }
    Ok(Verdict::wrong(
        format!("there are {limit}, and {needed} may be taken ({counted})"),
        format!(
            "raise max_connections (or the limit of the role or the database) by {}, or lower database.connections",
            needed - limit
        ),
    ))
}

fn one(connection: &Connection<'_>, sql: &str) -> Result<Vec<Cell>, Error> {
    let row = connection.rows(sql, &[])?.into_iter().next();
    row.ok_or_else(|| Error::new(Kind::Other, "look", "the server gave no row"))
}

fn odd(row: &[Cell]) -> Error {
    Error::new(Kind::Other, "look", format!("the server answered {row:?}"))
}
