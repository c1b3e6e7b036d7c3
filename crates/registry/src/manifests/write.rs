//! The transaction of a push: everything that the manifest names is looked up, and it becomes visible with its tags.

use entrepot_database::{Connection, Timestamp};
use entrepot_oci::{Digest, Manifest, Tag, Target};

use super::{Destination, ManifestPush, Precondition, find_anywhere, find_manifest};
use crate::blobs::linked_blob;
use crate::tags::{self, Change};
use crate::{BadTarget, Error, collect, tables};

/// A manifest that is written with its tags, in one transaction.
pub(super) struct Writing<'a> {
    pub(super) push: &'a ManifestPush,
    pub(super) manifest: &'a Manifest,
    pub(super) digest: &'a Digest,
    pub(super) tags: &'a [Tag],
    pub(super) sparse: bool,
    pub(super) by: Option<&'a str>,
}

/// What the transaction did, for the cache and the answer.
pub(super) struct Written {
    pub(super) is_new: bool,
    pub(super) stale_tags: Vec<String>,
    pub(super) missing: Vec<Digest>,
}

impl Writing<'_> {
    /// Writes it into a repository.
    ///
    /// # Errors
    /// What forbids it.
    pub(super) fn write(&self, connection: &Connection<'_>, repository: i64) -> Result<Written, Error> {
        check_precondition(connection, repository, self.push)?;
        let targets = find_targets(connection, repository, self.manifest, self.sparse)?;
        let now = Timestamp::now();
        let added = self.add(connection, repository, now)?;
        let (id, stale_tags) = match added {
            Some(id) => (id, Vec::new()),
            None => self.renew(connection, repository)?,
        };
        for blob in targets.blobs {
            connection.execute(&tables::ADD_MANIFEST_BLOB, &[id.into(), blob.into(), repository.into()])?;
        }
        for child in targets.children {
            connection.execute(&tables::ADD_MANIFEST_CHILD, &[id.into(), child.into()])?;
        }
        for absent in &targets.absent {
            let absent = absent.to_string();
            connection.execute(&tables::ADD_ABSENT, &[repository.into(), (&absent).into(), id.into()])?;
        }
        let change = Change { repository, now, by: self.by };
        for tag in self.tags {
            change.set(connection, tag, &tags::Target { id, digest: *self.digest })?;
        }
        // Also one that was there: somebody wants it, whatever became of what it belongs to.
        if self.tags.is_empty() || added.is_none() {
            collect::loosen(connection, id, now)?;
        }
        Ok(Written { is_new: added.is_some(), stale_tags, missing: targets.missing })
    }

    /// Adds its row, and returns its id; `None` if there is one.
    fn add(&self, connection: &Connection<'_>, repository: i64, now: Timestamp) -> Result<Option<i64>, Error> {
        let Self { push, manifest, .. } = self;
        let text = self.digest.to_string();
        let size = i64::try_from(push.content.len()).map_err(|_| Error::Damaged("a manifest of 8 EiB".to_owned()))?;
        let subject = manifest.subject.map(|subject| subject.to_string());
        let parameters = [
            repository.into(),
            (&text).into(),
            manifest.media_type.as_str().into(),
            manifest.artifact_type.as_deref().into(),
            subject.as_deref().into(),
            size.into(),
            manifest.annotations.as_deref().into(),
            (&push.content[..]).into(),
            now.into(),
        ];
        connection.first(&tables::ADD_MANIFEST, &parameters, |row| Ok(row.integer(0)?))
    }

    /// The row that is there, out of the trash if it is in it, and the tags that show it with another type than before.
    fn renew(&self, connection: &Connection<'_>, repository: i64) -> Result<(i64, Vec<String>), Error> {
        let found = find_anywhere(connection, repository, self.digest)?;
        let (id, in_trash) = found.ok_or_else(|| Error::Damaged(format!("no row for manifest {}", self.digest)))?;
        if in_trash {
            connection.execute(&tables::TAKE_MANIFEST_OUT, &[id.into()])?;
        }
        // The same bytes may come again under another type, which is then the one to serve. Without that, setting one more
        // tag must not cost more the more tags there are.
        let manifest = self.manifest;
        let parameters = [manifest.media_type.as_str().into(), manifest.artifact_type.as_deref().into(), id.into()];
        match connection.execute(&tables::SET_MANIFEST_TYPE, &parameters)? {
            0 => Ok((id, Vec::new())),
            _ => Ok((id, tags::of_manifest(connection, id)?)),
        }
    }
}

fn check_precondition(connection: &Connection<'_>, repository: i64, push: &ManifestPush) -> Result<(), Error> {
    if push.precondition == Precondition::None {
        return Ok(());
    }
    let current = match &push.destination {
        Destination::Tag(tag) => tags::target(connection, repository, tag)?.map(|target| target.digest),
        Destination::Digest(digest, _) => find_manifest(connection, repository, &digest.to_string())?.map(|_| *digest),
    };
    let holds = match (&push.precondition, &current) {
        (Precondition::None, _) => true,
        (Precondition::Match(digests), Some(current)) => digests.contains(current),
        (Precondition::Match(_) | Precondition::Exists, None) | (Precondition::Absent, Some(_)) => false,
        (Precondition::Exists, Some(_)) | (Precondition::Absent, None) => true,
    };
    if holds { Ok(()) } else { Err(Error::PreconditionFailed { current }) }
}

/// Rows of what a manifest names.
#[derive(Default)]
struct Targets {
    blobs: Vec<i64>,
    children: Vec<i64>,
    /// Not there, and accepted: not required, or by configuration.
    absent: Vec<Digest>,
    /// Those of them that are required.
    missing: Vec<Digest>,
}

impl Targets {
    /// Notes what is not there and need not be, and returns what is wrong with a target of which `actual` bytes are there.
    fn check(&mut self, target: &Target, actual: Option<u64>, sparse: bool) -> Option<BadTarget> {
        match actual {
            Some(actual) if actual != target.size => {
                return Some(BadTarget::Size { digest: target.digest, stated: target.size, actual });
            }
            Some(_) => return None,
            None if target.required && !sparse => return Some(BadTarget::Missing(target.digest)),
            None if target.required => self.missing.push(target.digest),
            None => {}
        }
        self.absent.push(target.digest);
        None
    }
}

/// Looks up everything that the manifest names, and complains of all that is missing at once.
fn find_targets(
    connection: &Connection<'_>,
    repository: i64,
    manifest: &Manifest,
    sparse: bool,
) -> Result<Targets, Error> {
    let mut targets = Targets::default();
    let mut bad = Vec::new();
    for target in &manifest.blobs {
        let found = linked_blob(connection, &target.digest.to_string(), repository)?;
        bad.extend(targets.check(target, found.map(|(_, size)| size), sparse));
        targets.blobs.extend(found.map(|(id, _)| id));
    }
    for target in &manifest.children {
        let digest = target.digest.to_string();
        if let Some((id, size)) = find_manifest(connection, repository, &digest)? {
            bad.extend(targets.check(target, Some(size), sparse));
            targets.children.push(id);
        } else {
            // BuildKit's cache is an index that lists layers.
            let found = linked_blob(connection, &digest, repository)?;
            bad.extend(targets.check(target, found.map(|(_, size)| size), sparse));
            targets.blobs.extend(found.map(|(id, _)| id));
        }
    }
    if bad.is_empty() { Ok(targets) } else { Err(Error::ManifestTargets(bad)) }
}
