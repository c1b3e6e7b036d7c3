//! So much in so long.

use std::fmt;
use std::time::Duration;

/// So many in a window of so many seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate {
    most: u32,
    seconds: u32,
}

impl Rate {
    /// The longest window: who pulled too much is not to wait longer.
    pub const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);

    /// At least one, in whole seconds from one to [`Rate::LONGEST`].
    pub fn new(most: u32, window: Duration) -> Option<Self> {
        let whole = window.subsec_nanos() == 0 && !window.is_zero() && window <= Self::LONGEST;
        let seconds = u32::try_from(window.as_secs()).ok()?;
        (most > 0 && whole).then_some(Self { most, seconds })
    }

    /// How many.
    pub const fn most(self) -> u32 {
        self.most
    }

    /// In how many seconds.
    pub const fn seconds(self) -> u32 {
        self.seconds
    }

    /// The window in microseconds, as times have it.
    pub(crate) fn micros(self) -> i64 {
        i64::from(self.seconds) * 1_000_000
    }
}

/// `100 in 6 hours`.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1)];
        let fits = units.iter().find(|(_, size)| self.seconds.is_multiple_of(*size));
        let (unit, size) = fits.unwrap_or(&("second", 1));
        match self.seconds / size {
            1 => write!(f, "{} in a{} {unit}", self.most, if *unit == "hour" { "n" } else { "" }),
            number => write!(f, "{} in {number} {unit}s", self.most),
        }
    }
}
