//! The store as a whole.

use std::path::Path;

use entrepot_oci::{Algorithm, Digest};
use prometheus_client::registry::Registry;
use uuid::Uuid;

use crate::adopt::{Adoption, Sharing};
use crate::blob::Blob;
use crate::check::Check;
use crate::disk::{Disk, Staged, Stored};
use crate::error::Error;
use crate::objects::{Keys, ObjectBlob, ObjectUpload, Objects, ObjectsConfig};
use crate::part::{Key, Part};
use crate::upload::{Checkpoint, Upload};

/// Blobs and unfinished uploads. Clones share it.
///
/// On the local disk a blob is a file that is found by its digest, and `parts` are always empty. In an object store it is
/// a list of parts, which the caller keeps. The caller need not know which it is, but for what only one of them leaves
/// behind after a crash: [`Store::staged`] and [`Store::blobs`] are empty in an object store; [`Store::writers`],
/// [`Store::written_by`] and [`Store::abort_unfinished`] find nothing on disk.
#[derive(Clone, Debug)]
pub struct Store(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Disk(Disk),
    Objects(Objects),
}

impl Store {
    /// Opens the store in the directory `root`, and makes the directories that are missing. Blocks the calling thread.
    ///
    /// # Errors
    /// [`Error::Busy`] if another process (or another `Store`) uses the directory, [`Error::Denied`] or
    /// [`Error::Full`] if it cannot be written to.
    pub fn open(root: &Path) -> Result<Self, Error> {
        Disk::open(root).map(|disk| Self(Kind::Disk(disk)))
    }

    /// Opens an object store. `writer` is the id of this process: all its objects are under that name, so that what it leaves
    /// behind can be found when it is dead. No two processes may ever have the same.
    ///
    /// Only of Swift something is asked, a token; whether the others can be used shows [`Store::probe`].
    ///
    /// # Errors
    /// What is wrong with the configuration; with Swift also what its login said.
    pub async fn objects(config: ObjectsConfig, writer: Uuid) -> Result<Self, Error> {
        Objects::open(config, writer).await.map(|objects| Self(Kind::Objects(objects)))
    }

    /// The id under which new objects are written; `None` on disk, where files have no writer.
    pub fn writer(&self) -> Option<Uuid> {
        match &self.0 {
            Kind::Disk(_) => None,
            Kind::Objects(objects) => Some(objects.writing_as()),
        }
    }

    /// Writes new objects under another id from now on, because nobody vouches for the old one any more. Those that are begun
    /// keep theirs.
    pub fn write_as(&self, writer: Uuid) {
        match &self.0 {
            Kind::Disk(_) => {}
            Kind::Objects(objects) => objects.write_as(writer),
        }
    }

    /// Adds what is counted here to what `/metrics` shows. On disk nothing is.
    pub fn register_metrics(&self, registry: &mut Registry) {
        match &self.0 {
            Kind::Disk(_) => {}
            Kind::Objects(objects) => objects.metrics().register(registry),
        }
    }

    /// Whether it is worth taking checkpoints in the middle of a long body, so that a crash does not cost all of it. In an
    /// object store each would begin another object.
    pub fn records_midway(&self) -> bool {
        match &self.0 {
            Kind::Disk(_) => true,
            Kind::Objects(_) => false,
        }
    }

    /// Takes up the upload `id` at a point where it was durable, or begins it if that is the beginning.
    /// On disk, what was written behind that point is cut off, and a batch that an earlier, dropped [`Upload`] left behind
    /// is waited for.
    ///
    /// Beginning costs nothing: the first byte or checkpoint makes a file, the first byte an object.
    ///
    /// # Errors
    /// On disk [`Error::Missing`] if fewer bytes are staged than `at` says, [`Error::Busy`] if another [`Upload`] of this
    /// id is alive.
    pub async fn resume(&self, id: Uuid, at: Checkpoint) -> Result<Upload, Error> {
        match &self.0 {
            Kind::Disk(disk) => disk.resume(id, at).await.map(Upload::from),
            Kind::Objects(objects) => Ok(ObjectUpload::new(objects.clone(), at).into()),
        }
    }

    /// Hashes the first `length` bytes of an upload with another algorithm, for a client that names a sha512 digest only
    /// when it closes the upload. Constant memory. On disk the blocking pool is left every 64 MiB.
    ///
    /// # Errors
    /// [`Error::Missing`] if there are fewer bytes, on disk [`Error::Busy`] if an [`Upload`] of this id is alive.
    pub async fn rehash(
        &self,
        id: Uuid,
        algorithm: Algorithm,
        length: u64,
        parts: &[Part],
    ) -> Result<Checkpoint, Error> {
        match &self.0 {
            Kind::Disk(disk) => disk.rehash(id, algorithm, length).await,
            Kind::Objects(objects) => objects.rehash(algorithm, length, parts).await,
        }
    }

    /// Gives the first `size` staged bytes of `id` their name, and makes that name durable. They must be durable already
    /// ([`Upload::checkpoint`]), and their hash must be `digest`: the caller has compared it. What lies behind them is cut
    /// off. In an object store there is nothing to do.
    ///
    /// If the blob is there already, the staged file is dropped and the blob counts as just published. A publish that
    /// a crash interrupted may be repeated.
    ///
    /// # Errors
    /// [`Error::Missing`] if there are neither so many staged bytes nor the blob, [`Error::Busy`] if an [`Upload`] of this
    /// id is alive.
    /// # Cancel safety
    /// The work goes on.
    pub async fn publish(&self, id: Uuid, digest: &Digest, size: u64) -> Result<(), Error> {
        match &self.0 {
            Kind::Disk(disk) => disk.publish(id, digest, size).await,
            Kind::Objects(_) => Ok(()),
        }
    }

    /// Removes the staged file of `id`; success if there is none. In an object store there is nothing to do: the parts of an
    /// upload are removed by their keys.
    ///
    /// # Errors
    /// [`Error::Busy`] if an [`Upload`] of this id is alive.
    pub async fn discard(&self, id: Uuid) -> Result<(), Error> {
        match &self.0 {
            Kind::Disk(disk) => disk.discard(id).await,
            Kind::Objects(_) => Ok(()),
        }
    }

    /// Opens a blob of `size` bytes. On disk that is one `open` and one `fstat` on the calling thread, and the size is the
    /// file's. In an object store nothing is asked: whether the parts are there shows when they are read.
    ///
    /// # Errors
    /// [`Error::Missing`] if there is no such file; [`Error::Io`] if the parts do not add up to `size`.
    pub fn get(&self, digest: &Digest, parts: &[Part], size: u64) -> Result<Blob, Error> {
        match &self.0 {
            Kind::Disk(disk) => disk.get(digest).map(Blob::from),
            Kind::Objects(objects) => ObjectBlob::open(objects.clone(), parts, size).map(Blob::from),
        }
    }

    /// Makes the bytes of `file`, which somebody else wrote, the blob `digest`, durably, and without writing them again where the
    /// file system can do without. All of them are read and hashed. The file stays as it is and where it is. `id` names the
    /// work among the uploads: what a crash leaves of it is found there.
    ///
    /// # Errors
    /// [`Error::Missing`] if there is no such file, [`Error::Io`] if it is none or cannot be read; as the operating system
    /// reports.
    /// # Cancel safety
    /// The step that is being done goes on, and the next are not done.
    pub async fn adopt(&self, id: Uuid, file: &Path, digest: &Digest, sharing: Sharing) -> Result<Adoption, Error> {
        match &self.0 {
            Kind::Disk(disk) => disk.adopt(id, file, digest, sharing).await,
            Kind::Objects(_) => Ok(Adoption::NoFiles),
        }
    }

    /// The bytes of a blob, as the disk or the object store counts them.
    ///
    /// # Errors
    /// [`Error::Missing`] if the blob, or one of its parts, is not there; as the operating system or the object store reports.
    pub async fn size(&self, digest: &Digest, parts: &[Part]) -> Result<u64, Error> {
        match &self.0 {
            Kind::Disk(disk) => Ok(disk.get(digest)?.size()),
            Kind::Objects(objects) => objects.size(parts).await,
        }
    }

    /// Removes a blob, durably; success if there is none. On disk, open [`Blob`]s stay readable.
    ///
    /// # Errors
    /// As the operating system or the object store reports.
    pub async fn remove(&self, digest: &Digest, parts: &[Part]) -> Result<(), Error> {
        match &self.0 {
            Kind::Disk(disk) => disk.remove(digest).await,
            Kind::Objects(objects) => {
                let keys: Vec<Key> = parts.iter().map(|part| part.key).collect();
                objects.remove(&keys).await
            }
        }
    }

    /// Moves the file of a blob to where nobody looks for it, and keeps it there, durably; success if there is none. In an object store
    /// there is nothing to do: which objects are a blob's is said by their rows.
    ///
    /// # Errors
    /// As the operating system reports.
    pub async fn set_aside(&self, digest: &Digest) -> Result<(), Error> {
        match &self.0 {
            Kind::Disk(disk) => disk.set_aside(digest).await,
            Kind::Objects(_) => Ok(()),
        }
    }

    /// What is staged on disk. Files with other names than the store gives are logged and left alone.
    ///
    /// # Errors
    /// As the operating system reports.
    pub async fn staged(&self) -> Result<Vec<Staged>, Error> {
        match &self.0 {
            Kind::Disk(disk) => disk.staged().await,
            Kind::Objects(_) => Ok(Vec::new()),
        }
    }

    /// One page of the blobs on disk, in the order of digests: at most `limit` of those behind `after`. An empty page is
    /// the end. Files with other names than the store gives are logged and left alone.
    ///
    /// # Errors
    /// As the operating system reports.
    pub async fn blobs(&self, after: Option<Digest>, limit: usize) -> Result<Vec<Stored>, Error> {
        match &self.0 {
            Kind::Disk(disk) => disk.blobs(after, limit).await,
            Kind::Objects(_) => Ok(Vec::new()),
        }
    }

    /// The processes of which there are objects or unfinished writes in the object store, dead or alive.
    ///
    /// # Errors
    /// As the object store reports.
    pub async fn writers(&self) -> Result<Vec<Uuid>, Error> {
        match &self.0 {
            Kind::Disk(_) => Ok(Vec::new()),
            Kind::Objects(objects) => Ok(objects.writers().await?.into_iter().collect()),
        }
    }

    /// The objects of `writer`, as the store lists them. Those that this process is writing, or that lie in a
    /// [`NewParts`](crate::NewParts), are left out.
    ///
    /// Ask the database for their rows *after* they came out of this: an object that is in no row then is in none ever, if
    /// its writer is this process or dead.
    ///
    /// # Errors
    /// As the object store reports.
    pub async fn written_by(&self, writer: Uuid) -> Result<Keys, Error> {
        match &self.0 {
            Kind::Disk(_) => Ok(Keys::none()),
            Kind::Objects(objects) => objects.written_by(writer).await,
        }
    }

    /// Ends the unfinished writes of `writer` that the object store keeps (multipart uploads), but for those that this process
    /// is at, and returns how many there were.
    ///
    /// # Errors
    /// As the object store reports.
    pub async fn abort_unfinished(&self, writer: Uuid) -> Result<u64, Error> {
        match &self.0 {
            Kind::Disk(_) => Ok(0),
            Kind::Objects(objects) => objects.abort_unfinished_of(writer).await,
        }
    }

    /// Removes objects, many in one request where the store can; success for those that are not there.
    ///
    /// # Errors
    /// As the object store reports; some may be gone then.
    pub async fn remove_objects(&self, keys: &[Key]) -> Result<(), Error> {
        match &self.0 {
            Kind::Disk(_) => Ok(()),
            Kind::Objects(objects) => objects.remove(keys).await,
        }
    }

    /// Tries everything that the service needs of the store, and removes what it wrote for that.
    pub async fn check(&self) -> Vec<Check> {
        match &self.0 {
            Kind::Disk(disk) => {
                let missing = "a file system that takes files, with space left";
                vec![Check::new("write a file", missing, disk.probe().await)]
            }
            Kind::Objects(objects) => objects.check().await,
        }
    }

    /// Checks that the store takes bytes: writes and removes a small file or object. An object store is asked once in five
    /// seconds at most, and given three to answer.
    ///
    /// # Errors
    /// [`Error::Full`], [`Error::Denied`], or as the operating system or the object store reports.
    pub async fn probe(&self) -> Result<(), Error> {
        match &self.0 {
            Kind::Disk(disk) => disk.probe().await,
            Kind::Objects(objects) => objects.probe().await,
        }
    }
}
