//! Times as the protocol writes them.

use std::time::{Duration, SystemTime};

/// How far a client's clock may be off.
pub(crate) const SKEW: Duration = Duration::from_mins(15);

/// Like `2026-11-23T02:43:00.000Z`.
pub(crate) fn iso(time: SystemTime) -> String {
    let (year, month, day, clock) = parts(time);
    format!("{year}-{month:02}-{day}T{clock}.000Z")
}

/// Like `20261123T024300Z`; their order as text is their order in time.
pub(crate) fn compact(time: SystemTime) -> String {
    let (year, month, day, clock) = parts(time);
    format!("{year}{month:02}{day}T{}Z", clock.replace(':', ""))
}

/// Year, month, day and `hh:mm:ss`, out of `Mon, 23 Nov 2026 02:43:00 GMT`.
fn parts(time: SystemTime) -> (String, usize, String, String) {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let text = httpdate::fmt_http_date(time);
    let mut words = text.split(' ').skip(1).map(str::to_owned);
    let mut next = || words.next().unwrap_or_default();
    let (day, month, year, clock) = (next(), next(), next(), next());
    (year, MONTHS.find(&month).unwrap_or_default() / 3 + 1, day, clock)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_401_780);
        assert_eq!(iso(time), "2026-11-23T02:43:00.000Z");
        assert_eq!(compact(time), "20261123T024300Z");
    }
}
