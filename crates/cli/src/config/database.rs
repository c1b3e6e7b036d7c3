//! Which database: the file in `data_dir`, or a PostgreSQL server.

use std::cmp::Ordering;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use entrepot_database::{PostgresOptions, PostgresUrl};

use super::reader::{Reader, Reported};
use super::secret::Secret;
use super::sections::{
    DATABASE_CA_FILE, DATABASE_CONNECTIONS, DATABASE_PASSWORD_FILE, DATABASE_STATEMENT_TIMEOUT, DATABASE_URL,
};
use super::setting::Setting;
use super::value::{Form, Kind, Unfit, Value, toml_string};

/// The variable that other programs that speak to PostgreSQL take the password from too.
const PGPASSWORD: &str = "PGPASSWORD";

/// The section `database`.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    url: Option<DatabaseUrl>,
    password_file: Option<PathBuf>,
    password: Option<Secret>,
    ca_file: Option<PathBuf>,
    connections: u32,
    statement_timeout: Duration,
}

/// A PostgreSQL address. Written out it has no password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DatabaseUrl(PostgresUrl);

impl Database {
    /// Reads all settings of the section, and the password where one is to be found.
    ///
    /// # Errors
    /// If a file cannot be read, a setting lacks `database.url`, or there are two passwords.
    pub(super) fn read(reader: &mut Reader) -> Result<Self, Reported> {
        let url = reader.given::<DatabaseUrl>(&DATABASE_URL);
        let password_file = reader.given::<PathBuf>(&DATABASE_PASSWORD_FILE);
        let ca_file = reader.given::<PathBuf>(&DATABASE_CA_FILE);
        let connections = reader.value::<u32>(&DATABASE_CONNECTIONS);
        let statement_timeout = reader.value::<Duration>(&DATABASE_STATEMENT_TIMEOUT);
        let (url, password_file, ca_file) = (url?, password_file?, ca_file?);
        for (setting, file) in [(&DATABASE_PASSWORD_FILE, &password_file), (&DATABASE_CA_FILE, &ca_file)] {
            if file.is_some() && url.is_none() {
                let sentence = format!("{} is set and {} is not: SQLite needs neither", setting.key, DATABASE_URL.key);
                return Err(reader.lack(setting.key, sentence));
            }
        }
        if let Some(path) = &ca_file {
            contents(reader, &DATABASE_CA_FILE, path)?;
        }
        let in_file =
            password_file.as_deref().map(|path| contents(reader, &DATABASE_PASSWORD_FILE, path)).transpose()?;
        let in_url = url.as_ref().is_some_and(|url| url.0.has_password());
        if in_url && in_file.is_some() {
            let sentence =
                format!("{} has a password, and {} names another", DATABASE_URL.key, DATABASE_PASSWORD_FILE.key);
            return Err(reader.mistake(DATABASE_PASSWORD_FILE.key, sentence));
        }
        let password = match in_file {
            // Editors end files with a line break that nobody means.
            Some(text) => Some(Secret::new(text.trim_end_matches(['\r', '\n']))),
            None if in_url => None,
            None => std::env::var(PGPASSWORD).ok().map(Secret::new),
        };
        Ok(Self {
            url,
            password_file,
            password,
            ca_file,
            connections: connections?,
            statement_timeout: statement_timeout?,
        })
    }

    /// Every value as TOML.
    pub(super) fn values(&self) -> [Option<String>; 5] {
        [
            self.url.as_ref().map(Value::to_toml),
            self.password_file.as_ref().map(Value::to_toml),
            self.ca_file.as_ref().map(Value::to_toml),
            Some(self.connections.to_toml()),
            Some(self.statement_timeout.to_toml()),
        ]
    }

    /// SQLite instead.
    pub(crate) fn without_server(self) -> Self {
        Self { url: None, ..self }
    }

    /// How to use the server; `None` means SQLite.
    pub(crate) fn postgres(&self) -> Option<PostgresOptions> {
        self.url.as_ref().map(|url| self.postgres_at(url.0.clone()))
    }

    /// How to use the server at `url`, which need not be the one that is set.
    pub(crate) fn postgres_at(&self, url: PostgresUrl) -> PostgresOptions {
        PostgresOptions {
            url: match &self.password {
                Some(password) if !url.has_password() => url.with_password(password.expose()),
                _ => url,
            },
            ca_file: self.ca_file.clone(),
            connections: usize::try_from(self.connections).unwrap_or(usize::MAX),
            statement_timeout: self.statement_timeout,
        }
    }
}

fn contents(reader: &mut Reader, setting: &'static Setting, path: &Path) -> Result<String, Reported> {
    fs::read_to_string(path).map_err(|error| {
        let sentence = format!("{} = {} cannot be read: {error}", setting.key, toml_string(&path.to_string_lossy()));
        reader.mistake(setting.key, sentence)
    })
}

impl Value for DatabaseUrl {
    const KIND: Kind = Kind { allowed: "an address such as postgres://user@host:5432/database", form: Form::Quoted };

    fn parse(text: &str) -> Result<Self, Unfit> {
        text.parse().map(Self).map_err(|error: entrepot_database::Error| Unfit::because(error.message()))
    }

    fn to_toml(&self) -> String {
        toml_string(&self.0.to_string())
    }
}

impl PartialOrd for DatabaseUrl {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.0.to_string().partial_cmp(&other.0.to_string())
    }
}
