//! What is wrong with a database, and how to mend it: `entrepot doctor`.
//!
//! Nothing is changed, and no migration is applied: a database that the registry would refuse is just the one to look at. Each
//! check looks over a connection of its own, in a transaction that is never committed, so none stands in another's way. A check
//! whose ground is missing is not made, and says so.

mod diagnosis;
mod file;
mod migrations;
mod schema;
mod server;
mod writes;

use std::collections::BTreeSet;
use std::error::Error as StdError;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use self::diagnosis::{Diagnosis, Trouble, Verdict};
use crate::cell::Cell;
use crate::connection::Over;
use crate::postgres::Connector;
use crate::sqlite::Sqlite;
use crate::{Connection, Error, Kind, PostgresOptions, Room, own};

/// How long one statement may take: some of them walk through all rows.
const STATEMENT_TIMEOUT: Duration = Duration::from_mins(10);

/// The tables in which a database keeps what it is.
const MIGRATIONS: &str = "migrations";

/// Looks at a database and changes nothing in it.
pub struct Doctor {
    place: Place,
    rooms: Vec<Room>,
    /// The tables that are there, or why nobody can tell.
    tables: Result<BTreeSet<String>, Error>,
}

#[derive(Clone)]
enum Place {
    File(PathBuf),
    Server(Box<PostgresOptions>),
}

impl Doctor {
    /// For the SQLite file at `path`, whose tables should be those of `rooms`.
    pub async fn of_file(path: &Path, rooms: &[Room]) -> Self {
        Self::at(Place::File(path.to_owned()), rooms).await
    }

    /// For a PostgreSQL database, likewise.
    pub async fn of_server(options: PostgresOptions, rooms: &[Room]) -> Self {
        Self::at(Place::Server(Box::new(options)), rooms).await
    }

    async fn at(place: Place, rooms: &[Room]) -> Self {
        let tables = look(&place, schema::tables).await;
        Self { place, rooms: own::with_own(rooms), tables }
    }

    /// Everything that can be said of a database without knowing what its rows mean.
    pub async fn examine(&self) -> Vec<Diagnosis> {
        let mut found = vec![Diagnosis { subject: "the database can be reached", verdict: self.reached() }];
        if let Place::Server(options) = &self.place {
            found.extend(self.examine_server(options).await);
        }
        let migrations = self.migrations().await;
        let rooms = match &migrations {
            Ok(applied) => applied.rooms(&self.rooms),
            Err(_) => Err("it is not known which migrations it has".to_owned()),
        };
        let verdict = migrations.map_or_else(|verdict| verdict, migrations::Applied::verdict);
        found.push(Diagnosis { subject: "migrations are those of this version", verdict });
        found.push(self.schema(rooms).await);
        found.push(self.check("writes are allowed", &["maintenance", "moves"], writes::verdict).await);
        if let Place::File(_) = &self.place {
            found.push(self.check("the file is sound", &[], file::integrity).await);
            found.push(self.check("references between rows hold", &[], file::foreign_keys).await);
        }
        found
    }

    /// One check: `work` is given a connection if the tables that it reads are there.
    pub async fn check<E, F>(&self, subject: &'static str, tables: &[&str], work: F) -> Diagnosis
    where
        E: From<Error> + StdError + Send + 'static,
        F: FnOnce(&Connection<'_>) -> Result<Verdict, E> + Send + 'static,
    {
        let verdict = match self.lacks(tables) {
            Some(reason) => Verdict::NotLookedAt(reason),
            None => self.look(work).await.unwrap_or_else(|error| Verdict::unreadable(&error)),
        };
        Diagnosis { subject, verdict }
    }

    /// Why nothing can be said of these tables; `None` if they are there.
    pub fn lacks(&self, tables: &[&str]) -> Option<String> {
        match &self.tables {
            Err(_) => Some("the database cannot be reached".to_owned()),
            Ok(there) if there.is_empty() => Some("the database has no tables".to_owned()),
            Ok(there) => {
                let missing = tables.iter().find(|table| !there.contains(**table))?;
                Some(format!("there is no table {missing}"))
            }
        }
    }

    /// Runs `work` in the blocking pool, over a connection of its own. What it changes is undone.
    ///
    /// # Errors
    /// What `work` returns, and what the database said.
    pub async fn look<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnOnce(&Connection<'_>) -> Result<T, E> + Send + 'static,
    {
        look(&self.place, work).await
    }

    fn reached(&self) -> Verdict {
        match (&self.tables, &self.place) {
            (Err(error), Place::File(path)) if !path.exists() => Verdict::wrong(
                error.message(),
                "if there should be one, look at data_dir; otherwise `entrepot serve` makes it",
            ),
            (Err(error), Place::File(_)) => Verdict::wrong(
                error.message(),
                "let the user that the registry runs as read and write the file and its directory; if the file is damaged, \
                 restore a back-up",
            ),
            (Err(error), Place::Server(_)) => Verdict::wrong(error.message(), way_in(error.kind())),
            (Ok(there), _) if there.is_empty() => Verdict::wrong(
                "it is empty",
                "if there should be something, look at database.url or data_dir; otherwise `entrepot serve` makes the tables",
            ),
            (Ok(_), _) => Verdict::well(),
        }
    }

    async fn migrations(&self) -> Result<migrations::Applied, Verdict> {
        if let Some(reason) = self.lacks(&[MIGRATIONS]) {
            return Err(Verdict::NotLookedAt(reason));
        }
        let rooms = self.rooms.clone();
        let read = self.look(move |connection| migrations::Applied::read(connection, &rooms)).await;
        read.map_err(|error: Error| Verdict::unreadable(&error))
    }

    /// `rooms` have the migrations that the database has.
    async fn schema(&self, rooms: Result<Vec<Room>, String>) -> Diagnosis {
        let subject = "tables, columns and indexes are those that the migrations make";
        match rooms {
            Ok(rooms) => self.check(subject, &[], move |connection| schema::compare(connection, &rooms)).await,
            Err(reason) => Diagnosis { subject, verdict: Verdict::NotLookedAt(reason) },
        }
    }
}

/// How to get in, after the server said no.
fn way_in(kind: Kind) -> &'static str {
    match kind {
        Kind::Busy => "raise max_connections of the server, or lower database.connections of each replica",
        Kind::Io => {
            "make the role and its database (docs/postgresql.md), and give its password in database.password_file; the \
             server's pg_hba.conf says who may come from where"
        }
        _ => {
            "start the server, or correct database.url; a firewall, and listen_addresses of the server, may be in the way too"
        }
    }
}

async fn look<T, E, F>(place: &Place, work: F) -> Result<T, E>
where
    T: Send + 'static,
    E: From<Error> + Send + 'static,
    F: FnOnce(&Connection<'_>) -> Result<T, E> + Send + 'static,
{
    let place = place.clone();
    let looked = tokio::task::spawn_blocking(move || match place {
        Place::File(path) => {
            if !path.exists() {
                return Err(Error::absent(&path).into());
            }
            let file = Sqlite::look(&path)?;
            work(&Connection::sqlite(&file))
        }
        Place::Server(options) => {
            let session = Connector::new(&options)?.connect_for(STATEMENT_TIMEOUT)?;
            // Never committed: it ends with the session.
            session.batch("BEGIN ISOLATION LEVEL REPEATABLE READ")?;
            work(&Connection::postgres(&session))
        }
    });
    looked.await.unwrap_or_else(|_| Err(Error::new(Kind::Other, "look", "the look did not end").into()))
}

/// The first column of each row, as text.
fn texts(connection: &Connection<'_>, sql: &str) -> Result<Vec<String>, Error> {
    let rows = connection.rows(sql, &[])?;
    Ok(rows.iter().filter_map(|row| row.first().and_then(Cell::text).map(str::to_owned)).collect())
}

/// The one that each engine has.
fn of_engine<T>(connection: &Connection<'_>, sqlite: T, postgres: T) -> T {
    match connection.over() {
        Over::Sqlite(_) => sqlite,
        Over::Postgres(_) => postgres,
    }
}
