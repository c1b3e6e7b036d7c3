//! One limit, for all for whom it counts.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use entrepot_database::Timestamp;
use quick_cache::sync::Cache;

use super::figure::Rate;
use super::share::List;
use super::subject::Subject;
use super::tally::Tally;

/// Subjects that are counted; the least used are forgotten first, so that who comes from a million addresses fills no memory.
const COUNTED: usize = 50_000;

/// One limit.
pub(crate) struct Limiter {
    rate: Rate,
    tallies: Cache<Subject, Arc<Tally>>,
    list: Option<List>,
}

impl Limiter {
    /// One that is shared between processes if there is a list.
    pub(crate) fn new(rate: Rate, list: Option<List>) -> Self {
        Self { rate, tallies: Cache::new(COUNTED), list }
    }

    pub(crate) fn rate(&self) -> Rate {
        self.rate
    }

    /// What is counted for `subject`.
    pub(crate) fn tally(&self, subject: &Subject) -> Arc<Tally> {
        let new = || Ok::<_, Infallible>(Arc::new(Tally::new(subject.clone(), self.rate)));
        let Ok(tally) = self.tallies.get_or_insert_with(subject, new);
        tally
    }

    /// What is left for `subject`.
    pub(crate) fn left(&self, subject: &Subject, now: Timestamp) -> u32 {
        let tally = self.tally(subject);
        self.share(&tally);
        tally.left(now)
    }

    /// Counts one more, and returns what is left.
    ///
    /// # Errors
    /// Nothing is left; how long until there is.
    pub(crate) fn take(&self, tally: &Arc<Tally>, now: Timestamp) -> Result<u32, Duration> {
        let taken = tally.take(now);
        self.share(tally);
        taken
    }

    /// Counts one less.
    pub(crate) fn give_back(&self, tally: &Arc<Tally>, now: Timestamp) {
        tally.give_back(now);
        self.share(tally);
    }

    fn share(&self, tally: &Arc<Tally>) {
        if let Some(list) = &self.list {
            list.add(tally);
        }
    }
}
