//! What the clients know: everything they asked for and everything they were told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::content::{Algorithm, Content};
use super::register::Register;
use crate::random::Random;

/// The repositories that are pushed to.
pub(super) const REPOSITORIES: [&str; 4] = ["acme/alpine", "acme/base/runtime", "acme/tools", "acme/web"];
/// Blobs that all clients push, often at the same time.
const POOL: usize = 30;

/// A repository, and a digest or tag in it.
pub(super) type Key = (&'static str, String);

/// Everything about one data directory.
#[derive(Debug)]
pub(super) struct Model {
    clock: u64,
    /// Requests whose success a client was told of.
    pub(super) acknowledged: u64,
    /// Blobs that every client pushes.
    pub(super) pool: Vec<Arc<Content>>,
    /// Large blobs that every client pushes, now and then.
    pub(super) large: Vec<Arc<Content>>,
    /// Every blob by its digest.
    pub(super) contents: BTreeMap<String, Arc<Content>>,
    /// Whether the repository has the blob.
    pub(super) links: BTreeMap<Key, Register<bool>>,
    pub(super) manifests: BTreeMap<Key, Manifest>,
    /// The digest that a tag names.
    pub(super) tags: BTreeMap<Key, Register<Option<String>>>,
    pub(super) uploads: BTreeMap<u64, Upload>,
    /// Paths of sessions that were acknowledged to have ended, since the last time that was looked at.
    pub(super) ended: Vec<String>,
    /// Links, manifests and tags that requests may have changed since they were last looked at.
    pub(super) touched: Touched,
    /// The database may crash at any time, and forget what it did not promise to keep: how far uploads are, and that they
    /// are.
    pub(super) database_crashes: bool,
}

/// Keys to look at.
#[derive(Debug, Default)]
pub(super) struct Touched {
    pub(super) links: BTreeSet<Key>,
    pub(super) manifests: BTreeSet<Key>,
    pub(super) tags: BTreeSet<Key>,
}

/// A manifest in a repository.
#[derive(Debug)]
pub(super) struct Manifest {
    pub(super) draft: Draft,
    /// Whether it is there.
    pub(super) there: Register<bool>,
}

/// A manifest to push.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) content: Arc<Content>,
    pub(super) media_type: &'static str,
    /// Digests of its config and layers.
    pub(super) blobs: Vec<String>,
    /// Digests of the manifests that an index names.
    pub(super) children: Vec<String>,
    pub(super) subject: Option<String>,
    /// The only client that pushes and deletes it; `None` for those that every client pushes and nobody deletes.
    pub(super) owner: Option<usize>,
}

/// A session that the server promised.
#[derive(Clone, Debug)]
pub(super) struct Upload {
    pub(super) owner: usize,
    pub(super) repository: &'static str,
    /// Its path.
    pub(super) location: String,
    /// What it shall become.
    pub(super) content: Arc<Content>,
    /// Bytes that the server said it has.
    pub(super) acknowledged: usize,
    /// Bytes that also a crash of the database leaves; `None`: not even the session.
    pub(super) kept: Option<usize>,
    /// Bytes that it may have.
    pub(super) sent: usize,
    /// A request that ends the session was not answered, so it may be gone, or its bytes may have become the blob.
    pub(super) doubtful: bool,
}

impl Model {
    /// Nothing is there, and blobs of the sizes `large` may come.
    pub(super) fn new(random: &mut Random, large: &[usize]) -> Self {
        let mut model = Self {
            clock: 0,
            acknowledged: 0,
            pool: Vec::new(),
            large: Vec::new(),
            contents: BTreeMap::new(),
            links: BTreeMap::new(),
            manifests: BTreeMap::new(),
            tags: BTreeMap::new(),
            uploads: BTreeMap::new(),
            ended: Vec::new(),
            touched: Touched::default(),
            database_crashes: false,
        };
        model.pool = (0..POOL).map(|_| model.keep(Content::random(random))).collect();
        let large = large.iter().map(|&length| Content::new(Algorithm::Sha256, random.bytes(length)));
        model.large = large.map(|content| model.keep(content)).collect();
        model
    }

    /// The next tick of the clock.
    pub(super) fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }

    /// Remembers a blob, so that what the server serves can be compared with it.
    pub(super) fn keep(&mut self, content: Content) -> Arc<Content> {
        let content = Arc::new(content);
        self.contents.entry(content.digest.clone()).or_insert(content).clone()
    }

    pub(super) fn link(&mut self, key: &Key) -> &mut Register<bool> {
        self.touched.links.insert(key.clone());
        self.links.entry(key.clone()).or_insert_with(|| Register::new(false))
    }

    pub(super) fn tag(&mut self, key: &Key) -> &mut Register<Option<String>> {
        self.touched.tags.insert(key.clone());
        self.tags.entry(key.clone()).or_insert_with(|| Register::new(None))
    }

    /// The register of a manifest, which is remembered as `draft` if it is new.
    pub(super) fn manifest(&mut self, repository: &'static str, draft: &Draft) -> &mut Register<bool> {
        let key = (repository, draft.content.digest.clone());
        self.touched.manifests.insert(key.clone());
        let manifest = Manifest { draft: draft.clone(), there: Register::new(false) };
        &mut self.manifests.entry(key).or_insert(manifest).there
    }

    /// The bytes of an upload that must be there; `None`: it need not be there at all.
    pub(super) fn least(&self, upload: &Upload) -> Option<usize> {
        if self.database_crashes { upload.kept } else { Some(upload.acknowledged) }
    }

    /// Whether the database may crash from now on. Nothing is under way, and all that it has is on its disk.
    pub(super) fn expect_crash(&mut self, crashes: bool) {
        self.database_crashes = crashes;
        for upload in self.uploads.values_mut() {
            upload.kept = Some(upload.acknowledged);
        }
    }

    /// A session was acknowledged to have ended.
    pub(super) fn end_upload(&mut self, id: u64) {
        self.ended.extend(self.uploads.remove(&id).map(|upload| upload.location));
    }

    /// Whether the repository could lack the blob at some moment since `time`.
    pub(super) fn may_have_lacked(&self, repository: &'static str, digest: &str, time: u64) -> bool {
        self.links.get(&(repository, digest.to_owned())).is_none_or(|link| link.may_have_been(&false, time))
    }

    /// Manifests of the repository.
    pub(super) fn manifests_of(&self, repository: &'static str) -> impl Iterator<Item = &Manifest> {
        self.manifests
            .range((repository, String::new())..)
            .take_while(move |(key, _)| key.0 == repository)
            .map(|(_, m)| m)
    }

    /// Manifests in the repository that only this client touches and that are there for certain.
    pub(super) fn own_manifests(&self, repository: &'static str, owner: usize) -> Vec<Draft> {
        let own = self.manifests_of(repository).filter(|manifest| manifest.draft.owner == Some(owner));
        own.filter(|manifest| manifest.there.known() == Some(&true)).map(|manifest| manifest.draft.clone()).collect()
    }
}
