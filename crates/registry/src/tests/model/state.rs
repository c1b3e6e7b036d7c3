//! What must be there, by looking at everything.

use std::collections::{BTreeMap, BTreeSet};

use entrepot_oci::Digest;

use super::universe::{self, Spec};
use crate::{Deleted, TrashId};

/// Whole hours of the time of grace, which itself ends half an hour later: so no step is exactly at its end.
pub(super) const GRACE: i64 = 100;
/// The same of the time after which untagged manifests go.
pub(super) const UNTAGGED: i64 = 150;
/// The same of the time that things are in the trash.
pub(super) const TRASH: i64 = 120;

/// A blob or a manifest of a repository.
#[derive(Clone, Copy, Debug)]
pub(super) struct Thing {
    /// When it was last needed, or asked for.
    pub(super) quiet: i64,
    pub(super) condemned: Option<i64>,
    /// Whether what it belonged to went last.
    pub(super) orphan: bool,
    /// The entry of the trash in which it is.
    pub(super) trash: Option<TrashId>,
}

impl Thing {
    pub(super) fn new(now: i64) -> Self {
        Self { quiet: now, condemned: None, orphan: false, trash: None }
    }

    fn is_needed(&mut self, now: i64) {
        self.quiet = now;
        self.condemned = None;
    }
}

/// Something that was deleted from a repository.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) kind: Deleted,
    pub(super) digest: Digest,
    pub(super) tags: BTreeMap<String, Digest>,
    pub(super) at: i64,
}

/// Names a repository: that of today, or one in the trash.
pub(super) type Key = (&'static str, Option<TrashId>);

#[derive(Clone, Debug, Default)]
pub(super) struct Repository {
    pub(super) blobs: BTreeMap<Digest, Thing>,
    /// Also those in the trash.
    pub(super) manifests: BTreeMap<Digest, Thing>,
    pub(super) tags: BTreeMap<String, Digest>,
    /// Which settings of tags were the last of each tag.
    pub(super) set: BTreeMap<String, u64>,
    pub(super) trash: BTreeMap<TrashId, Entry>,
    /// When it was deleted as a whole.
    pub(super) at: i64,
}

impl Repository {
    pub(super) fn shows(&self, manifest: &Digest) -> bool {
        self.manifests.get(manifest).is_some_and(|thing| thing.trash.is_none())
    }
}

pub(super) struct Model {
    pub(super) specs: BTreeMap<Digest, Spec>,
    pub(super) repositories: BTreeMap<Key, Repository>,
    pub(super) now: i64,
    /// How often tags were set.
    pub(super) settings: u64,
    /// Whether untagged manifests go.
    pub(super) untagged: bool,
}

impl Model {
    pub(super) fn new() -> Self {
        let specs = universe::manifests().into_iter().map(|spec| (spec.digest, spec)).collect();
        Self { specs, repositories: BTreeMap::new(), now: 0, settings: 0, untagged: false }
    }

    /// The digests of the blobs that a manifest names.
    pub(super) fn blobs_of(&self, manifest: &Digest) -> BTreeSet<Digest> {
        self.specs[manifest].blobs.iter().map(|at| universe::blob(*at)).collect()
    }

    pub(super) fn needs_blob(&self, repository: &Repository, blob: &Digest) -> bool {
        repository.manifests.keys().any(|manifest| self.blobs_of(manifest).contains(blob))
    }

    /// Whether a manifest that clients see names the blob.
    pub(super) fn shows_need(&self, repository: &Repository, blob: &Digest) -> bool {
        let mut shown = repository.manifests.keys().filter(|manifest| repository.shows(manifest));
        shown.any(|manifest| self.blobs_of(manifest).contains(blob))
    }

    pub(super) fn parents<'a>(&'a self, of: &'a Repository, child: &'a Digest) -> impl Iterator<Item = &'a Digest> {
        of.manifests.keys().filter(move |manifest| self.specs[manifest].children.contains(child))
    }

    pub(super) fn shows_parent(&self, repository: &Repository, child: &Digest) -> bool {
        self.parents(repository, child).any(|parent| repository.shows(parent))
    }

    /// Whether everything that a manifest names is there.
    pub(super) fn is_complete(&self, repository: &Repository, manifest: &Digest) -> bool {
        self.blobs_of(manifest).iter().all(|blob| repository.blobs.contains_key(blob))
            && self.specs[manifest].children.iter().all(|child| repository.shows(child))
    }

    pub(super) fn keeps(&self, repository: &Repository, manifest: &Digest) -> bool {
        let thing = &repository.manifests[manifest];
        let tagged = repository.tags.iter().any(|(tag, target)| {
            target == manifest
                && (!thing.orphan || self.owner(tag).is_none_or(|owner| repository.manifests.contains_key(&owner)))
        });
        let subject = self.specs[manifest].subject;
        thing.trash.is_some()
            || tagged
            || repository.trash.values().any(|entry| entry.tags.values().any(|target| target == manifest))
            || self.parents(repository, manifest).next().is_some()
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

    pub(super) fn remove_manifest(&mut self, key: Key, digest: &Digest) {
        let now = self.now;
        let Some(repository) = self.repositories.get_mut(&key) else { return };
        repository.manifests.remove(digest);
        repository.tags.retain(|_, target| target != digest);
        for entry in repository.trash.values_mut() {
            entry.tags.retain(|_, target| target != digest);
        }
        let mut orphans: BTreeSet<Digest> = self.specs[digest].children.iter().copied().collect();
        orphans.extend(self.specs.values().filter(|spec| spec.subject == Some(*digest)).map(|spec| spec.digest));
        let own = digest.referrers_tag();
        let belonging = repository.tags.iter().filter(|(tag, _)| tag.starts_with(own.as_str()));
        orphans.extend(belonging.map(|(_, target)| *target));
        for orphan in orphans {
            if let Some(thing) = repository.manifests.get_mut(&orphan) {
                *thing = Thing { orphan: true, trash: thing.trash, ..Thing::new(now) };
            }
        }
    }

    /// Lets a manifest out of the trash, and everything that it names.
    pub(super) fn take_out(&mut self, key: Key, digest: &Digest) {
        let (now, blobs, children) = (self.now, self.blobs_of(digest), self.specs[digest].children.clone());
        let Some(repository) = self.repositories.get_mut(&key) else { return };
        match repository.manifests.get_mut(digest) {
            Some(thing) if thing.trash.is_some() => *thing = Thing::new(now),
            _ => return,
        }
        repository.blobs.extend(blobs.into_iter().map(|blob| (blob, Thing::new(now))));
        for child in children {
            self.take_out(key, &child);
        }
    }

    /// Restores an entry; whether that could be.
    pub(super) fn restore(&mut self, key: Key, id: TrashId) -> bool {
        let repository = &self.repositories[&key];
        let entry = repository.trash[&id].clone();
        let mut there: BTreeSet<Digest> = entry.tags.values().copied().collect();
        if entry.kind == Deleted::Tag {
            let taken = |(tag, target)| repository.tags.get(tag).is_some_and(|shown| shown != target);
            if entry.tags.iter().any(taken) {
                return false;
            }
        } else {
            let inside = repository.manifests.iter().filter(|(_, thing)| thing.trash == Some(id));
            there = inside.map(|(digest, _)| *digest).chain([entry.digest]).collect();
        }
        for digest in there {
            self.take_out(key, &digest);
        }
        self.settings += 1;
        let now = self.now;
        let repository = self.repositories.entry(key).or_default();
        repository.trash.remove(&id);
        for (tag, target) in entry.tags {
            if *repository.tags.entry(tag.clone()).or_insert(target) == target {
                repository.set.insert(tag, self.settings);
            } else {
                repository.manifests.insert(target, Thing::new(now));
            }
        }
        true
    }

    /// Puts a tag into the trash.
    pub(super) fn throw_tag(&mut self, key: Key, id: TrashId, tag: String) {
        let at = self.now;
        let repository = self.repositories.entry(key).or_default();
        let Some(digest) = repository.tags.remove(&tag) else { return };
        repository.manifests.insert(digest, Thing::new(at));
        let tags = [(tag, digest)].into();
        repository.trash.insert(id, Entry { kind: Deleted::Tag, digest, tags, at });
    }

    /// Puts a manifest into the trash, with its tags.
    pub(super) fn throw_manifest(&mut self, key: Key, id: TrashId, digest: Digest) {
        let at = self.now;
        let repository = self.repositories.entry(key).or_default();
        let tags = repository.tags.clone().into_iter().filter(|(_, target)| *target == digest).collect();
        repository.tags.retain(|_, target| *target != digest);
        repository.manifests.entry(digest).and_modify(|thing| thing.trash = Some(id));
        repository.trash.insert(id, Entry { kind: Deleted::Manifest, digest, tags, at });
    }

    /// The tags that a rule lets go which keeps the last of those that begin with a `v`.
    pub(super) fn let_go(&self, repository: &Repository) -> Vec<String> {
        let ruled = repository.tags.keys().filter(|tag| tag.starts_with('v'));
        let mut order: Vec<_> = ruled.map(|tag| (repository.set[tag], tag)).collect();
        order.sort_unstable();
        order.pop();
        order.into_iter().map(|(_, tag)| tag.clone()).collect()
    }

    /// Whether nothing needs a manifest but this one tag.
    pub(super) fn is_only_for(&self, repository: &Repository, tag: &str) -> bool {
        let manifest = &repository.tags[tag];
        let subject = self.specs[manifest].subject;
        repository.tags.values().filter(|target| *target == manifest).count() == 1
            && self.parents(repository, manifest).next().is_none()
            && !subject.is_some_and(|subject| repository.manifests.contains_key(&subject))
    }

    /// Empties an entry.
    pub(super) fn empty(&mut self, key: Key, id: TrashId) {
        loop {
            let repository = &self.repositories[&key];
            let mut inside = repository.manifests.iter().filter(|(_, thing)| thing.trash == Some(id));
            let lasts = |digest: &Digest| {
                self.parents(repository, digest).map(|parent| repository.manifests[parent].trash).collect::<Vec<_>>()
            };
            // Those first that no index of the same entry names.
            let next = inside.find(|(digest, _)| !lasts(digest).contains(&Some(id))).map(|(digest, _)| *digest);
            let Some(digest) = next else { break };
            match lasts(&digest).first() {
                None => self.remove_manifest(key, &digest),
                Some(other) => {
                    let other = *other;
                    let repository = self.repositories.entry(key).or_default();
                    repository.manifests.entry(digest).and_modify(|thing| thing.trash = other);
                }
            }
        }
        let now = self.now;
        let repository = self.repositories.entry(key).or_default();
        let tags = repository.trash.remove(&id).map(|entry| entry.tags).unwrap_or_default();
        for target in tags.values() {
            repository.manifests.entry(*target).and_modify(|thing| {
                *thing = Thing { trash: thing.trash, ..Thing::new(now) };
            });
        }
    }

    fn expire(&mut self) {
        let expired = |at: i64| self.now - at > TRASH;
        self.repositories.retain(|(_, trash), repository| trash.is_none() || !expired(repository.at));
        let entries: Vec<_> = self
            .repositories
            .iter()
            .flat_map(|(key, repository)| repository.trash.iter().map(|(id, entry)| (entry.at, *id, *key)))
            .filter(|(at, ..)| expired(*at))
            .collect();
        for (_, id, key) in entries {
            self.empty(key, id);
        }
    }

    /// What a collection does.
    pub(super) fn collect(&mut self) {
        self.expire();
        let (now, untagged) = (self.now, self.untagged);
        for key in self.repositories.keys().copied().collect::<Vec<_>>() {
            let repository = &self.repositories[&key];
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
            let sentences = condemned.into_iter().map(|digest| (digest, Some(now)));
            let things = &mut self.repositories.entry(key).or_default().manifests;
            for (digest, at) in sentences.chain(pardoned.into_iter().map(|digest| (digest, None))) {
                things.entry(digest).and_modify(|thing| thing.condemned = at);
            }
            for digest in removed {
                self.remove_manifest(key, &digest);
            }
        }
        for key in self.repositories.keys().copied().collect::<Vec<_>>() {
            let repository = &self.repositories[&key];
            let unneeded: Vec<_> =
                repository.blobs.keys().filter(|blob| !self.needs_blob(repository, blob)).copied().collect();
            let blobs = &mut self.repositories.entry(key).or_default().blobs;
            for digest in unneeded {
                match blobs[&digest] {
                    Thing { condemned: Some(at), .. } if now - at > GRACE => drop(blobs.remove(&digest)),
                    Thing { condemned: None, quiet, .. } if now - quiet > GRACE => {
                        blobs.entry(digest).and_modify(|thing| thing.condemned = Some(now));
                    }
                    _ => {}
                }
            }
        }
    }

    /// The blobs whose bytes must be there: also those that only a manifest in the trash needs.
    pub(super) fn stored(&self) -> BTreeSet<Digest> {
        let of = |repository: &Repository| {
            let named = repository.manifests.keys().flat_map(|manifest| self.blobs_of(manifest));
            repository.blobs.keys().copied().chain(named).collect::<Vec<_>>()
        };
        self.repositories.values().flat_map(of).collect()
    }
}
