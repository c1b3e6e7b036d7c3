//! What a check says.

use std::error::Error;

use crate::error::with_causes;

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    /// What should hold, as a sentence without a stop: "writes are allowed".
    pub subject: &'static str,
    /// Whether it does.
    pub verdict: Verdict,
}

/// How it stands with the subject of a [`Diagnosis`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It holds; perhaps with a word on what was seen.
    Well(Option<String>),
    /// Nothing can be said of it, for this reason.
    NotLookedAt(String),
    /// It does not hold.
    Wrong(Vec<Trouble>),
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// A sentence that says what is wrong.
    pub wrong: String,
    /// A sentence that says what to do.
    pub mend: String,
}

impl Trouble {
    /// What is wrong, and what to do.
    pub fn new(wrong: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { wrong: wrong.into(), mend: mend.into() }
    }
}

impl Verdict {
    /// It holds.
    pub fn well() -> Self {
        Self::Well(None)
    }

    /// It does not hold: what is wrong, and what to do.
    pub fn wrong(wrong: impl Into<String>, mend: impl Into<String>) -> Self {
        Self::Wrong(vec![Trouble::new(wrong, mend)])
    }

    /// What the database answered instead of what was asked for.
    pub fn unreadable(error: &dyn Error) -> Self {
        Self::wrong(
            format!("it cannot be read: {}", with_causes(error)),
            "give the registry's role its tables, if permission is denied; otherwise look at the log of the database, and \
             restore a back-up if data is damaged",
        )
    }

    /// Whether nothing is wrong.
    pub fn is_well(&self) -> bool {
        !matches!(self, Self::Wrong(_))
    }
}

/// Well, if there is no trouble.
impl FromIterator<Trouble> for Verdict {
    fn from_iter<T: IntoIterator<Item = Trouble>>(troubles: T) -> Self {
        let troubles: Vec<Trouble> = troubles.into_iter().collect();
        if troubles.is_empty() { Self::well() } else { Self::Wrong(troubles) }
    }
}
