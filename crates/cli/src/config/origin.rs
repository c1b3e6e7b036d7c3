//! Where a value was written.

use std::collections::BTreeMap;
use std::fmt;

/// A place that a value or a mistake came from. The order is that of precedence and of reports.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Origin {
    /// A line of the configuration file, from 1.
    File {
        /// As it was named.
        path: String,
        /// From 1.
        line: usize,
    },
    /// An environment variable.
    Environment {
        /// Its name.
        name: String,
    },
    /// A flag.
    Flag {
        /// Its name without the dashes.
        name: &'static str,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line } => write!(f, "{path}:{line}"),
            Self::Environment { name } => write!(f, "environment variable {name}"),
            Self::Flag { name } => write!(f, "flag --{name}"),
        }
    }
}

/// Where each setting came from, by key; a setting that is not in here has its default.
#[derive(Clone, Debug, Default)]
pub(super) struct Origins(pub(super) BTreeMap<String, Origin>);

impl Origins {
    /// The place in words.
    pub(super) fn describe(&self, key: &str) -> String {
        let place = self.0.get(key).map_or_else(|| "default".to_owned(), ToString::to_string);
        // A path may hold a line break, which would end the comment that this stands in.
        place.replace(char::is_control, "?")
    }
}
