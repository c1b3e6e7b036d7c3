//! Emptying the trash, by hand or because something was in it for long enough. A large repository goes in many transactions.

use std::time::Duration;

use entrepot_database::{Connection, Durability, Timestamp};
use entrepot_oci::Digest;

use super::{Deleted, Entry, TrashId, entry};
use crate::collect::{self, Collected, Deed, Doomed, Reason, Step};
use crate::gate::{Delete, Grant};
use crate::{Error, Registry, stored_digest, tables, usage};

/// Rows that go in one transaction.
const TOGETHER: i64 = 50;

/// The oldest entries from before `until`.
pub(crate) fn expired(connection: &Connection<'_>, until: Timestamp, limit: i64) -> Result<Vec<Entry>, Error> {
    connection.all(&tables::EXPIRED_TRASH, &[until.into(), limit.into()], Entry::read)
}

/// A part of an entry that went.
pub(crate) struct Emptied {
    pub(crate) steps: Vec<Step>,
    /// Whether that was all of it.
    pub(crate) whole: bool,
}

/// Removes some of an entry, for good. What it kept may then have nothing any more that does.
pub(crate) fn some(
    connection: &Connection<'_>,
    entry: &Entry,
    reason: &Reason,
    now: Timestamp,
    grace: Duration,
) -> Result<Emptied, Error> {
    let known = connection.exists(&tables::IN_TRASH, &[(&entry.id.to_string()).into()])?;
    if !known {
        return Ok(Emptied { steps: Vec::new(), whole: true });
    }
    let emptying = Emptying { entry, reason, now, grace };
    let (steps, whole) = match entry.kind {
        Deleted::Repository => emptying.repository(connection)?,
        Deleted::Manifest | Deleted::Tag => (emptying.manifests(connection)?, true),
    };
    if whole {
        for (_, manifest) in entry.tags(connection, i64::MAX)? {
            collect::loosen(connection, manifest, now)?;
        }
        entry.remove(connection)?;
        if entry.kind == Deleted::Repository {
            connection.execute(&tables::REMOVE_REPOSITORY, &[entry.repository.into()])?;
        }
    }
    Ok(Emptied { steps, whole })
}

struct Emptying<'a> {
    entry: &'a Entry,
    reason: &'a Reason,
    now: Timestamp,
    grace: Duration,
}

/// A manifest that is in the entry.
struct Inside {
    id: i64,
    digest: Digest,
    size: u64,
}

impl Emptying<'_> {
    /// The manifests of an entry, but those that an index needs which is in the trash longer: they go with that.
    fn manifests(&self, connection: &Connection<'_>) -> Result<Vec<Step>, Error> {
        let id = self.entry.id.to_string();
        let mut steps = Vec::new();
        loop {
            let inside = connection.all(&tables::MANIFESTS_IN_TRASH, &[(&id).into()], inside)?;
            let mut moved = false;
            for manifest in inside {
                let parent = connection.first(&tables::ANY_PARENT, &[manifest.id.into()], |row| {
                    Ok::<_, Error>(row.optional_text(1)?.map(str::to_owned))
                })?;
                match parent {
                    None => steps.push(self.remove(connection, &manifest)?),
                    Some(Some(here)) if here == id => continue,
                    Some(Some(other)) => {
                        connection.execute(&tables::PUT_MANIFEST_IN_TRASH, &[(&other).into(), manifest.id.into()])?;
                    }
                    // Its index was pushed again without it, as a registry with sparse manifests allows.
                    Some(None) => {
                        connection.execute(&tables::REMOVE_PARENTS, &[manifest.id.into()])?;
                        steps.push(self.remove(connection, &manifest)?);
                    }
                }
                moved = true;
            }
            if !moved {
                return Ok(steps);
            }
        }
    }

    fn remove(&self, connection: &Connection<'_>, manifest: &Inside) -> Result<Step, Error> {
        let Inside { id, digest, size } = manifest;
        let doomed = Doomed { repository: self.entry.repository, name: &self.entry.name, id: *id, digest, size: *size };
        doomed.remove(connection, self.now, self.grace)?;
        Ok(self.step(*digest, *size, Deed::RemoveManifest))
    }

    fn step(&self, digest: Digest, bytes: u64, deed: Deed) -> Step {
        Step { repository: Some(self.entry.name.to_string()), digest, bytes, deed, reason: self.reason.clone() }
    }

    /// Some of a repository's manifests; if it has none, its links; if it has none of these, the rest.
    fn repository(&self, connection: &Connection<'_>) -> Result<(Vec<Step>, bool), Error> {
        let some = [self.entry.repository.into(), TOGETHER.into()];
        let mut steps = Vec::new();
        for manifest in connection.all(&tables::MANIFESTS_OF_REPOSITORY, &some, inside)? {
            // Its indexes go too.
            connection.execute(&tables::REMOVE_PARENTS, &[manifest.id.into()])?;
            steps.push(self.remove(connection, &manifest)?);
        }
        if !steps.is_empty() {
            return Ok((steps, false));
        }
        let links = connection.all(&tables::LINKS_OF_REPOSITORY, &some, |row| {
            Ok::<_, Error>((row.integer(0)?, stored_digest(row.text(1)?)?, row.size(2)?))
        })?;
        for (blob, digest, size) in links {
            connection.execute(&tables::UNLINK_BLOB, &[self.entry.repository.into(), blob.into()])?;
            collect::drop_blob(connection, &digest.to_string())?;
            usage::shrinks(connection, &self.entry.name, size)?;
            steps.push(self.step(digest, size, Deed::UnlinkBlob));
        }
        if !steps.is_empty() {
            return Ok((steps, false));
        }
        if connection.execute(&tables::FORGET_HISTORY_OF, &some)? > 0 {
            return Ok((steps, false));
        }
        // Entries of what was deleted from it before; their manifests are gone, and their tags with them.
        let id = self.entry.id.to_string();
        connection.execute(&tables::REMOVE_TRASH_WITHIN, &[self.entry.repository.into(), (&id).into()])?;
        Ok((steps, true))
    }
}

fn inside(row: &entrepot_database::Row<'_>) -> Result<Inside, Error> {
    Ok(Inside { id: row.integer(0)?, digest: stored_digest(row.text(1)?)?, size: row.size(2)? })
}

impl Registry {
    /// Removes an entry of the trash for good. Its bytes go when the collection finds that nothing needs them.
    ///
    /// # Errors
    /// [`Error::TrashUnknown`], [`Error::DeleteDisabled`]; what the database said, and then some of it may be gone.
    pub async fn empty_trash(&self, grant: &Grant<Delete>, id: TrashId) -> Result<(), Error> {
        if !self.0.options.delete {
            return Err(Error::DeleteDisabled);
        }
        let name = grant.repository().clone();
        let entry = self.0.database.read(move |connection| entry(connection, &name, id)).await?;
        self.empty_entry(entry, Reason::TrashEmptied, &mut Collected::default()).await
    }

    /// Empties what was in the trash since before `cut`.
    pub(crate) async fn empty_expired(&self, cut: Timestamp, collected: &mut Collected) -> Result<(), Error> {
        let until = cut.minus(self.0.options.trash_for);
        loop {
            let some = self.0.database.scan(move |connection| expired(connection, until, TOGETHER)).await?;
            if some.is_empty() {
                return Ok(());
            }
            for entry in some {
                self.empty_entry(entry, Reason::TrashExpired, collected).await?;
            }
        }
    }

    async fn empty_entry(&self, entry: Entry, reason: Reason, collected: &mut Collected) -> Result<(), Error> {
        loop {
            let (doomed, why, grace) = (entry.clone(), reason.clone(), self.0.options.grace);
            let emptied =
                collect::paced(self.0.database.write(Durability::Power, move |connection| {
                    some(connection, &doomed, &why, Timestamp::now(), grace)
                }));
            let Emptied { steps, whole } = emptied.await?;
            fail::fail_point!("collect::after_trash");
            steps.into_iter().for_each(|step| collected.add(step));
            if whole {
                return Ok(());
            }
        }
    }
}
