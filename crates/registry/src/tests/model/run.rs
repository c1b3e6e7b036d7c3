//! One history: each step is done to the registry and to the model, and then both must be the same.

use std::collections::{BTreeMap, BTreeSet};

use entrepot_oci::{Digest, Reference};

use super::super::*;
use super::state::{GRACE, Model, Repository, Thing, UNTAGGED};
use super::universe::{BLOBS, REPOSITORIES, TAGS, blob};
use crate::tests::random::Random;
use crate::{Collected, Step};

const HALF_AN_HOUR: Duration = Duration::from_mins(30);

mod statements {
    entrepot_database::statements! {
        LINKS = "SELECT r.name, b.digest, l.condemned_at FROM repository_blobs l
            JOIN repositories r ON r.id = l.repository_id JOIN blobs b ON b.id = l.blob_id";
        MANIFESTS = "SELECT r.name, m.digest, o.condemned_at FROM manifests m JOIN repositories r ON r.id = m.repository_id
            LEFT JOIN loose_manifests o ON o.manifest_id = m.id";
        TAGS = "SELECT r.name, t.name, m.digest FROM tags t JOIN manifests m ON m.id = t.manifest_id
            JOIN repositories r ON r.id = t.repository_id";
        BLOBS = "SELECT digest FROM blobs";
        EARLIER_LINKS = "UPDATE repository_blobs SET due_at = due_at - $1, condemned_at = condemned_at - $1";
        EARLIER_MANIFESTS = "UPDATE loose_manifests SET since = since - $1, condemned_at = condemned_at - $1";
    }
}

/// What is there, by repository: links and manifests, each with whether it is condemned, and tags.
#[derive(Debug, Default, PartialEq, Eq)]
struct Facts {
    blobs: BTreeMap<(String, Digest), bool>,
    manifests: BTreeMap<(String, Digest), bool>,
    tags: BTreeMap<(String, String), Digest>,
}

pub(super) struct Run {
    /// Several over one database, if it can be shared.
    registries: Vec<Registry>,
    _directory: tempfile::TempDir,
    model: Model,
    random: Random,
    /// What every digest is that a history may name.
    manifests: Vec<Digest>,
    done: usize,
    told: Vec<String>,
}

fn options(untagged: bool) -> Options {
    let hours = |hours: i64| Duration::from_hours(hours as u64) + HALF_AN_HOUR;
    Options { grace: hours(GRACE), untagged_after: untagged.then(|| hours(UNTAGGED)), ..Options::default() }
}

impl Run {
    pub(super) async fn begin(place: &Place, seed: u64) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        let first = place.open(&[ROOM]).await.unwrap();
        let mut databases = vec![first.clone()];
        if first.is_shared() {
            databases.push(place.open(&[ROOM]).await.unwrap());
        }
        let registries =
            databases.into_iter().map(|database| Registry::new(options(false), store.clone(), database)).collect();
        let model = Model::new();
        let manifests = model.specs.keys().copied().collect();
        let random = Random::new(seed);
        Self { registries, _directory: directory, model, random, manifests, done: 0, told: Vec::new() }
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.random.below(of.len())]
    }

    fn registry(&mut self) -> Registry {
        self.registries[self.random.below(self.registries.len())].clone()
    }

    /// A manifest, mostly one that the repository has.
    fn manifest(&mut self, name: &'static str) -> Digest {
        let there: Vec<Digest> =
            self.repository(name).map(|repository| repository.manifests.keys().copied().collect()).unwrap_or_default();
        if there.is_empty() || self.random.below(4) == 0 {
            let all = self.manifests.clone();
            return self.pick(&all);
        }
        self.pick(&there)
    }

    fn repository(&self, name: &'static str) -> Option<&Repository> {
        self.model.repositories.get(name)
    }

    pub(super) async fn step(&mut self, number: usize) {
        let name = self.pick(&REPOSITORIES);
        let registry = self.registry();
        let done = match self.random.below(40) {
            0..=6 => self.push_blob(&registry, name).await,
            7..=8 => self.mount(&registry, name).await,
            9..=11 => self.head_blob(&registry, name).await,
            12..=20 => self.push_manifest(&registry, name).await,
            21..=22 => self.delete_tag(&registry, name).await,
            23..=24 => self.delete_manifest(&registry, name).await,
            25 => self.delete_blob(&registry, name).await,
            26..=27 => self.head_manifest(&registry, name).await,
            28..=33 => self.advance(&registry).await,
            34..=38 => self.collect(&registry).await,
            _ => self.other_policy(),
        };
        self.model.settle();
        self.done += usize::from(done);
        let expected = self.expected();
        let there = self.there().await;
        if there != expected {
            let last = self.told.len().saturating_sub(40);
            panic!("step {number}: there is\n{there:#?}\nand not\n{expected:#?}\nafter {:#?}", &self.told[last..]);
        }
    }

    /// What is to be said if it goes wrong.
    fn tell(&mut self, what: String) {
        self.told.push(what);
        if self.told.len() > 1000 {
            self.told.drain(..500);
        }
    }

    async fn push_blob(&mut self, registry: &Registry, name: &'static str) -> bool {
        let at = self.random.below(BLOBS.len());
        self.tell(format!("push {name} {}", blob(at)));
        registry.push_blob(&grant::<Push>(name), body(BLOBS[at]), None, &blob(at)).await.unwrap();
        let now = self.model.now;
        self.model.repositories.entry(name).or_default().blobs.insert(blob(at), Thing::new(now));
        true
    }

    async fn mount(&mut self, registry: &Registry, name: &'static str) -> bool {
        let (from, digest) = (self.pick(&REPOSITORIES), blob(self.random.below(BLOBS.len())));
        self.tell(format!("mount {from} {name} {digest}"));
        let source = MountSource::new(grant(from));
        let mounted = registry.mount_blob(&grant::<Push>(name), &source, &digest).await.unwrap();
        let expected = self.repository(from).is_some_and(|from| from.blobs.contains_key(&digest));
        assert_eq!(mounted, expected);
        if mounted {
            let now = self.model.now;
            self.model.repositories.entry(name).or_default().blobs.insert(digest, Thing::new(now));
        }
        mounted
    }

    async fn head_blob(&mut self, registry: &Registry, name: &'static str) -> bool {
        let digest = blob(self.random.below(BLOBS.len()));
        self.tell(format!("head {name} {digest}"));
        let pull = grant::<Pull>(name);
        if self.random.below(3) == 0 {
            // Into the cache, which revives nothing.
            let there = registry.get_blob(&pull, &digest).await.is_ok();
            assert_eq!(there, self.repository(name).is_some_and(|repository| repository.blobs.contains_key(&digest)));
            return there;
        }
        let there = registry.stat_blob(&pull, &digest).await.is_ok();
        let now = self.model.now;
        let thing = self.model.repositories.get_mut(name).and_then(|repository| repository.blobs.get_mut(&digest));
        assert_eq!(there, thing.is_some());
        if let Some(thing) = thing.filter(|thing| thing.condemned.is_some()) {
            *thing = Thing::new(now);
        }
        there
    }

    async fn push_manifest(&mut self, registry: &Registry, name: &'static str) -> bool {
        let all = self.manifests.clone();
        let digest = self.pick(&all);
        let spec = &self.model.specs[&digest];
        let (content, media_type, satellite) = (spec.content.clone(), spec.media_type, spec.satellite.clone());
        let tags: Vec<String> = match (satellite, self.random.below(4)) {
            (_, 0) => Vec::new(),
            (Some(satellite), _) => vec![satellite],
            (None, 1) => vec!["v1".to_owned(), "v2".to_owned()],
            (None, 2) if self.random.below(2) == 0 => Vec::new(),
            (None, _) => vec![self.pick(&TAGS).to_owned()],
        };
        self.tell(format!("put {name} {digest} {tags:?}"));
        let destination = match &tags[..] {
            [tag] => Destination::Tag(tag.parse().unwrap()),
            _ => Destination::Digest(digest, tags.iter().map(|tag| tag.parse().unwrap()).collect()),
        };
        let content_type = Some(media_type.to_owned());
        let push = ManifestPush { content, content_type, destination, precondition: Precondition::None };
        let pushed = registry.put_manifest(&grant::<Push>(name), push).await;
        let complete = self.repository(name).is_some_and(|repository| self.model.is_complete(repository, &digest));
        assert_eq!(pushed.is_ok(), complete, "{pushed:?}\n{:#?}", self.told.last());
        if complete {
            let now = self.model.now;
            let repository = self.model.repositories.entry(name).or_default();
            repository.manifests.insert(digest, Thing::new(now));
            for tag in tags {
                let before = repository.tags.insert(tag, digest).filter(|before| *before != digest);
                if let Some(before) = before {
                    repository.manifests.insert(before, Thing::new(now));
                }
            }
        }
        complete
    }

    async fn delete_tag(&mut self, registry: &Registry, name: &'static str) -> bool {
        let there: Vec<String> =
            self.repository(name).map(|repository| repository.tags.keys().cloned().collect()).unwrap_or_default();
        let Some(tag) = there.get(self.random.below(there.len() + 1)).cloned() else { return false };
        self.tell(format!("delete {name} {tag}"));
        registry.delete_tag(&grant::<Delete>(name), &tag.parse().unwrap()).await.unwrap();
        let now = self.model.now;
        let repository = self.model.repositories.get_mut(name).unwrap();
        let target = repository.tags.remove(&tag).unwrap();
        repository.manifests.insert(target, Thing::new(now));
        true
    }

    async fn delete_manifest(&mut self, registry: &Registry, name: &'static str) -> bool {
        let digest = self.manifest(name);
        self.tell(format!("delete {name} {digest}"));
        let deleted = registry.delete_manifest(&grant::<Delete>(name), &digest).await;
        let may = self.repository(name).is_some_and(|repository| {
            repository.manifests.contains_key(&digest) && !self.model.parent(repository, &digest)
        });
        assert_eq!(deleted.is_ok(), may, "{deleted:?}");
        if may {
            self.model.remove_manifest(name, &digest);
        }
        may
    }

    async fn delete_blob(&mut self, registry: &Registry, name: &'static str) -> bool {
        let digest = blob(self.random.below(BLOBS.len()));
        self.tell(format!("delete {name} {digest}"));
        let deleted = registry.delete_blob(&grant::<Delete>(name), &digest).await;
        let may = self.repository(name).is_some_and(|repository| {
            repository.blobs.contains_key(&digest) && !self.model.needs_blob(repository, &digest)
        });
        assert_eq!(deleted.is_ok(), may, "{deleted:?}");
        if may {
            self.model.repositories.get_mut(name).unwrap().blobs.remove(&digest);
        }
        may
    }

    async fn head_manifest(&mut self, registry: &Registry, name: &'static str) -> bool {
        let digest = self.manifest(name);
        self.tell(format!("head {name} {digest}"));
        let there = registry.get_manifest(&grant::<Pull>(name), &Reference::Digest(digest)).await.is_ok();
        let now = self.model.now;
        let thing = self.model.repositories.get_mut(name).and_then(|repository| repository.manifests.get_mut(&digest));
        assert_eq!(there, thing.is_some());
        if let Some(thing) = thing.filter(|thing| thing.condemned.is_some()) {
            *thing = Thing { orphan: thing.orphan, ..Thing::new(now) };
        }
        there
    }

    async fn advance(&mut self, registry: &Registry) -> bool {
        let hours = 1 + self.random.below(60) as i64;
        self.later(registry, hours).await;
        true
    }

    /// Lets time go by: everything was so much earlier.
    async fn later(&mut self, registry: &Registry, hours: i64) {
        self.tell(format!("{hours} hours later"));
        let micros = Duration::from_hours(hours as u64).as_micros() as i64;
        let earlier = registry.database().write(Durability::Process, move |connection| {
            connection.execute(&statements::EARLIER_LINKS, &[micros.into()])?;
            Ok::<_, Error>(connection.execute(&statements::EARLIER_MANIFESTS, &[micros.into()])?)
        });
        earlier.await.unwrap();
        self.model.now += hours;
        self.model.settle();
    }

    async fn collect(&mut self, registry: &Registry) -> bool {
        self.tell("collect".to_owned());
        let preview = match self.random.below(3) {
            0 => Some(registry.preview_collection().await.unwrap()),
            _ => None,
        };
        let collected = registry.collect().await.unwrap();
        if let Some(preview) = preview {
            assert_eq!(sorted(&preview), sorted(&collected));
        }
        self.model.collect();
        let stored = self.model.stored();
        assert_eq!(self.rows().await, stored, "{:#?}", self.told.last());
        let files = registry.store().blobs(None, 1000).await.unwrap();
        assert_eq!(files.into_iter().map(|file| file.digest).collect::<BTreeSet<_>>(), stored);
        collected.count() > 0
    }

    fn other_policy(&mut self) -> bool {
        if self.random.below(4) > 0 {
            return false;
        }
        self.model.untagged = !self.model.untagged;
        self.tell(format!("untagged manifests go: {}", self.model.untagged));
        for registry in &mut self.registries {
            let (store, database) = (registry.store().clone(), registry.database().clone());
            *registry = Registry::new(options(self.model.untagged), store, database);
        }
        true
    }

    /// Deletes everything, waits, and looks that nothing is left.
    pub(super) async fn end(mut self) {
        assert!(self.done > self.told.len().min(1000) / 3, "only {} steps did something", self.done);
        let registry = self.registry();
        for name in REPOSITORIES {
            while let Some(digest) = self.deletable(name) {
                registry.delete_manifest(&grant::<Delete>(name), &digest).await.unwrap();
                self.model.remove_manifest(name, &digest);
            }
        }
        for _ in 0..4 {
            self.later(&registry, 2 * GRACE).await;
            registry.collect().await.unwrap();
        }
        assert_eq!(self.there().await, Facts::default());
        assert!(self.rows().await.is_empty());
        assert!(registry.store().blobs(None, 1).await.unwrap().is_empty());
    }

    fn deletable(&self, name: &'static str) -> Option<Digest> {
        let repository = self.repository(name)?;
        repository.manifests.keys().find(|digest| !self.model.parent(repository, digest)).copied()
    }

    /// What the model says.
    fn expected(&self) -> Facts {
        let mut facts = Facts::default();
        for (name, repository) in &self.model.repositories {
            let name = (*name).to_owned();
            for (digest, thing) in &repository.blobs {
                facts.blobs.insert((name.clone(), *digest), thing.condemned.is_some());
            }
            for (digest, thing) in &repository.manifests {
                facts.manifests.insert((name.clone(), *digest), thing.condemned.is_some());
            }
            facts.tags.extend(repository.tags.iter().map(|(tag, target)| ((name.clone(), tag.clone()), *target)));
        }
        facts
    }

    /// What the database has. Of what is needed it does not matter whether it is condemned: that is looked at before it goes.
    async fn there(&self) -> Facts {
        let read = |row: &entrepot_database::Row<'_>| {
            let key = (row.text(0)?.to_owned(), stored_digest(row.text(1)?)?);
            Ok::<_, Error>((key, row.optional_integer(2)?.is_some()))
        };
        let facts = self.registries[0].database().scan(move |connection| {
            let tags = connection.all(&statements::TAGS, &[], |row| {
                Ok::<_, Error>(((row.text(0)?.to_owned(), row.text(1)?.to_owned()), stored_digest(row.text(2)?)?))
            })?;
            Ok::<_, Error>(Facts {
                blobs: connection.all(&statements::LINKS, &[], read)?.into_iter().collect(),
                manifests: connection.all(&statements::MANIFESTS, &[], read)?.into_iter().collect(),
                tags: tags.into_iter().collect(),
            })
        });
        let mut facts = facts.await.unwrap();
        for ((name, digest), condemned) in &mut facts.blobs {
            let repository = self.named(name);
            *condemned &= !repository.is_some_and(|repository| self.model.needs_blob(repository, digest));
        }
        for ((name, digest), condemned) in &mut facts.manifests {
            let repository = self.named(name).filter(|repository| repository.manifests.contains_key(digest));
            *condemned &= !repository.is_some_and(|repository| self.model.keeps(repository, digest));
        }
        facts
    }

    fn named(&self, name: &str) -> Option<&Repository> {
        self.model.repositories.get(name)
    }

    async fn rows(&self) -> BTreeSet<Digest> {
        let rows = self.registries[0]
            .database()
            .scan(|connection| connection.all(&statements::BLOBS, &[], |row| stored_digest(row.text(0)?)));
        rows.await.unwrap().into_iter().collect()
    }
}

/// The steps, whatever their order.
fn sorted(collected: &Collected) -> Vec<String> {
    let mut steps: Vec<String> = collected.steps.iter().map(|step: &Step| format!("{step:?}")).collect();
    steps.sort_unstable();
    steps
}
