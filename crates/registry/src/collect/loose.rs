//! Writing down, in the transaction that makes it so, that something may have become garbage; and removing a manifest, which
//! does most of that.

use std::time::Duration;

use entrepot_database::{Connection, Timestamp};
use entrepot_oci::{Digest, RepositoryName};

use super::satellite;
use crate::manifests::find_anywhere;
use crate::{Error, quarantine, stored_digest, tables, usage};

/// A manifest may have no name any more; or it was pushed, which counts as anew.
pub(crate) fn loosen(connection: &Connection<'_>, manifest: i64, now: Timestamp) -> Result<(), Error> {
    connection.execute(&tables::LOOSEN, &[manifest.into(), now.into()])?;
    Ok(())
}

/// A blob may be in no repository any more.
pub(crate) fn drop_blob(connection: &Connection<'_>, digest: &str) -> Result<(), Error> {
    connection.execute(&tables::DROP_BLOB, &[digest.into()])?;
    Ok(())
}

/// A manifest of a repository that is to be removed.
pub(crate) struct Doomed<'a> {
    pub(crate) repository: i64,
    pub(crate) name: &'a RepositoryName,
    pub(crate) id: i64,
    pub(crate) digest: &'a Digest,
    pub(crate) size: u64,
}

impl Doomed<'_> {
    /// Removes it with its tags, for good. What it kept may have nothing any more that does: its blobs, the manifests that it
    /// names, and those that refer to it.
    pub(crate) fn remove(&self, connection: &Connection<'_>, now: Timestamp, grace: Duration) -> Result<(), Error> {
        let digest = self.digest.to_string();
        let due = now.plus(grace);
        let blobs = connection.all(&tables::BLOBS_OF_MANIFEST, &[self.id.into()], |row| {
            Ok::<_, Error>((row.integer(0)?, row.text(1)?.to_owned()))
        })?;
        for (blob, digest) in &blobs {
            self.release_blob(connection, *blob, digest, due)?;
        }
        let children =
            connection.all(&tables::CHILDREN_OF_MANIFEST, &[self.id.into()], |row| Ok::<_, Error>(row.integer(0)?))?;
        let parameters = [self.repository.into(), (&digest).into()];
        let referrers = connection.all(&tables::REFERRER_IDS, &parameters, |row| Ok::<_, Error>(row.integer(0)?))?;
        let satellites = satellite::of(connection, self.repository, self.digest)?;
        for orphan in [children, referrers, satellites].concat().into_iter().filter(|orphan| *orphan != self.id) {
            connection.execute(&tables::ORPHAN, &[orphan.into(), now.into()])?;
        }
        self.release_expected(connection, now, due)?;
        self.remove_rows(connection)?;
        // Also when a link went before: the row that named it held the blob.
        usage::shrinks(connection, self.name, self.size)
    }

    fn release_blob(&self, connection: &Connection<'_>, blob: i64, digest: &str, due: Timestamp) -> Result<(), Error> {
        let parameters = [due.into(), self.repository.into(), blob.into()];
        match connection.execute(&tables::MAKE_LINK_DUE, &parameters)? {
            // It was deleted from the repository while this was in the trash.
            0 => drop_blob(connection, digest),
            _ => Ok(()),
        }
    }

    /// What it named that was not there when it was pushed, and may have come since.
    fn release_expected(&self, connection: &Connection<'_>, now: Timestamp, due: Timestamp) -> Result<(), Error> {
        let absent =
            connection.all(&tables::ABSENT_OF_MANIFEST, &[self.id.into()], |row| stored_digest(row.text(0)?))?;
        for digest in absent {
            let text = digest.to_string();
            if let Some((manifest, _)) = find_anywhere(connection, self.repository, &digest)? {
                loosen(connection, manifest, now)?;
            }
            if let Some((blob, _)) = quarantine::linked(connection, &text, self.repository)? {
                self.release_blob(connection, blob, &text, due)?;
            }
        }
        Ok(())
    }

    fn remove_rows(&self, connection: &Connection<'_>) -> Result<(), Error> {
        let hanging = [
            tables::REMOVE_TAGS_OF_MANIFEST,
            tables::REMOVE_TRASH_TAGS_OF_MANIFEST,
            tables::REMOVE_MANIFEST_BLOBS,
            tables::REMOVE_MANIFEST_CHILDREN,
            tables::REMOVE_ABSENT,
            tables::FORGET_PULL,
            tables::NEED_MANIFEST,
            tables::REMOVE_MANIFEST,
        ];
        for statement in &hanging {
            connection.execute(statement, &[self.id.into()])?;
        }
        Ok(())
    }
}
