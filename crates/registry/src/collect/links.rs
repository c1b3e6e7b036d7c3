//! Links of blobs: which repository has which blob. A link that no manifest needs is condemned, and goes a grace later.

use entrepot_database::{Connection, Durability, Timestamp};
use entrepot_oci::{Digest, RepositoryName};

use super::report::{Collected, Deed, Reason, Step};
use super::{PAGE, Rules, Work, keep, loose};
use crate::{Error, Registry, stored_digest, stored_name, tables, usage};

/// A link that is to be looked at.
#[derive(Clone)]
pub(super) struct Due {
    repository: i64,
    name: RepositoryName,
    blob: i64,
    digest: Digest,
    size: u64,
}

/// The first links that are due at `now`.
pub(super) fn due(connection: &Connection<'_>, now: Timestamp, limit: i64) -> Result<Vec<Due>, Error> {
    connection.all(&tables::DUE_LINKS, &[now.into(), limit.into()], |row| {
        Ok(Due {
            repository: row.integer(0)?,
            name: stored_name(row.text(1)?)?,
            blob: row.integer(2)?,
            digest: stored_digest(row.text(3)?)?,
            size: row.size(4)?,
        })
    })
}

impl Due {
    /// Does what is to be done with it, if it still is to be looked at.
    pub(super) fn look(
        &self,
        connection: &Connection<'_>,
        rules: &Rules,
        cut: Timestamp,
    ) -> Result<Option<Step>, Error> {
        let key = [self.repository.into(), self.blob.into()];
        let state = connection.first(&tables::DUE_LINK, &[&key[..], &[cut.into()]].concat(), |row| {
            Ok::<_, Error>(row.optional_integer(0)?.is_some())
        })?;
        let Some(condemned) = state else { return Ok(None) };
        if keep::blob(connection, self.repository, self.blob, &self.digest)?.is_some() {
            connection.execute(&tables::NEED_LINK, &key)?;
            return Ok(None);
        }
        let deed = if condemned {
            connection.execute(&tables::UNLINK_BLOB, &key)?;
            usage::shrinks(connection, &self.name, self.size)?;
            loose::drop_blob(connection, &self.digest.to_string())?;
            Deed::UnlinkBlob
        } else {
            let now = connection.now()?;
            let times = [now.into(), now.plus(rules.condemned_for()).into()];
            connection.execute(&tables::CONDEMN_LINK, &[&times[..], &key].concat())?;
            Deed::CondemnBlob
        };
        Ok(Some(Step {
            repository: Some(self.name.to_string()),
            digest: self.digest,
            bytes: self.size,
            deed,
            reason: Reason::Unnamed,
        }))
    }
}

impl Work for Due {
    async fn look_at(
        registry: &Registry,
        due: Vec<Self>,
        cut: Timestamp,
        collected: &mut Collected,
    ) -> Result<(), Error> {
        let (rules, links) = (registry.rules(), due.clone());
        let looked = registry.0.database.write(Durability::Power, move |connection| {
            links.iter().map(|link| link.look(connection, &rules, cut)).collect::<Result<Vec<_>, Error>>()
        });
        let steps = looked.await?;
        fail::fail_point!("collect::after_links");
        for (link, step) in due.iter().zip(steps) {
            if let Some(step) = step {
                // Whoever asks from now on reads the row, and sees that it is condemned or gone.
                registry.0.cache.forget_blob(&link.name, &link.digest);
                collected.add(step);
            }
        }
        Ok(())
    }
}

impl Registry {
    pub(super) async fn collect_links(&self, cut: Timestamp, collected: &mut Collected) -> Result<(), Error> {
        loop {
            let due = self.0.database.scan(move |connection| due(connection, cut, PAGE)).await?;
            if due.is_empty() {
                return Ok(());
            }
            self.look_at(&due, cut, collected).await?;
        }
    }
}
