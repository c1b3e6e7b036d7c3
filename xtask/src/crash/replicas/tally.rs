//! What happened in all, for the last lines of a run.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::super::servers::Seen;
use super::faults::{Event, KINDS};

/// What a process logs that notices that it was taken for dead.
const NOTICED: &str = "this process was taken for dead; it goes on under another id";
/// What is logged of a request that such a process cannot finish.
const REFUSED: &str = "this process was taken for dead, because";

/// Counts over all rounds.
#[derive(Debug, Default)]
pub(super) struct Tally {
    events: BTreeMap<&'static str, usize>,
    /// Deaths by `kill -9`, whatever it was for.
    pub(super) kills: usize,
    /// Replicas that were ended because a request had been lost at them.
    pub(super) in_doubt: usize,
    pub(super) purges: usize,
    pub(super) acknowledged: u64,
    unanswered: usize,
    refused: usize,
    repeated: usize,
    /// Processes that noticed that they had been taken for dead.
    resurrected: usize,
    /// Requests that were refused because their process had been.
    of_the_dead: usize,
    /// The longest time until all replicas were ready again.
    longest_recovery: Duration,
}

impl Tally {
    pub(super) fn event(&mut self, event: &Event) {
        if let Some(kind) = event.what.kind() {
            *self.events.entry(kind).or_default() += 1;
        }
    }

    pub(super) fn recovered(&mut self, took: Duration) {
        self.longest_recovery = self.longest_recovery.max(took);
    }

    /// Adds what the clients of a stretch of rounds saw.
    pub(super) fn seen(&mut self, seen: &Seen) {
        self.unanswered += seen.unanswered.load(Ordering::Relaxed);
        self.refused += seen.refused.load(Ordering::Relaxed);
        self.repeated += seen.repeated.load(Ordering::Relaxed);
    }

    /// Adds what the replicas of a stretch of rounds logged.
    pub(super) fn said(&mut self, log: &str) {
        self.resurrected += log.matches(NOTICED).count();
        self.of_the_dead += log.matches(REFUSED).count();
    }

    /// What never happened.
    pub(super) fn missed(&self) -> Vec<&'static str> {
        let mut missed: Vec<_> = KINDS.into_iter().filter(|kind| !self.events.contains_key(kind)).collect();
        if self.resurrected == 0 {
            missed.push("that a process notices that it was taken for dead");
        }
        missed
    }

    /// Several lines.
    pub(super) fn table(&self) -> String {
        let count = |kind: &str| self.events.get(kind).copied().unwrap_or_default();
        let mut text: String = KINDS.iter().map(|kind| format!("  {:>5}  {kind}\n", count(kind))).collect();
        text.push_str(&format!(
            "  {} processes noticed that they had been taken for dead, and refused {} requests for it\n  \
             {} operations acknowledged, {} requests without answer, {} answered with 503, {} reads tried again after all was \
             well\n  {} kills, {} replicas ended in doubt, {} purges checked, longest recovery {:.1} s",
            self.resurrected,
            self.of_the_dead,
            self.acknowledged,
            self.unanswered,
            self.refused,
            self.repeated,
            self.kills,
            self.in_doubt,
            self.purges,
            self.longest_recovery.as_secs_f64()
        ));
        text
    }
}
