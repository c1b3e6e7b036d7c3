//! What was counted for one subject.
//!
//! Time is cut into windows. What counts is what came in the present one and, of what came in the one before, the part that a window
//! which ends now would still cover if it had come evenly. So a limit does not start anew for everybody at one moment, and two
//! numbers are all that is kept.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use entrepot_database::Timestamp;
use parking_lot::Mutex;

use super::figure::Rate;
use super::subject::Subject;

/// What was counted for one subject.
pub(crate) struct Tally {
    pub(crate) subject: Subject,
    pub(crate) rate: Rate,
    windows: Mutex<Windows>,
    /// Whether it is on the list of those that are to be shared.
    listed: AtomicBool,
}

/// The present window and the one before.
#[derive(Default)]
struct Windows {
    /// How many windows there were before the present one since 1970.
    number: i64,
    present: Count,
    before: Count,
}

/// What was counted in one window.
#[derive(Clone, Copy, Default)]
struct Count {
    /// In the database, as it was read last: by all processes.
    known: i64,
    /// By this process, on its way to the database.
    under_way: i64,
    /// By this process since.
    here: i64,
}

/// What one window of a tally has for the database.
pub(crate) struct Told {
    /// When the window began.
    pub(crate) begins_at: Timestamp,
    /// How much is to be added.
    pub(crate) more: i64,
}

impl Count {
    fn total(self) -> i64 {
        (self.known + self.under_way + self.here).max(0)
    }
}

impl Windows {
    fn advance(&mut self, now: Timestamp, window: i64) {
        let number = now.micros().div_euclid(window);
        // A clock that was set back goes on in the window that had begun.
        if number > self.number {
            let adjacent = number == self.number + 1;
            self.before = if adjacent { self.present } else { Count::default() };
            self.present = Count::default();
            self.number = number;
        }
    }

    /// Microseconds of the present window that have passed.
    fn passed(&self, now: Timestamp, window: i64) -> i64 {
        (now.micros() - self.number * window).clamp(0, window)
    }

    fn used(&self, now: Timestamp, window: i64) -> i64 {
        let covered = part(self.before.total(), window - self.passed(now, window), window);
        covered.saturating_add(self.present.total())
    }

    /// How long until one more is allowed, where it is not now.
    fn wait(&self, now: Timestamp, rate: Rate) -> Duration {
        let (window, most) = (rate.micros(), i64::from(rate.most()));
        let (present, before) = (self.present.total(), self.before.total());
        // What came before is let go evenly: `total` are down to `room` after this much of the window.
        let until = |total: i64, room: i64| window - part(window, room + 1, total.max(1)).min(window) + 1;
        let at = if present < most { until(before, most - 1 - present) } else { window + until(present, most - 1) };
        Duration::from_micros((at - self.passed(now, window)).max(1).unsigned_abs())
    }

    fn window(&mut self, begins_at: Timestamp, window: i64) -> Option<&mut Count> {
        match self.number - begins_at.micros().div_euclid(window) {
            0 => Some(&mut self.present),
            1 => Some(&mut self.before),
            _ => None,
        }
    }
}

/// `amount * share / whole`, rounded down.
fn part(amount: i64, share: i64, whole: i64) -> i64 {
    let part = i128::from(amount) * i128::from(share) / i128::from(whole);
    i64::try_from(part).unwrap_or(i64::MAX)
}

impl Tally {
    pub(crate) fn new(subject: Subject, rate: Rate) -> Self {
        Self { subject, rate, windows: Mutex::default(), listed: AtomicBool::new(false) }
    }

    /// What is left.
    pub(crate) fn left(&self, now: Timestamp) -> u32 {
        let mut windows = self.windows.lock();
        windows.advance(now, self.rate.micros());
        self.rest(windows.used(now, self.rate.micros()))
    }

    /// Counts one more, and returns what is left.
    ///
    /// # Errors
    /// Nothing is left; how long until there is.
    pub(crate) fn take(&self, now: Timestamp) -> Result<u32, Duration> {
        let mut windows = self.windows.lock();
        windows.advance(now, self.rate.micros());
        let used = windows.used(now, self.rate.micros());
        if used >= i64::from(self.rate.most()) {
            return Err(windows.wait(now, self.rate));
        }
        windows.present.here += 1;
        Ok(self.rest(used + 1))
    }

    /// Counts one less.
    pub(crate) fn give_back(&self, now: Timestamp) {
        let mut windows = self.windows.lock();
        windows.advance(now, self.rate.micros());
        windows.present.here -= 1;
    }

    fn rest(&self, used: i64) -> u32 {
        u32::try_from(i64::from(self.rate.most()) - used).unwrap_or_default()
    }

    /// Puts it on the list; whether it was not there.
    pub(crate) fn list(&self) -> bool {
        !self.listed.load(Ordering::Relaxed) && !self.listed.swap(true, Ordering::AcqRel)
    }

    /// Takes it off the list.
    pub(crate) fn unlist(&self) {
        self.listed.store(false, Ordering::Release);
    }

    /// What it has for the database, which is under way from now on: of both windows, also if that is nothing.
    pub(crate) fn tell(&self, now: Timestamp) -> [Told; 2] {
        let window = self.rate.micros();
        let mut windows = self.windows.lock();
        windows.advance(now, window);
        let begins_at = |number: i64| Timestamp::from_micros(number * window);
        let number = windows.number;
        depart(&mut windows.present);
        depart(&mut windows.before);
        let (present, before) = (windows.present.under_way, windows.before.under_way);
        [Told { begins_at: begins_at(number), more: present }, Told { begins_at: begins_at(number - 1), more: before }]
    }

    /// What was under way has arrived, or has not.
    pub(crate) fn told(&self, begins_at: Timestamp, arrived: bool) {
        if let Some(count) = self.windows.lock().window(begins_at, self.rate.micros()) {
            let under_way = std::mem::take(&mut count.under_way);
            *(if arrived { &mut count.known } else { &mut count.here }) += under_way;
        }
    }

    /// So much was counted by all.
    pub(crate) fn learn(&self, begins_at: Timestamp, known: i64) {
        if let Some(count) = self.windows.lock().window(begins_at, self.rate.micros()) {
            count.known = known;
        }
    }
}

fn depart(count: &mut Count) {
    count.under_way += std::mem::take(&mut count.here);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(most: u32, seconds: u64) -> Tally {
        Tally::new(Subject::Account(1), Rate::new(most, Duration::from_secs(seconds)).unwrap())
    }

    fn at(seconds: f64) -> Timestamp {
        Timestamp::from_micros(1_000_000_000_000 + (seconds * 1e6) as i64)
    }

    #[test]
    fn so_many_are_allowed_in_a_window_and_no_more() {
        let tally = tally(3, 100);
        assert_eq!((0..3).map(|_| tally.take(at(10.0)).unwrap()).collect::<Vec<_>>(), [2, 1, 0]);
        assert!(tally.take(at(99.0)).is_err());
        assert_eq!(tally.left(at(99.0)), 0);
        // In the next window they are let go evenly.
        assert_eq!(tally.left(at(100.0)), 0);
        assert_eq!(tally.left(at(134.0)), 2);
        assert_eq!(tally.left(at(200.0)), 3);
    }

    #[test]
    fn who_waits_as_told_is_let_in_and_who_comes_earlier_is_not() {
        for (most, seconds, taken) in
            [(1, 1, 0.0), (3, 100, 10.0), (100, 21_600, 20_000.0), (7, 60, 59.9), (100_000, 60, 1.0)]
        {
            let tally = tally(most, seconds);
            for _ in 0..most {
                tally.take(at(taken)).unwrap();
            }
            let mut now = at(taken);
            // Through the end of one window and on into the next.
            for _ in 0..5 {
                let after = tally.take(now).unwrap_err();
                assert!(
                    tally.take(now.plus(after.saturating_sub(Duration::from_millis(1)))).is_err(),
                    "{most}/{seconds}"
                );
                now = now.plus(after);
                tally.take(now).unwrap_or_else(|more| panic!("{most}/{seconds}: {more:?} more after {after:?}"));
                while tally.take(now).is_ok() {}
            }
        }
    }

    #[test]
    fn what_is_given_back_is_there_again() {
        let tally = tally(1, 60);
        assert_eq!(tally.take(at(1.0)), Ok(0));
        assert!(tally.take(at(1.0)).is_err());
        tally.give_back(at(1.0));
        assert_eq!(tally.take(at(1.0)), Ok(0));
    }

    #[test]
    fn a_clock_that_was_set_back_gives_nothing() {
        let tally = tally(1, 60);
        assert_eq!(tally.take(at(130.0)), Ok(0));
        assert!(tally.take(at(1.0)).is_err());
    }

    #[test]
    fn what_others_counted_counts_and_nothing_is_lost_on_the_way() {
        let tally = tally(10, 60);
        let now = at(1.0);
        tally.take(now).unwrap();
        let [present, _] = tally.tell(now);
        assert_eq!((present.more, tally.left(now)), (1, 9), "it counts while it is under way");
        tally.take(now).unwrap();
        tally.told(present.begins_at, false);
        let [present, _] = tally.tell(now);
        assert_eq!(present.more, 2, "what did not arrive goes with the next");
        tally.told(present.begins_at, true);
        tally.learn(present.begins_at, 7);
        assert_eq!(tally.left(now), 3);
    }
}
