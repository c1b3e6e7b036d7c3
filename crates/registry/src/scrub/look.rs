//! What a blob's bytes are now, and bringing back those of a backup.

use entrepot_database::Durability;
use entrepot_oci::Digest;

use crate::backup::transfer::{Transfer, transfer};
use crate::named::{self, Named};
use crate::parts::{self, Owner};
use crate::scrub::Pace;
use crate::{Archive, Error, Registry, quarantine, replica, reread};

/// How a blob is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// As its row and its digest say.
    Sound,
    /// Found to be wrong before, and neither pushed again nor repaired since.
    Quarantined,
    /// Not as they say, for this reason.
    Wrong(String),
}

impl Registry {
    /// Reads a blob. Failures that may pass by themselves say nothing of it.
    ///
    /// # Errors
    /// Such failures.
    pub(crate) async fn condition(&self, named: &Named, pace: &mut Pace) -> Result<Condition, Error> {
        match self.refuse_quarantined(&named.digest).await {
            Err(Error::BlobQuarantined(_)) => return Ok(Condition::Quarantined),
            other => other?,
        }
        let wrong = match reread::sized(self.0.store.get(&named.digest, &named.parts, named.size), named.size) {
            Ok(Ok(blob)) => reread::differs(&blob, &named.digest, pace).await,
            Ok(Err(why)) => Ok(Some(why)),
            Err(error) => Err(error),
        };
        match wrong {
            Ok(None) => Ok(Condition::Sound),
            Ok(Some(why)) => Ok(Condition::Wrong(why)),
            Err(error) => match reread::shrunk(self.0.store.size(&named.digest, &named.parts), named.size).await {
                Some(why) => Ok(Condition::Wrong(why)),
                None => Err(error.into()),
            },
        }
    }

    /// Copies a blob back that is in quarantine. Returns whether it is sound again.
    pub(crate) async fn repair(&self, digest: &Digest, archive: &Archive) -> Result<bool, Error> {
        let _publishing = self.0.publishing.hold(*digest).await;
        let wanted = *digest;
        let Some(named) = self.0.database.scan(move |connection| named::one(connection, &wanted)).await? else {
            return Ok(false);
        };
        let blob = archive.look.get(digest, &[], named.size);
        let parts = match transfer(blob, named.size, digest, &self.0.store).await? {
            Transfer::Done(parts) => parts,
            Transfer::Bad(why) => {
                tracing::warn!(%digest, why, "the backup cannot repair a blob");
                return Ok(false);
            }
        };
        let new = parts.to_vec();
        let recorded = self.0.database.write(Durability::Power, move |connection| {
            replica::require_writers(connection, &new)?;
            let text = wanted.to_string();
            // Somebody may have pushed it to another process meanwhile.
            if connection.exists(&quarantine::tables::HAS, &[(&text).into()])? {
                parts::add(connection, Owner::Blob(named.id), 0, &new)?;
                quarantine::release(connection, &text)?;
                return Ok::<_, Error>(true);
            }
            Ok(false)
        });
        let repaired = recorded.await?;
        if repaired {
            self.0.metrics.scrub_repaired.inc();
            tracing::info!(%digest, "a blob was repaired from a backup");
        } else {
            self.try_remove_garbage(&parts).await;
        }
        self.released(digest);
        Ok(repaired)
    }
}
