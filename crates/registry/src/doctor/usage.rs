//! Whether what is written down of each namespace's bytes is what its repositories have.

use entrepot_database::{Connection, Trouble, Verdict};

use crate::usage::count::weigh;
use crate::{Error, tables};

pub(super) const SUBJECT: &str = "what namespaces use is what their repositories have";
pub(super) const TABLES: &[&str] =
    &["repositories", "blobs", "repository_blobs", "manifests", "namespace_usage", "usage_changes"];

/// Namespaces that are named at most.
const NAMED: usize = 10;

pub(super) fn verdict(connection: &Connection<'_>) -> Result<Verdict, Error> {
    if !connection.exists(&tables::USAGE_COUNTED, &[])? {
        return Ok(Verdict::Well(Some("it is counted when the registry runs".to_owned())));
    }
    let weights = weigh(connection)?;
    let wrong = weights.iter().filter(|(_, weight)| weight.there != weight.written);
    let troubles = wrong.take(NAMED).map(|(namespace, weight)| {
        Trouble::new(
            format!(
                "{namespace} has {} bytes, and {} are written down: a quota is reached too early or too late",
                weight.there, weight.written
            ),
            "let the registry, which may run, or the next one that starts, count anew: DELETE FROM namespace_usage",
        )
    });
    Ok(troubles.collect())
}
