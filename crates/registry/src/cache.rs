//! What is asked for again and again, kept in memory: manifests by tag and digest, and small blobs.
//!
//! Over a database that other processes change, no fact is kept, only bytes, by their digest: those never change. So none of
//! many replicas shows what another has moved or deleted, and one that is cut off from the database shows nothing.
//!
//! Over a database that is this process's alone, entries never outlive what they show: whoever changes a row removes its keys after the commit and before telling the
//! client, and a read that was under way meanwhile cannot put the old value back, because removing a key also takes the
//! place that the reader had reserved for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use entrepot_oci::{Digest, RepositoryName};
use entrepot_store::Part;
use prometheus_client::metrics::counter::Counter;
use quick_cache::sync::{Cache as QuickCache, GuardResult};
use quick_cache::{DefaultHashBuilder, Weighter, sync::DefaultLifecycle};
use std::time::Duration;

use crate::Error;
use crate::manifests::StoredManifest;

/// Blobs up to this many bytes are kept here whole: configs, signatures, SBOMs, empty layers.
pub(crate) const SMALL_BLOB: u64 = 32 * 1024;
/// What the entries may weigh together, in bytes.
const CAPACITY: u64 = 16 * 1024 * 1024;
/// What an entry weighs besides its content, about.
const OVERHEAD: usize = 256;

#[derive(Clone)]
enum Entry {
    Manifest(Arc<StoredManifest>),
    Blob(CachedBlob),
}

/// A blob that a repository has.
#[derive(Clone, Debug)]
pub(crate) struct CachedBlob {
    pub(crate) size: u64,
    /// Where its bytes are in an object store.
    pub(crate) parts: Arc<[Part]>,
    /// The bytes, if they were asked for and are few.
    pub(crate) bytes: Option<Bytes>,
    /// Whether the repository loses it unless somebody asks for it: see `collect`.
    pub(crate) condemned: bool,
}

#[derive(Clone)]
struct Weight;

impl Weighter<String, Entry> for Weight {
    fn weight(&self, key: &String, entry: &Entry) -> u64 {
        let content = match entry {
            Entry::Manifest(manifest) => manifest.content.len(),
            Entry::Blob(blob) => blob.bytes.as_ref().map_or(0, Bytes::len) + size_of_val(&*blob.parts),
        };
        (key.len() + content + OVERHEAD) as u64
    }
}

/// The cache of one process.
pub(crate) struct Cache {
    entries: QuickCache<String, Entry, Weight>,
    /// Whether facts of the database are kept, or only bytes.
    facts: bool,
    /// Grows with each repository that is forgotten as a whole.
    forgotten: AtomicU64,
    pub(crate) hits: Counter,
    pub(crate) misses: Counter,
}

/// `name@digest` for a blob, `name@@digest` and `name:tag` for a manifest: no name, tag or digest contains both signs.
fn blob_key(repository: &RepositoryName, digest: &Digest) -> String {
    digest.with_text(|digest| format!("{repository}@{digest}"))
}

/// For the bytes alone, whichever repository has them.
fn bytes_key(digest: &Digest) -> String {
    digest.with_text(|digest| format!("@{digest}"))
}

fn manifest_key(repository: &RepositoryName, digest: &Digest) -> String {
    digest.with_text(|digest| format!("{repository}@@{digest}"))
}

fn tag_key(repository: &RepositoryName, tag: &str) -> String {
    format!("{repository}:{tag}")
}

impl Cache {
    /// An empty cache; `facts` says whether this process alone changes the database.
    pub(crate) fn new(facts: bool) -> Self {
        let entries =
            QuickCache::with(1024, CAPACITY, Weight, DefaultHashBuilder::default(), DefaultLifecycle::default());
        let (hits, misses) = (Counter::default(), Counter::default());
        Self { entries, facts, forgotten: AtomicU64::new(0), hits, misses }
    }

    /// The entry of `key`, or what `load` makes of the database, which is kept unless the key was removed meanwhile.
    async fn get<F>(&self, key: &str, load: impl FnOnce() -> F) -> Result<Entry, Error>
    where
        F: Future<Output = Result<Entry, Error>>,
    {
        if !self.facts {
            self.misses.inc();
            return load().await;
        }
        // Not waiting for another loader: loading twice costs microseconds, and this may be an async thread.
        match self.entries.get_value_or_guard(key, Some(Duration::ZERO)) {
            GuardResult::Value(entry) => {
                self.hits.inc();
                Ok(entry)
            }
            GuardResult::Guard(guard) => {
                self.misses.inc();
                let forgotten = self.forgotten.load(Ordering::SeqCst);
                let entry = load().await?;
                // Refused if the key was removed since: then this caller alone gets the value, as it asked before.
                let _kept = guard.insert(entry.clone());
                if self.forgotten.load(Ordering::SeqCst) != forgotten {
                    self.entries.remove(key);
                }
                Ok(entry)
            }
            GuardResult::Timeout => {
                self.misses.inc();
                load().await
            }
        }
    }

    /// The manifest of a tag.
    pub(crate) async fn tagged<F>(
        &self,
        repository: &RepositoryName,
        tag: &str,
        load: impl FnOnce() -> F,
    ) -> Result<Arc<StoredManifest>, Error>
    where
        F: Future<Output = Result<StoredManifest, Error>>,
    {
        self.manifest(&tag_key(repository, tag), load).await
    }

    /// The manifest of a digest.
    pub(crate) async fn addressed<F>(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        load: impl FnOnce() -> F,
    ) -> Result<Arc<StoredManifest>, Error>
    where
        F: Future<Output = Result<StoredManifest, Error>>,
    {
        self.manifest(&manifest_key(repository, digest), load).await
    }

    async fn manifest<F>(&self, key: &str, load: impl FnOnce() -> F) -> Result<Arc<StoredManifest>, Error>
    where
        F: Future<Output = Result<StoredManifest, Error>>,
    {
        match self.get(key, || async { Ok(Entry::Manifest(Arc::new(load().await?))) }).await? {
            Entry::Manifest(manifest) => Ok(manifest),
            Entry::Blob(_) => Err(Error::Damaged("a manifest's key holds a blob".to_owned())),
        }
    }

    /// A blob of the repository.
    pub(crate) async fn blob<F>(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        load: impl FnOnce() -> F,
    ) -> Result<CachedBlob, Error>
    where
        F: Future<Output = Result<CachedBlob, Error>>,
    {
        match self.get(&blob_key(repository, digest), || async { Ok(Entry::Blob(load().await?)) }).await? {
            Entry::Blob(blob) if self.facts || blob.size > SMALL_BLOB => Ok(blob),
            Entry::Blob(blob) => match self.entries.get(&bytes_key(digest)) {
                Some(Entry::Blob(known)) if known.size == blob.size => {
                    Ok(CachedBlob { condemned: blob.condemned, ..known })
                }
                _ => Ok(blob),
            },
            Entry::Manifest(_) => Err(Error::Damaged("a blob's key holds a manifest".to_owned())),
        }
    }

    /// Keeps the bytes of a blob; as a fact of the repository only if that is still there.
    pub(crate) fn keep_bytes(&self, repository: &RepositoryName, digest: &Digest, bytes: Bytes, condemned: bool) {
        // Over a database that others change `condemned` is a fact, and not kept.
        let condemned = condemned && self.facts;
        let blob = CachedBlob { size: bytes.len() as u64, parts: Arc::default(), bytes: Some(bytes), condemned };
        if self.facts {
            let _gone = self.entries.replace(blob_key(repository, digest), Entry::Blob(blob), false);
        } else {
            self.entries.insert(bytes_key(digest), Entry::Blob(blob));
        }
    }

    pub(crate) fn forget_blob(&self, repository: &RepositoryName, digest: &Digest) {
        self.entries.remove(blob_key(repository, digest).as_str());
    }

    pub(crate) fn forget_manifest(&self, repository: &RepositoryName, digest: &Digest) {
        self.entries.remove(manifest_key(repository, digest).as_str());
    }

    /// Forgets everything of a repository. Who is reading meanwhile sees the number, and keeps nothing.
    pub(crate) fn forget_repository(&self, repository: &RepositoryName) {
        self.forgotten.fetch_add(1, Ordering::SeqCst);
        let name = repository.as_str();
        let of_it = |key: &str| key.strip_prefix(name).is_some_and(|rest| rest.starts_with(['@', ':']));
        self.entries.retain(|key, _| !of_it(key));
    }

    pub(crate) fn forget_tag(&self, repository: &RepositoryName, tag: &str) {
        self.entries.remove(tag_key(repository, tag).as_str());
    }
}
