//! Where the server is, and how it is used.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::TargetSessionAttrs;

use crate::{Error, Kind};

/// The address of a PostgreSQL database, with user and perhaps password: `postgres://user:password@host:5432/database`.
///
/// Shown, it has no password.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl {
    text: String,
    config: Config,
}

/// How a PostgreSQL database is used.
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    /// Where it is.
    pub url: PostgresUrl,
    /// PEM file with the certificates that sign the server's; `None` means those that the system trusts.
    pub ca_file: Option<PathBuf>,
    /// Most connections at once. One more is kept for what the process does for itself: telling that it lives, and readiness.
    pub connections: usize,
    /// How long one statement may take.
    pub statement_timeout: Duration,
}

impl PostgresUrl {
    /// Whether it has a password in it.
    pub fn has_password(&self) -> bool {
        self.config.get_password().is_some()
    }

    /// The same with this password.
    #[must_use]
    pub fn with_password(mut self, password: &str) -> Self {
        self.config.password(password);
        self
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }
}

impl FromStr for PostgresUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refuse = |why: &str| Err(Error::new(Kind::Other, "address", why));
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return refuse("it does not begin with postgres://");
        }
        // The library's reason may repeat a part of the text, and that part may be the password's.
        let Ok(mut config) = text.parse::<Config>() else {
            return refuse(
                "it is not of the form postgres://user@host:port/database?parameter=value, with parameters that are known",
            );
        };
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return refuse("it names no host");
        }
        if config.get_dbname().is_none() {
            return refuse("it names no database");
        }
        if config.get_user().is_none() {
            return refuse("it names no user");
        }
        if config.get_application_name().is_none() {
            config.application_name("entrepot");
        }
        // Of several hosts only the primary can be written to.
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        Ok(Self { text: without_password(text), config })
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The URL without what stands between the user and `@`, and without the parameter `password`.
fn without_password(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("postgres", url));
    let (before, query) = rest.split_once('?').map_or((rest, None), |(before, query)| (before, Some(query)));
    let shown = match before.rsplit_once('@') {
        Some((credentials, place)) => {
            let user = credentials.split_once(':').map_or(credentials, |(user, _)| user);
            format!("{scheme}://{user}@{place}")
        }
        None => format!("{scheme}://{before}"),
    };
    let kept: Vec<&str> = query
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty() && !pair.starts_with("password="))
        .collect();
    if kept.is_empty() { shown } else { format!("{shown}?{}", kept.join("&")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_not_shown() {
        for (text, shown) in [
            ("postgres://ann:s3cret@db:5432/entrepot", "postgres://ann@db:5432/entrepot"),
            ("postgresql://ann:s3%40cret@db/entrepot?sslmode=require", "postgresql://ann@db/entrepot?sslmode=require"),
            (
                "postgres://ann@db/entrepot?password=s3cret&sslmode=disable",
                "postgres://ann@db/entrepot?sslmode=disable",
            ),
            ("postgres://ann@db/entrepot?password=s3cret", "postgres://ann@db/entrepot"),
            ("postgres:///entrepot?user=ann&host=db&password=s3cret", "postgres:///entrepot?user=ann&host=db"),
        ] {
            let url: PostgresUrl = text.parse().unwrap();
            assert!(url.has_password(), "{text}");
            assert_eq!(url.to_string(), shown);
            assert!(!format!("{url:?}").contains("cret"), "{url:?}");
            // What is shown is itself an address, of the same place.
            let again: PostgresUrl = shown.parse().unwrap();
            assert_eq!(again.to_string(), shown);
            assert_eq!(again.config().get_hosts(), url.config().get_hosts());
            let options = PostgresOptions {
                url: again.with_password("s3cret"),
                ca_file: None,
                connections: 1,
                statement_timeout: Duration::from_secs(1),
            };
            assert!(!format!("{options:?}").contains("cret"), "{options:?}");
        }
    }

    #[test]
    fn what_is_no_address_says_why_and_not_the_password() {
        for (text, reason) in [
            ("mysql://ann:s3cret@db/entrepot", "postgres://"),
            ("postgres://ann:s3cret@db/", "no database"),
            ("postgres:///entrepot?user=ann&password=s3cret", "no host"),
            ("postgres://db/entrepot?password=s3cret", "no user"),
            ("postgres://ann:s3cret@db:port/entrepot", "of the form"),
            ("postgres://ann:s3cret@db/entrepot?sslmode=s3cret", "of the form"),
            ("postgres://ann:s3cret@db/entrepot?s3cret=1", "of the form"),
        ] {
            let error = text.parse::<PostgresUrl>().unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
            assert!(!error.contains("cret"), "{text}: {error}");
        }
    }
}
