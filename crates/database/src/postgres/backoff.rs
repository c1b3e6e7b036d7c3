//! A pause after a connection could not be made, which all callers share: a server that is down or is just starting is not
//! stormed, and nobody waits for what will not come.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::jitter::jittered;
use crate::Error;

/// The first pause.
const SHORTEST: Duration = Duration::from_millis(50);
/// No pause is longer.
const LONGEST: Duration = Duration::from_secs(2);

/// The pause.
#[derive(Default)]
pub(super) struct BackOff(Mutex<Option<Trouble>>);

/// Nobody could connect the last time that it was tried.
struct Trouble {
    pause: Duration,
    until: Instant,
    /// Whether somebody is trying just now.
    trying: bool,
    error: Error,
}

/// The right to try.
pub(super) struct Try<'a>(&'a BackOff);

impl BackOff {
    /// Whether a connection may be tried now. In trouble only one caller at a time tries.
    ///
    /// # Errors
    /// Why the last one could not be made, while the pause lasts.
    pub(super) fn enter(&self) -> Result<Try<'_>, Error> {
        let mut state = self.0.lock();
        match state.as_mut() {
            Some(trouble) if trouble.trying || Instant::now() < trouble.until => Err(trouble.error.clone()),
            Some(trouble) => {
                trouble.trying = true;
                Ok(Try(self))
            }
            None => Ok(Try(self)),
        }
    }
}

impl Try<'_> {
    /// It worked: the trouble is over for everybody.
    pub(super) fn succeeded(self) {
        *self.0.0.lock() = None;
    }

    /// It did not.
    pub(super) fn failed(self, error: &Error) {
        let mut state = self.0.0.lock();
        let pause = state.as_ref().map_or(SHORTEST, |trouble| (trouble.pause * 2).min(LONGEST));
        *state = Some(Trouble { pause, until: Instant::now() + jittered(pause), trying: false, error: error.clone() });
    }
}

impl Drop for Try<'_> {
    fn drop(&mut self) {
        // Also when neither was said, because the one who tried panicked.
        if let Some(trouble) = self.0.0.lock().as_mut() {
            trouble.trying = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;

    #[test]
    fn in_trouble_one_at_a_time_tries_and_success_ends_it() {
        let back_off = BackOff::default();
        // Without trouble any number may.
        let (first, second) = (back_off.enter().unwrap(), back_off.enter().unwrap());
        second.succeeded();
        first.failed(&Error::new(Kind::Unavailable, "test", "refused"));
        assert!(back_off.enter().err().unwrap().to_string().contains("refused"));
        std::thread::sleep(SHORTEST);
        let alone = back_off.enter().unwrap();
        assert!(back_off.enter().is_err());
        drop(alone);
        back_off.enter().unwrap().succeeded();
        assert!(back_off.0.lock().is_none());
    }

    #[test]
    fn pauses_grow_up_to_a_limit() {
        let back_off = BackOff::default();
        for _ in 0..20 {
            Try(&back_off).failed(&Error::new(Kind::Unavailable, "test", "refused"));
        }
        let state = back_off.0.lock();
        assert!(state.as_ref().is_some_and(|trouble| trouble.pause == LONGEST));
    }
}
