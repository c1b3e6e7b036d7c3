//! What happened in all, for the last lines of a run.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::super::servers::Seen;
use super::faults::Event;

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
    /// The longest time until all replicas were ready again.
    longest_recovery: Duration,
}

impl Tally {
    pub(super) fn event(&mut self, event: &Event) {
        *self.events.entry(event.what.kind()).or_default() += 1;
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

    /// Several lines.
    pub(super) fn table(&self) -> String {
        let mut text: String = self.events.iter().map(|(kind, count)| format!("  {count:>5}  {kind}\n")).collect();
        text.push_str(&format!(
            "  {} operations acknowledged, {} requests without answer, {} answered with 503, {} reads tried again after all was \
             well\n  {} kills, {} replicas ended in doubt, {} purges checked, longest recovery {:.1} s",
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
