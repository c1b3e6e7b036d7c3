//! Points in time, as interfaces show them.

use std::time::Duration;

use entrepot_database::Timestamp;

/// A point in time in UTC to the second (RFC 3339).
pub(crate) fn rfc3339(time: Timestamp) -> String {
    let at = std::time::UNIX_EPOCH + Duration::from_micros(time.micros().unsigned_abs());
    humantime::format_rfc3339_seconds(at).to_string()
}

/// A point in time in UTC to the minute, for people.
pub(crate) fn moment(time: Timestamp) -> String {
    let text = rfc3339(time);
    let minute = text.get(..16).unwrap_or(&text);
    format!("{} UTC", minute.replace('T', " "))
}
