//! Why something is kept, or when it goes.

use entrepot_database::{Connection, Timestamp};
use entrepot_oci::{Digest, RepositoryName};

use super::manifests::Loose;
use super::report::Reason;
use super::{Rules, keep};
use crate::gate::{Grant, Pull};
use crate::manifests::find_anywhere;
use crate::{Error, Registry, existing_repository, stored_name, tables};

/// How many repositories are looked into at most when none is named.
const MOST_REPOSITORIES: i64 = 100;

/// These walk through all repositories.
pub(crate) mod scans {
    entrepot_database::statements! {
        REPOSITORIES_WITH = "SELECT r.name FROM repositories r WHERE r.trash_id IS NULL
            AND (EXISTS (SELECT 1 FROM manifests m WHERE m.repository_id = r.id AND m.digest = $1)
                OR EXISTS (SELECT 1 FROM repository_blobs l JOIN blobs b ON b.id = l.blob_id
                    WHERE l.repository_id = r.id AND b.digest = $1))
            ORDER BY r.name LIMIT $2";
    }
}

/// What becomes of something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It stays as long as the reason holds.
    Kept,
    /// At this time it is looked at, and condemned if nothing needs it then.
    LookedAt(Timestamp),
    /// It goes at this time, unless something needs it or somebody asks for it.
    Goes(Timestamp),
}

/// What can be said of a blob or a manifest of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The repository.
    pub repository: RepositoryName,
    /// Whether it is a manifest; otherwise it is a blob.
    pub is_manifest: bool,
    /// What becomes of it.
    pub fate: Fate,
    /// Why.
    pub reason: Reason,
}

impl Registry {
    /// What becomes of everything in the repository that has this digest, and why. Nothing, if it has no such thing.
    ///
    /// # Errors
    /// [`Error::RepositoryUnknown`].
    pub async fn explain(&self, grant: &Grant<Pull>, digest: &Digest) -> Result<Vec<Explanation>, Error> {
        let (name, digest, rules) = (grant.repository().clone(), *digest, self.rules());
        let explained = self.0.database.scan(move |connection| of(connection, &name, &digest, &rules));
        explained.await
    }

    /// The same in every repository that has such a thing, by name; in the first hundred, if there are more. Whether somebody may
    /// know is the caller's to ask.
    ///
    /// # Errors
    /// What the database said.
    pub async fn explain_everywhere(&self, digest: &Digest) -> Result<Vec<Explanation>, Error> {
        let (digest, rules) = (*digest, self.rules());
        let explained = self.0.database.scan(move |connection| {
            let text = digest.to_string();
            let parameters = [(&text).into(), MOST_REPOSITORIES.into()];
            let names = connection.all(&scans::REPOSITORIES_WITH, &parameters, |row| stored_name(row.text(0)?))?;
            let all = names.iter().map(|name| of(connection, name, &digest, &rules));
            Ok::<_, Error>(all.collect::<Result<Vec<_>, _>>()?.concat())
        });
        explained.await
    }
}

fn of(
    connection: &Connection<'_>,
    name: &RepositoryName,
    digest: &Digest,
    rules: &Rules,
) -> Result<Vec<Explanation>, Error> {
    let repository = existing_repository(connection, name)?;
    let text = digest.to_string();
    let mut all = Vec::new();
    if let Some((id, in_trash)) = find_anywhere(connection, repository, digest)? {
        let (fate, reason) = if in_trash {
            (Fate::Kept, Reason::InTrash)
        } else {
            manifest_fate(connection, repository, id, digest, rules)?
        };
        all.push(Explanation { repository: name.clone(), is_manifest: true, fate, reason });
    }
    let link = connection.first(&tables::LINK_STATE, &[(&text).into(), repository.into()], |row| {
        Ok::<_, Error>((row.integer(0)?, row.optional_integer(1)?, row.optional_integer(2)?.is_some()))
    })?;
    if let Some((blob, due, condemned)) = link {
        let kept = keep::blob(connection, repository, blob, digest)?;
        let due = due.map(Timestamp::from_micros);
        let (fate, reason) = match (kept, due) {
            (Some(reason), _) => (Fate::Kept, reason),
            (None, Some(at)) if condemned => (Fate::Goes(at), Reason::Unnamed),
            (None, Some(at)) => (Fate::LookedAt(at), Reason::Unnamed),
            (None, None) => return Err(Error::Damaged(format!("nobody looks after blob {digest} of {name}"))),
        };
        all.push(Explanation { repository: name.clone(), is_manifest: false, fate, reason });
    }
    Ok(all)
}

fn manifest_fate(
    connection: &Connection<'_>,
    repository: i64,
    id: i64,
    digest: &Digest,
    rules: &Rules,
) -> Result<(Fate, Reason), Error> {
    let loose = Loose::of(connection, id)?;
    let orphaned = loose.as_ref().is_some_and(|loose| loose.orphaned);
    if let Some(reason) = keep::manifest(connection, repository, id, digest, orphaned)? {
        return Ok((Fate::Kept, reason));
    }
    let Some(loose) = loose else { return Ok((Fate::Kept, Reason::UntaggedKept)) };
    let reason = if orphaned { Reason::OwnerGone } else { Reason::Untagged };
    match (loose.condemned_at, orphaned, rules.untagged_after) {
        (Some(at), true, _) | (Some(at), false, Some(_)) => Ok((Fate::Goes(at.plus(rules.condemned_for())), reason)),
        (None, true, _) => Ok((Fate::LookedAt(loose.since.plus(rules.grace)), reason)),
        (None, false, Some(after)) => Ok((Fate::LookedAt(loose.since.plus(after)), reason)),
        (_, false, None) => Ok((Fate::Kept, Reason::UntaggedKept)),
    }
}
