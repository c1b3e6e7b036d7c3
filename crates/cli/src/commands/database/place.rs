//! Where a database is.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use entrepot_database::{Database, End, Error, PostgresUrl};

use crate::config::Config;
use crate::data::{self, ROOMS};

const SQLITE: &str = "sqlite:";
/// How long one statement may take; `database.statement_timeout` is made for requests.
const STATEMENT_TIMEOUT: Duration = Duration::from_mins(10);
/// One reads while the other writes, and both may be on the same server.
const CONNECTIONS: usize = 4;

/// A file or a database on a server. Shown, it has no password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The file, with an absolute path.
    Sqlite(PathBuf),
    /// A database on a server.
    Postgres(Box<PostgresUrl>),
}

impl Place {
    /// What `url` says, or else the configuration.
    ///
    /// # Errors
    /// It is no address. The reason has no part of it, since that may be a password.
    pub(crate) fn named(url: Option<&str>, config: &Config) -> anyhow::Result<Self> {
        match url {
            None => match config.database.postgres() {
                Some(options) => Ok(Self::Postgres(Box::new(options.url))),
                None => Self::file(&data::file(&config.data_dir)),
            },
            Some(url) => match url.strip_prefix(SQLITE) {
                Some("") => anyhow::bail!("{SQLITE} names no file"),
                Some(path) => Self::file(Path::new(path)),
                None if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
                    let parsed = url.parse().map_err(|error: Error| anyhow::anyhow!("{}", error.message()))?;
                    Ok(Self::Postgres(Box::new(parsed)))
                }
                None => anyhow::bail!("neither sqlite:FILE nor postgres://USER@HOST/DATABASE"),
            },
        }
    }

    /// However a file is named, it is the same file.
    fn file(path: &Path) -> anyhow::Result<Self> {
        let absolute = match path.canonicalize() {
            Ok(path) => path,
            Err(_) => {
                let absolute = std::path::absolute(path).with_context(|| path.display().to_string())?;
                let (parent, name) = (absolute.parent(), absolute.file_name());
                match (parent.and_then(|parent| parent.canonicalize().ok()), name) {
                    (Some(parent), Some(name)) => parent.join(name),
                    _ => absolute,
                }
            }
        };
        Ok(Self::Sqlite(absolute))
    }

    /// That there is something to be moved. Otherwise a file would be made.
    ///
    /// # Errors
    /// There is no such file.
    pub(crate) fn exists(&self) -> anyhow::Result<()> {
        match self {
            Self::Sqlite(path) => anyhow::ensure!(path.is_file(), "there is no file {}", path.display()),
            Self::Postgres(_) => {}
        }
        Ok(())
    }

    /// Opens the database, and makes or updates its tables.
    ///
    /// # Errors
    /// What the database said.
    pub(crate) async fn open(&self, config: &Config) -> anyhow::Result<End> {
        self.connect(config).await.with_context(|| format!("cannot use the database {self}"))
    }

    /// Opens the database; a file that is not there is not made.
    ///
    /// # Errors
    /// What the database said.
    pub(crate) async fn open_if_there(&self, config: &Config) -> Result<End, Error> {
        match self {
            Self::Sqlite(path) if !path.exists() => Err(Error::absent(path)),
            _ => self.connect(config).await,
        }
    }

    async fn connect(&self, config: &Config) -> Result<End, Error> {
        let database = match self {
            Self::Sqlite(path) => Database::open(path, ROOMS)?,
            Self::Postgres(url) => {
                let mut options = config.database.postgres_at((**url).clone());
                options.connections = CONNECTIONS;
                options.statement_timeout = options.statement_timeout.max(STATEMENT_TIMEOUT);
                Database::connect(options, ROOMS).await?
            }
        };
        Ok(End { database, place: self.to_string() })
    }

    /// What is to be changed so that the registry uses it: the middle of a sentence.
    pub(crate) fn how_to_use(&self, config: &Config) -> String {
        match self {
            Self::Postgres(url) => {
                format!("set `database.url = \"{url}\"` (and database.password_file, if it needs a password)")
            }
            Self::Sqlite(path) if *path == data_file(config) => {
                "remove `database.url` from its configuration".to_owned()
            }
            Self::Sqlite(path) => format!(
                "remove `database.url` from its configuration, move {} to {}",
                path.display(),
                data_file(config).display()
            ),
        }
    }
}

fn data_file(config: &Config) -> PathBuf {
    let file = data::file(&config.data_dir);
    match Place::file(&file) {
        Ok(Place::Sqlite(absolute)) => absolute,
        _ => file,
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "{SQLITE}{}", path.display()),
            Self::Postgres(url) => url.fmt(f),
        }
    }
}
