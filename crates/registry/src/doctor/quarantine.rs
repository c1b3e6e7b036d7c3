//! Whether a scrub found something that nobody has mended.

use entrepot_database::{Connection, Trouble, Verdict};

use crate::Error;
use crate::quarantine::{self, Quarantined};

pub(super) const SUBJECT: &str = "no blob is in quarantine";
pub(super) const TABLES: &[&str] = &["blobs", "quarantine"];

/// Blobs that are named at most.
const NAMED: i64 = 10;

pub(super) fn verdict(connection: &Connection<'_>) -> Result<Verdict, Error> {
    let (listed, count) = quarantine::list(connection, NAMED)?;
    let more = count.saturating_sub(listed.len() as u64);
    let mut troubles: Vec<Trouble> = listed.into_iter().map(trouble).collect();
    if more > 0 {
        troubles.push(Trouble::new(
            format!("{more} more"),
            "entrepot scrub --repair-from DIRECTORY repairs all that it can",
        ));
    }
    Ok(troubles.into_iter().collect())
}

fn trouble(Quarantined { digest, reason, .. }: Quarantined) -> Trouble {
    Trouble::new(
        format!("the blob {digest} is damaged ({reason}), and nobody gets it"),
        "push an image that has it again, or copy it back from a backup: entrepot scrub --repair-from DIRECTORY",
    )
}
