//! What must be there, by looking at everything.

use std::collections::{BTreeMap, BTreeSet};

use entrepot_oci::Digest;

use super::universe::{self, Spec};

/// Whole hours of the time of grace, which itself ends half an hour later: so no step is exactly at its end.
pub(super) const GRACE: i64 = 100;
/// The same of the time after which untagged manifests go.
pub(super) const UNTAGGED: i64 = 150;

/// A blob or a manifest of a repository.
#[derive(Clone, Copy, Debug)]
pub(super) struct Thing {
    /// When it was last needed, or asked for.
    pub(super) quiet: i64,
    pub(super) condemned: Option<i64>,
    /// Whether what it belonged to went last.
    pub(super) orphan: bool,
}

impl Thing {
    pub(super) fn new(now: i64) -> Self {
        Self { quiet: now, condemned: None, orphan: false }
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Repository {
    pub(super) blobs: BTreeMap<Digest, Thing>,
    pub(super) manifests: BTreeMap<Digest, Thing>,
    pub(super) tags: BTreeMap<String, Digest>,
}

pub(super) struct Model {
    pub(super) specs: BTreeMap<Digest, Spec>,
    pub(super) repositories: BTreeMap<&'static str, Repository>,
    pub(super) now: i64,
    /// Whether untagged manifests go.
    pub(super) untagged: bool,
}

impl Model {
    pub(super) fn new() -> Self {
        let specs = universe::manifests().into_iter().map(|spec| (spec.digest, spec)).collect();
        Self { specs, repositories: BTreeMap::new(), now: 0, untagged: false }
    }

    /// The digests of the blobs that a manifest names.
    fn blobs_of(&self, manifest: &Digest) -> impl Iterator<Item = Digest> {
        self.specs[manifest].blobs.iter().map(|at| universe::blob(*at))
    }

    pub(super) fn needs_blob(&self, repository: &Repository, blob: &Digest) -> bool {
        repository.manifests.keys().any(|manifest| self.blobs_of(manifest).any(|named| named == *blob))
    }

    pub(super) fn parent(&self, repository: &Repository, child: &Digest) -> bool {
        repository.manifests.keys().any(|manifest| self.specs[manifest].children.contains(child))
    }

    /// Whether everything that a manifest names is there.
    pub(super) fn is_complete(&self, repository: &Repository, manifest: &Digest) -> bool {
        self.blobs_of(manifest).all(|blob| repository.blobs.contains_key(&blob))
            && self.specs[manifest].children.iter().all(|child| repository.manifests.contains_key(child))
    }

    pub(super) fn keeps(&self, repository: &Repository, manifest: &Digest) -> bool {
        let orphan = repository.manifests[manifest].orphan;
        let tagged = repository.tags.iter().any(|(tag, target)| {
            target == manifest
                && (!orphan || self.owner(tag).is_none_or(|owner| repository.manifests.contains_key(&owner)))
        });
        let subject = self.specs[manifest].subject;
        tagged
            || self.parent(repository, manifest)
            || subject.is_some_and(|subject| repository.manifests.contains_key(&subject))
    }

    /// To what the tag says that it belongs.
    fn owner(&self, tag: &str) -> Option<Digest> {
        let belongs = |digest: &&Digest| tag.starts_with(digest.referrers_tag().as_str());
        self.specs.keys().find(belongs).copied()
    }

    /// Notes of everything that is needed that it is needed now.
    pub(super) fn settle(&mut self) {
        let mut repositories = std::mem::take(&mut self.repositories);
        for repository in repositories.values_mut() {
            let blobs: Vec<_> =
                repository.blobs.keys().filter(|blob| self.needs_blob(repository, blob)).copied().collect();
            let manifests: Vec<_> =
                repository.manifests.keys().filter(|manifest| self.keeps(repository, manifest)).copied().collect();
            for digest in blobs {
                repository.blobs.entry(digest).and_modify(|thing| thing.is_needed(self.now));
            }
            for digest in manifests {
                repository.manifests.entry(digest).and_modify(|thing| thing.is_needed(self.now));
            }
        }
        self.repositories = repositories;
    }

    pub(super) fn remove_manifest(&mut self, name: &'static str, digest: &Digest) {
        let now = self.now;
        let Some(repository) = self.repositories.get_mut(name) else { return };
        repository.manifests.remove(digest);
        repository.tags.retain(|_, target| target != digest);
        let mut orphans: BTreeSet<Digest> = self.specs[digest].children.iter().copied().collect();
        orphans.extend(self.specs.values().filter(|spec| spec.subject == Some(*digest)).map(|spec| spec.digest));
        let own = digest.referrers_tag();
        let belonging = repository.tags.iter().filter(|(tag, _)| tag.starts_with(own.as_str()));
        orphans.extend(belonging.map(|(_, target)| *target));
        for orphan in orphans {
            if let Some(thing) = repository.manifests.get_mut(&orphan) {
                *thing = Thing { orphan: true, ..Thing::new(now) };
            }
        }
    }

    /// What a collection does.
    pub(super) fn collect(&mut self) {
        let (now, untagged) = (self.now, self.untagged);
        for name in universe::REPOSITORIES {
            let Some(repository) = self.repositories.get(name) else { continue };
            let mut removed = Vec::new();
            let mut condemned = Vec::new();
            let mut pardoned = Vec::new();
            for (digest, thing) in &repository.manifests {
                if self.keeps(repository, digest) {
                    continue;
                }
                let goes = thing.orphan || untagged;
                let quiet = now - thing.quiet;
                match thing.condemned {
                    Some(at) if now - at > GRACE && goes => removed.push(*digest),
                    Some(at) if now - at > GRACE => pardoned.push(*digest),
                    None if thing.orphan && quiet > GRACE || untagged && quiet > UNTAGGED => condemned.push(*digest),
                    _ => {}
                }
            }
            let things = &mut self.repositories.get_mut(name).unwrap().manifests;
            for (digest, at) in
                condemned.iter().map(|digest| (digest, Some(now))).chain(pardoned.iter().map(|d| (d, None)))
            {
                things.get_mut(digest).unwrap().condemned = at;
            }
            for digest in removed {
                self.remove_manifest(name, &digest);
            }
        }
        for name in universe::REPOSITORIES {
            let Some(mut repository) = self.repositories.remove(name) else { continue };
            let unneeded: Vec<_> =
                repository.blobs.keys().filter(|blob| !self.needs_blob(&repository, blob)).copied().collect();
            for digest in unneeded {
                let thing = repository.blobs.get_mut(&digest).unwrap();
                match thing.condemned {
                    Some(at) if now - at > GRACE => {
                        repository.blobs.remove(&digest);
                    }
                    None if now - thing.quiet > GRACE => thing.condemned = Some(now),
                    _ => {}
                }
            }
            self.repositories.insert(name, repository);
        }
    }

    /// The blobs whose bytes must be there.
    pub(super) fn stored(&self) -> BTreeSet<Digest> {
        self.repositories.values().flat_map(|repository| repository.blobs.keys().copied()).collect()
    }
}

impl Thing {
    fn is_needed(&mut self, now: i64) {
        self.quiet = now;
        self.condemned = None;
    }
}
