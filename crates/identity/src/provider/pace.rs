//! How often a provider is asked.

use std::time::Duration;

/// How often a provider is asked for its keys, and how long they are good without it.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// How long one answer may take, from the connection to its last byte. 5 seconds.
    pub request: Duration,
    /// The time between two attempts to get the keys, whatever the tokens say: a key that is not known, or a provider that
    /// does not answer, leads to one attempt and then to none for this long. 10 seconds.
    pub gap: Duration,
    /// Keys older than this are fetched anew before they are used. 15 minutes.
    pub fresh: Duration,
    /// Where that does not succeed, keys up to this age are used nevertheless. A key that the provider withdraws while it
    /// cannot be reached stays good for as long. 6 hours.
    pub good: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            request: Duration::from_secs(5),
            gap: Duration::from_secs(10),
            fresh: Duration::from_mins(15),
            good: Duration::from_hours(6),
        }
    }
}
