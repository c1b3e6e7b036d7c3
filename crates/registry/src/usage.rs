//! How many bytes the repositories of each namespace have: every blob and every manifest of each, as often as a repository has
//! it.
//!
//! ```text
//! push, mount, delete ──► a row of usage_changes, in the transaction that changes a repository
//!                                     │ taken in every second, or when there are many, by any process
//!                                     ▼
//!                              namespace_usage            what is used = this + the changes that are not taken in
//! ```
//!
//! A counter in one row would be in the way of everybody who pushes into the namespace. Rows that are only added are in nobody's,
//! and what reads them is outside the transactions of pushes.

pub(crate) mod count;
mod room;

use std::collections::BTreeMap;
use std::time::Duration;

use entrepot_database::{Connection, Durability};
use entrepot_oci::RepositoryName;

pub(crate) use self::room::{Remembered, Room, Thing};
use crate::{Error, Registry, parts, tables};

/// How often changes are taken in.
const TAKE_IN_EVERY: Duration = Duration::from_secs(1);
/// Of how many changes of one namespace whoever sums them up makes somebody take them in.
const MANY: i64 = 64;
/// How many are taken in at once.
const TOGETHER: i64 = 1000;

/// Writes down, in the transaction that does it, that a repository has so many bytes more.
pub(crate) fn grows(connection: &Connection<'_>, repository: &RepositoryName, bytes: u64) -> Result<(), Error> {
    change(connection, repository, parts::column(bytes)?)
}

/// The same for bytes that it has no more.
pub(crate) fn shrinks(connection: &Connection<'_>, repository: &RepositoryName, bytes: u64) -> Result<(), Error> {
    change(connection, repository, -parts::column(bytes)?)
}

fn change(connection: &Connection<'_>, repository: &RepositoryName, bytes: i64) -> Result<(), Error> {
    if bytes != 0 {
        connection.execute(&tables::ADD_USAGE_CHANGE, &[repository.namespace().into(), bytes.into()])?;
    }
    Ok(())
}

/// The bytes that the repositories of a namespace have. Whether somebody may know is the caller's to ask.
///
/// # Errors
/// What the database said.
pub fn used_bytes(connection: &Connection<'_>, namespace: &str) -> Result<u64, entrepot_database::Error> {
    Ok(used(connection, namespace)?.bytes)
}

/// What a namespace has, and what it took to find out.
#[derive(Clone, Copy, Default)]
struct Used {
    bytes: u64,
    /// Whether there were many changes that are not taken in.
    many: bool,
}

fn used(connection: &Connection<'_>, namespace: &str) -> Result<Used, entrepot_database::Error> {
    let used = connection.first(&tables::USAGE, &[namespace.into()], |row| {
        let bytes = u64::try_from(row.integer(0)?).unwrap_or_default();
        Ok::<_, entrepot_database::Error>(Used { bytes, many: row.integer(1)? >= MANY })
    });
    Ok(used?.unwrap_or_default())
}

impl Registry {
    /// Keeps what is used easy to read, for ever: counts what was there before it was counted, and takes changes in. Several
    /// processes may do so at once.
    pub async fn count_regularly(&self) {
        loop {
            match self.count().await {
                Ok(()) => {}
                Err(error) if error.is_temporary() => {
                    tracing::debug!(error = &error as &dyn std::error::Error, "usage is counted later");
                }
                Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "usage cannot be counted"),
            }
            tokio::select! {
                () = tokio::time::sleep(TAKE_IN_EVERY) => {}
                () = self.0.usage.many.notified() => {}
            }
        }
    }

    /// Counts what is there, if that was never done, and takes all changes in.
    pub(crate) async fn count(&self) -> Result<(), Error> {
        let (counted, changed) = self
            .0
            .database
            .read(|connection| {
                let counted = connection.exists(&tables::USAGE_COUNTED, &[])?;
                Ok::<_, Error>((counted, connection.exists(&tables::ANY_USAGE_CHANGE, &[])?))
            })
            .await?;
        if !counted {
            return self.0.database.write(Durability::Power, count::anew).await;
        }
        if !changed {
            return Ok(());
        }
        while self.0.database.write_loosely(Durability::Process, take_in).await? == TOGETHER as usize {}
        Ok(())
    }
}

/// Takes some changes in, and returns how many. Each is removed and added to the sum in one transaction, and is removed by one.
fn take_in(connection: &Connection<'_>) -> Result<usize, Error> {
    let changes = connection.all(&tables::TAKE_USAGE_CHANGES, &[TOGETHER.into()], |row| {
        Ok::<_, Error>((row.text(0)?.to_owned(), row.integer(1)?))
    })?;
    let mut sums = BTreeMap::<&str, i64>::new();
    for (namespace, bytes) in &changes {
        *sums.entry(namespace).or_default() += bytes;
    }
    // In the order of the names: of two that take in, none waits for the other in a circle.
    for (namespace, bytes) in sums {
        connection.execute(&tables::ADD_USAGE, &[namespace.into(), bytes.into()])?;
    }
    Ok(changes.len())
}
