//! Mistakes in the configuration, reported together.

use std::fmt;

use super::origin::Origin;

/// One mistake: where it is, and a sentence that says what is wrong and what would be right.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mistake {
    /// `None` if it is in a default.
    pub(super) origin: Option<Origin>,
    /// Without a final stop.
    pub(super) sentence: String,
}

/// Every mistake of a configuration, in the order file, environment, flags.
#[derive(Debug)]
pub(crate) struct Mistakes(Vec<Mistake>);

impl Mistakes {
    /// Puts them in order.
    pub(super) fn sorted(mut mistakes: Vec<Mistake>) -> Self {
        mistakes.sort();
        Self(mistakes)
    }

    /// Each with its place.
    pub(crate) fn sentences(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(Mistake::to_string)
    }
}

impl std::error::Error for Mistakes {}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(origin) = &self.origin {
            write!(f, "{origin}: ")?;
        }
        f.write_str(&self.sentence)
    }
}

/// A heading, and a line for each mistake.
impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => writeln!(f, "entrepot: the configuration has a mistake:")?,
            count => writeln!(f, "entrepot: the configuration has {count} mistakes:")?,
        }
        self.0.iter().try_for_each(|mistake| writeln!(f, "  {mistake}"))
    }
}
