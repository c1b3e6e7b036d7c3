//! Values of paths, queries and bodies that are parsed on the way in, so that a mistake names its field.

use std::fmt::Display;
use std::str::FromStr;

use entrepot_access::{LIBRARY, Name};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// A text of the request as what it stands for.
#[derive(Clone, Debug)]
pub(super) struct Parsed<T>(pub(super) T);

impl<'de, T> Deserialize<'de> for Parsed<T>
where
    T: FromStr,
    T::Err: Display,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(D::Error::custom)
    }
}

/// The name of a namespace: a person's, an organization's, or the library.
#[derive(Clone, Debug)]
pub(super) struct NamespaceName(String);

impl NamespaceName {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for NamespaceName {
    type Err = <Name as FromStr>::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text != LIBRARY {
            text.parse::<Name>()?;
        }
        Ok(Self(text.to_owned()))
    }
}

/// A short text that is looked for as it stands.
#[derive(Clone, Debug)]
pub(super) struct Line(pub(super) String);

/// A text that is no line.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("it has to be one line of 400 bytes at most")]
pub(super) struct InvalidLine;

impl FromStr for Line {
    type Err = InvalidLine;

    fn from_str(text: &str) -> Result<Self, InvalidLine> {
        let short = text.len() <= 400 && !text.contains(char::is_control);
        if short { Ok(Self(text.to_owned())) } else { Err(InvalidLine) }
    }
}
