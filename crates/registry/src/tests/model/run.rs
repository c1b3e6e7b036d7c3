//! One history: each step is done to the registry and to the model, and then both must be the same.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use entrepot_oci::{Digest, Reference};

use super::super::*;
use super::facts::{Facts, rows};
use super::state::{GRACE, Model, Repository, TRASH, Thing, UNTAGGED};
use super::universe::{BLOBS, REPOSITORIES, TAGS, blob};
use crate::gate::Terms;
use crate::tests::later::later;
use crate::tests::random::Random;
use crate::{Collected, Conditions, RetentionRule, Step, TrashId};

const HALF_AN_HOUR: Duration = Duration::from_mins(30);

pub(super) struct Run {
    /// Several over one database, if it can be shared.
    registries: Vec<Registry>,
    _directory: tempfile::TempDir,
    model: Model,
    random: Random,
    /// What every digest is that a history may name.
    manifests: Vec<Digest>,
    /// The last entry of the trash.
    last: Option<TrashId>,
    /// How often what was done.
    done: BTreeMap<&'static str, usize>,
    /// How often what was collected, and why.
    collected: BTreeMap<String, usize>,
    told: Vec<String>,
}

fn options(untagged: bool) -> Options {
    let hours = |hours: i64| Duration::from_hours(hours as u64) + HALF_AN_HOUR;
    Options {
        grace: hours(GRACE),
        untagged_after: untagged.then(|| hours(UNTAGGED)),
        trash_for: hours(TRASH),
        ..Options::default()
    }
}

/// One that knows that all tags may go by rules.
fn open(untagged: bool, store: Store, database: Database) -> Registry {
    let registry = Registry::new(options(untagged), store, database);
    registry.keep_frozen(|_, _| Ok(Terms::freezing(|_: &Tag| false)));
    registry
}

/// Sets the rule that the model follows.
async fn rule(database: &Database) {
    let set = database.write(Durability::Process, |connection| {
        let keeps = Conditions::new(NonZeroU32::new(1), None, None).unwrap();
        let rule = RetentionRule { repositories: "acme/*".parse().unwrap(), tags: "v*".parse().unwrap(), keeps };
        rule.set(connection, "acme")?.unwrap();
        Ok::<_, Error>(())
    });
    set.await.unwrap();
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
        let registries = databases.into_iter().map(|database| open(false, store.clone(), database)).collect();
        rule(&first).await;
        let model = Model::new();
        let manifests = model.specs.keys().copied().collect();
        let random = Random::new(seed);
        Self {
            registries,
            _directory: directory,
            model,
            random,
            manifests,
            last: None,
            done: BTreeMap::new(),
            collected: BTreeMap::new(),
            told: Vec::new(),
        }
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
        self.model.repositories.get(&(name, None))
    }

    fn of(&mut self, name: &'static str) -> &mut Repository {
        self.model.repositories.entry((name, None)).or_default()
    }

    pub(super) async fn step(&mut self, number: usize) {
        let name = self.pick(&REPOSITORIES);
        let registry = self.registry();
        let (what, done) = match self.random.below(51) {
            0..=6 => ("push blob", self.push_blob(&registry, name).await),
            7..=8 => ("mount", self.mount(&registry, name).await),
            9..=11 => ("head blob", self.head_blob(&registry, name).await),
            12..=20 => ("push manifest", self.push_manifest(&registry, name).await),
            21..=22 => ("delete tag", self.delete_tag(&registry, name).await),
            23..=26 => ("delete manifest", self.delete_manifest(&registry, name).await),
            27 => ("delete blob", self.delete_blob(&registry, name).await),
            28..=29 => ("head manifest", self.head_manifest(&registry, name).await),
            30..=35 => ("later", self.advance(&registry).await),
            36..=40 => ("collect", self.collect(&registry).await),
            41..=43 => ("restore", self.restore(&registry, name).await),
            44..=46 => ("empty", self.empty(&registry, name).await),
            47 => ("delete repository", self.delete_repository(&registry, name).await),
            48..=49 => ("let go by rule", self.retain(&registry).await),
            _ => ("other policy", self.other_policy()),
        };
        *self.done.entry(what).or_default() += usize::from(done);
        self.model.settle();
        let expected = Facts::expected(&self.model);
        let there = Facts::there(&self.registries[0], &self.model).await;
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
        self.of(name).blobs.insert(blob(at), Thing::new(now));
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
            self.of(name).blobs.insert(digest, Thing::new(now));
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
        let thing = self.model.repositories.get_mut(&(name, None)).and_then(|of| of.blobs.get_mut(&digest));
        assert_eq!(there, thing.is_some());
        if let Some(thing) = thing.filter(|thing| thing.condemned.is_some()) {
            *thing = Thing::new(now);
        }
        there
    }

    async fn push_manifest(&mut self, registry: &Registry, name: &'static str) -> bool {
        let digest = self.pick_what_to_push(name);
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
            self.model.settings += 1;
            let (now, setting) = (self.model.now, self.model.settings);
            let repository = self.of(name);
            repository.manifests.insert(digest, Thing::new(now));
            for tag in tags {
                repository.set.insert(tag.clone(), setting);
                let before = repository.tags.insert(tag, digest).filter(|before| *before != digest);
                if let Some(before) = before {
                    repository.manifests.insert(before, Thing::new(now));
                }
            }
        }
        complete
    }

    /// Mostly one of which everything is there.
    fn pick_what_to_push(&mut self, name: &'static str) -> Digest {
        let mut all = self.manifests.clone();
        if self.random.below(5) > 0
            && let Some(repository) = self.repository(name)
        {
            let complete: Vec<_> =
                all.iter().filter(|digest| self.model.is_complete(repository, digest)).copied().collect();
            if !complete.is_empty() {
                all = complete;
            }
        }
        self.pick(&all)
    }

    async fn delete_tag(&mut self, registry: &Registry, name: &'static str) -> bool {
        let there: Vec<String> =
            self.repository(name).map(|repository| repository.tags.keys().cloned().collect()).unwrap_or_default();
        let Some(tag) = there.get(self.random.below(there.len() + 1)).cloned() else { return false };
        self.tell(format!("delete {name} {tag}"));
        registry.delete_tag(&grant::<Delete>(name), &tag.parse().unwrap()).await.unwrap();
        let id = self.entered(registry, name).await;
        self.model.throw_tag((name, None), id, tag);
        true
    }

    async fn delete_manifest(&mut self, registry: &Registry, name: &'static str) -> bool {
        let digest = self.manifest(name);
        self.tell(format!("delete {name} {digest}"));
        let deleted = registry.delete_manifest(&grant::<Delete>(name), &digest).await;
        let may = self
            .repository(name)
            .is_some_and(|repository| repository.shows(&digest) && !self.model.shows_parent(repository, &digest));
        assert_eq!(deleted.is_ok(), may, "{deleted:?}");
        if may {
            let id = self.entered(registry, name).await;
            self.model.throw_manifest((name, None), id, digest);
        }
        may
    }

    /// Of two tags that the rule is about, the one that was set first goes.
    async fn retain(&mut self, registry: &Registry) -> bool {
        self.tell("let go".to_owned());
        let gone = registry.retain().await.unwrap();
        let mut expected = 0;
        for name in REPOSITORIES.into_iter().filter(|name| name.starts_with("acme/")) {
            let going = self.repository(name).map(|repository| self.model.let_go(repository)).unwrap_or_default();
            for tag in going {
                expected += 1;
                let id = self.entered(registry, name).await;
                let repository = &self.model.repositories[&(name, None)];
                let shown = repository.tags[&tag];
                if self.model.is_only_for(repository, &tag) {
                    self.model.throw_manifest((name, None), id, shown);
                } else {
                    self.model.throw_tag((name, None), id, tag);
                }
            }
        }
        assert_eq!(gone, expected);
        gone > 0
    }

    async fn delete_blob(&mut self, registry: &Registry, name: &'static str) -> bool {
        let digest = blob(self.random.below(BLOBS.len()));
        self.tell(format!("delete {name} {digest}"));
        let deleted = registry.delete_blob(&grant::<Delete>(name), &digest).await;
        let may = self.repository(name).is_some_and(|repository| {
            repository.blobs.contains_key(&digest) && !self.model.shows_need(repository, &digest)
        });
        assert_eq!(deleted.is_ok(), may, "{deleted:?}");
        if may {
            self.of(name).blobs.remove(&digest);
        }
        may
    }

    async fn head_manifest(&mut self, registry: &Registry, name: &'static str) -> bool {
        let digest = self.manifest(name);
        self.tell(format!("head {name} {digest}"));
        let there = registry.get_manifest(&grant::<Pull>(name), &Reference::Digest(digest)).await.is_ok();
        let now = self.model.now;
        let thing = self.model.repositories.get_mut(&(name, None)).and_then(|of| of.manifests.get_mut(&digest));
        let thing = thing.filter(|thing| thing.trash.is_none());
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

    /// Lets time go by.
    async fn later(&mut self, registry: &Registry, hours: i64) {
        self.tell(format!("{hours} hours later"));
        later(registry, Duration::from_hours(hours as u64)).await;
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
        for step in &collected.steps {
            *self.collected.entry(format!("{}: {}", step.deed.phrase(), step.reason)).or_default() += 1;
        }
        self.model.collect();
        let stored = self.model.stored();
        assert_eq!(rows(&self.registries[0]).await, stored, "{:#?}", self.told.last());
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
            *registry = open(self.model.untagged, store, database);
        }
        true
    }

    /// The id of what was just deleted.
    async fn entered(&mut self, registry: &Registry, name: &'static str) -> TrashId {
        let listed = registry.list_trash(&grant::<Delete>(name), self.last, None).await.unwrap();
        let last = listed.entries.last().map(|entry| entry.id).unwrap();
        self.last = Some(last);
        last
    }

    /// Something of the trash that the repository's name leads to.
    fn discarded(&mut self, name: &'static str) -> Option<TrashId> {
        let inside = self.repository(name).map(|repository| repository.trash.keys().copied().collect::<Vec<_>>());
        let whole = self.model.repositories.keys().filter(|(of, _)| *of == name).filter_map(|(_, trash)| *trash);
        let all: Vec<TrashId> = inside.unwrap_or_default().into_iter().chain(whole).collect();
        (!all.is_empty()).then(|| self.pick(&all))
    }

    async fn restore(&mut self, registry: &Registry, name: &'static str) -> bool {
        let Some(id) = self.discarded(name) else { return false };
        self.tell(format!("restore {name} {id}"));
        let restored = registry.restore_from_trash(&grant::<Delete>(name), id).await;
        let key = (name, Some(id));
        let done = match self.model.repositories.contains_key(&key) {
            false => self.model.restore((name, None), id),
            true if self.model.repositories.contains_key(&(name, None)) => false,
            true => {
                let repository = self.model.repositories.remove(&key).unwrap_or_default();
                self.model.repositories.insert((name, None), repository);
                true
            }
        };
        assert_eq!(restored.is_ok(), done, "{restored:?}");
        done
    }

    async fn empty(&mut self, registry: &Registry, name: &'static str) -> bool {
        let Some(id) = self.discarded(name) else { return false };
        self.tell(format!("empty {name} {id}"));
        registry.empty_trash(&grant::<Delete>(name), id).await.unwrap();
        if self.model.repositories.remove(&(name, Some(id))).is_none() {
            self.model.empty((name, None), id);
        }
        true
    }

    async fn delete_repository(&mut self, registry: &Registry, name: &'static str) -> bool {
        if self.random.below(5) > 0 {
            return false;
        }
        self.tell(format!("delete {name}"));
        let deleted = registry.delete_repository(&grant::<Delete>(name)).await;
        let repository = self.model.repositories.remove(&(name, None));
        assert_eq!(deleted.is_ok(), repository.is_some(), "{deleted:?}");
        let Some(repository) = repository else { return false };
        let (id, at) = (self.entered(registry, name).await, self.model.now);
        self.model.repositories.insert((name, Some(id)), Repository { at, ..repository });
        true
    }

    /// Deletes everything, waits, and looks that nothing is left.
    pub(super) async fn end(mut self) {
        eprintln!("{:?}; {:?} collected", self.done, self.collected);
        assert_eq!(self.done.values().filter(|times| **times > 0).count(), 15, "{:?}", self.done);
        let registry = self.registry();
        for name in REPOSITORIES {
            let deleted = registry.delete_repository(&grant::<Delete>(name)).await;
            assert_eq!(deleted.is_ok(), self.repository(name).is_some(), "{deleted:?}");
        }
        for _ in 0..2 {
            self.later(&registry, 2 * GRACE).await;
            registry.collect().await.unwrap();
        }
        self.model.repositories.clear();
        assert_eq!(Facts::there(&self.registries[0], &self.model).await, Facts::default());
        assert!(rows(&self.registries[0]).await.is_empty());
        assert!(registry.store().blobs(None, 1).await.unwrap().is_empty());
    }
}

/// The steps, whatever their order.
fn sorted(collected: &Collected) -> Vec<String> {
    let mut steps: Vec<String> = collected.steps.iter().map(|step: &Step| format!("{step:?}")).collect();
    steps.sort_unstable();
    steps
}
