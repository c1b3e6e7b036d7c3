//! Whether a store can do everything that is asked of it.

use crate::error::Error;

/// One thing that the service needs of the store.
#[derive(Debug)]
pub struct Check {
    /// What was tried, as a phrase: "write a small object".
    pub what: &'static str,
    /// How it went.
    pub outcome: Outcome,
}

/// How a [`Check`] went.
#[derive(Debug)]
pub enum Outcome {
    /// It works.
    Works,
    /// The store does not have it, and does without for this reason.
    NotNeeded(&'static str),
    /// It does not work.
    Fails {
        /// What the store said.
        error: Error,
        /// What is then missing, and what to do.
        missing: &'static str,
    },
}

impl Check {
    pub(crate) fn new(what: &'static str, missing: &'static str, result: Result<(), Error>) -> Self {
        let outcome = match result {
            Ok(()) => Outcome::Works,
            Err(error) => Outcome::Fails { error, missing },
        };
        Self { what, outcome }
    }

    pub(crate) fn not_needed(what: &'static str, why: &'static str) -> Self {
        Self { what, outcome: Outcome::NotNeeded(why) }
    }

    /// Whether the service can do without, or has it.
    pub fn is_good(&self) -> bool {
        !matches!(self.outcome, Outcome::Fails { .. })
    }
}
