//! Values of the section `log`.

use tracing_subscriber::EnvFilter;

use super::value::{Form, Kind, Unfit, Value, choose, toml_string};

/// Levels by name, least first.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Which events are logged: a level, or levels by target such as `info,entrepot_store=debug`.
///
/// It has been parsed once, so [`EnvFilter::new`] on [`Self::as_str`] leaves nothing out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LogFilter(String);

impl LogFilter {
    /// The filter in the syntax of [`EnvFilter`].
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Value for LogFilter {
    const KIND: Kind = Kind {
        allowed: "error, warn, info, debug or trace, or levels by target such as info,entrepot_store=debug",
        form: Form::Quoted,
    };

    fn parse(text: &str) -> Result<Self, Unfit> {
        // EnvFilter takes a word that is no level as a target to trace, so that `inof` would silence all the rest.
        let stray = text.split(',').find(|part| !part.contains('=') && !LEVELS.contains(part));
        if let Some(stray) = stray {
            return Err(Unfit::because(format!("{stray:?} is no level")));
        }
        EnvFilter::try_new(text).map_err(|error| Unfit::because(error.to_string()))?;
        Ok(Self(text.to_owned()))
    }

    fn to_toml(&self) -> String {
        toml_string(self.as_str())
    }
}

/// How events are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    Auto,
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

impl LogFormat {
    const CHOICES: [(&str, Self); 3] = [("auto", Self::Auto), ("text", Self::Text), ("json", Self::Json)];
}

impl Value for LogFormat {
    const KIND: Kind = Kind { allowed: "auto, text or json", form: Form::Quoted };

    fn parse(text: &str) -> Result<Self, Unfit> {
        choose(text, &Self::CHOICES)
    }

    fn to_toml(&self) -> String {
        toml_string(match self {
            Self::Auto => "auto",
            Self::Text => "text",
            Self::Json => "json",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_levels_or_directives() {
        for text in ["info", "off", "warn,entrepot_server=debug", "info,hyper=off", "entrepot_store[commit]=trace"] {
            assert_eq!(LogFilter::parse(text).unwrap().as_str(), text);
        }
        for text in ["", "inof", "INFO", "info,", "info,hyper", "hyper=loud"] {
            assert!(LogFilter::parse(text).is_err(), "{text:?}");
        }
    }
}
