//! The manifests of one repository: those that name blobs, and then the indexes, each after what it names.

use std::collections::HashSet;

use bytes::Bytes;
use entrepot_oci::{Digest, Manifest, Reference, Target};
use entrepot_registry::gate::{Grant, Pull};
use entrepot_registry::{Destination, Error as Core, ManifestPush, Precondition};
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::blobs::Trouble;
use crate::repository::At;
use crate::source::Source;
use crate::summary::User;
use crate::{Error, Import};

/// Manifests that are worked on at once.
const MANIFESTS_AT_ONCE: usize = 8;
/// Blobs of one manifest that are.
const BLOBS_AT_ONCE: usize = 4;

/// A manifest that was read.
struct Read {
    digest: Digest,
    content: Bytes,
    media_type: Option<String>,
    manifest: Manifest,
}

impl<S: Source> Import<S> {
    /// Imports the manifests that are not here. Returns all that are then.
    pub(crate) async fn manifests(&self, at: &At<'_>) -> Result<HashSet<Digest>, Error> {
        let mut here = HashSet::new();
        let mut new = Vec::new();
        for digest in &at.contents.manifests {
            if self.has_manifest(&at.pull, digest).await? {
                here.insert(*digest);
            } else {
                new.push(*digest);
            }
        }
        self.progress.manifests(here.len());
        self.summary.lock().kept_manifests += here.len() as u64;

        let mut waiting = Vec::new();
        let mut work = stream::iter(&new).map(|digest| self.first(at, digest)).buffer_unordered(MANIFESTS_AT_ONCE);
        while let Some((digest, done)) = work.try_next().await? {
            match done {
                First::Here => {
                    here.insert(digest);
                }
                First::Left => {}
                First::Waits(read) => waiting.push(*read),
            }
        }
        drop(work);
        self.indexes(at, waiting, &mut here).await?;
        self.progress.manifests(new.len());
        Ok(here)
    }

    /// Reads a manifest, and imports it if it names no other.
    async fn first(&self, at: &At<'_>, digest: &Digest) -> Result<(Digest, First), Error> {
        let read = match self.read(at, digest).await {
            Ok(read) => read,
            Err(error) => {
                self.leave(at, digest, error.left_out()?);
                return Ok((*digest, First::Left));
            }
        };
        if !read.manifest.children.is_empty() {
            return Ok((*digest, First::Waits(Box::new(read))));
        }
        let is_here = self.import(at, read).await?;
        Ok((*digest, if is_here { First::Here } else { First::Left }))
    }

    async fn read(&self, at: &At<'_>, digest: &Digest) -> Result<Read, Error> {
        let raw = self.source.manifest(at.old, digest, self.options.max_manifest_bytes).await?;
        let found = Digest::of(digest.algorithm(), &raw.content);
        if found != *digest {
            return Err(Error::unreadable("it", format!("its bytes have the digest {found}")));
        }
        let manifest = Manifest::parse(raw.media_type.as_deref(), &raw.content).map_err(Core::from)?;
        Ok(Read { digest: *digest, content: raw.content, media_type: raw.media_type, manifest })
    }

    /// Imports what names other manifests, as soon as nothing that it names is waited for.
    async fn indexes(&self, at: &At<'_>, waiting: Vec<Read>, here: &mut HashSet<Digest>) -> Result<(), Error> {
        let mut waiting = waiting;
        while !waiting.is_empty() {
            let pending: HashSet<Digest> = waiting.iter().map(|read| read.digest).collect();
            let waits = |read: &Read| read.manifest.children.iter().any(|child| pending.contains(&child.digest));
            let (rest, ready): (Vec<_>, Vec<_>) = waiting.into_iter().partition(waits);
            if ready.is_empty() {
                // No hash can do that, so it was never pushed.
                rest.iter().for_each(|read| self.leave(at, &read.digest, "it names itself".to_owned()));
                return Ok(());
            }
            for read in ready {
                let digest = read.digest;
                if self.children(at, &read, here).await? && self.import(at, read).await? {
                    here.insert(digest);
                }
            }
            waiting = rest;
        }
        Ok(())
    }

    /// Whether all manifests are here that an index needs. What it names may be a blob, too: BuildKit's cache is an index that
    /// lists layers.
    async fn children(&self, at: &At<'_>, read: &Read, here: &HashSet<Digest>) -> Result<bool, Error> {
        for Target { digest, required, .. } in &read.manifest.children {
            if here.contains(digest) {
                continue;
            }
            let why = if at.contents.manifests.contains(digest) {
                format!("it needs manifest {digest}, which was left out")
            } else if self.blob(at, digest).await?.is_ok() {
                continue;
            } else {
                format!("it needs {digest}, which is not there")
            };
            if *required {
                self.leave(at, &read.digest, why);
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Imports a manifest whose children are here, with its blobs. Returns whether it is here then.
    async fn import(&self, at: &At<'_>, read: Read) -> Result<bool, Error> {
        let Read { digest, content, media_type, manifest } = read;
        let blobs = stream::iter(&manifest.blobs)
            .map(async |target| Ok::<_, Error>((target, self.blob(at, &target.digest).await?)))
            .buffered(BLOBS_AT_ONCE);
        let had: Vec<(&Target, Result<(), Trouble>)> = blobs.try_collect().await?;
        let mut is_whole = true;
        for (target, had) in had {
            let Some(trouble) = had.err().filter(|_| target.required) else { continue };
            is_whole = false;
            match trouble {
                Trouble::Damaged(why) => self.summary.lock().damaged(target.digest, &why, user(at, &digest)),
                Trouble::Refused(why) => self.leave(at, &digest, why),
            }
        }
        if !is_whole {
            return Ok(false);
        }
        if let Some(push) = &at.push {
            let destination = Destination::Digest(digest, Vec::new());
            let precondition = Precondition::None;
            let pushed = ManifestPush { content, content_type: media_type, destination, precondition };
            if let Err(error) = self.registry.put_manifest(push, pushed).await {
                self.leave(at, &digest, Error::from(error).left_out()?);
                return Ok(false);
            }
        }
        self.summary.lock().new_manifests += 1;
        Ok(true)
    }

    async fn has_manifest(&self, pull: &Grant<Pull>, digest: &Digest) -> Result<bool, Error> {
        match self.registry.get_manifest(pull, &Reference::Digest(*digest)).await {
            Ok(_) => Ok(true),
            Err(Core::ManifestUnknown(_) | Core::RepositoryUnknown(_)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn leave(&self, at: &At<'_>, digest: &Digest, why: String) {
        self.summary.lock().leave(at.old, user(at, digest).shown(), why);
    }
}

/// What became of a manifest at first.
enum First {
    Here,
    Left,
    /// It names others.
    Waits(Box<Read>),
}

/// The manifest as one that needs something.
fn user(at: &At<'_>, digest: &Digest) -> User {
    let shows = |shown: &Result<Digest, String>| shown.as_ref() == Ok(digest);
    let tags = at.contents.tags.iter().filter(|(_, shown)| shows(shown)).map(|(tag, _)| tag.clone());
    User { repository: at.old.to_owned(), manifest: *digest, tags: tags.collect() }
}
