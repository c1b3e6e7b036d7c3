//! The store as a whole.

use std::path::Path;

use entrepot_oci::{Algorithm, Digest};
use uuid::Uuid;

use crate::blob::Blob;
use crate::disk::{Disk, Staged, Stored};
use crate::error::Error;
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

    /// Whether it is worth taking checkpoints in the middle of a long body, so that a crash does not cost all of it. In an
    /// object store each would begin another object.
    pub fn records_midway(&self) -> bool {
        match &self.0 {
            Kind::Disk(_) => true,
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
        _parts: &[Part],
    ) -> Result<Checkpoint, Error> {
        match &self.0 {
            Kind::Disk(disk) => disk.rehash(id, algorithm, length).await,
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
        }
    }

    /// Opens a blob of `size` bytes. On disk that is one `open` and one `fstat` on the calling thread, and the size is the
    /// file's. In an object store nothing is asked: whether the parts are there shows when they are read.
    ///
    /// # Errors
    /// [`Error::Missing`] if there is no such file; [`Error::Io`] if the parts do not add up to `size`.
    pub fn get(&self, digest: &Digest, _parts: &[Part], _size: u64) -> Result<Blob, Error> {
        match &self.0 {
            Kind::Disk(disk) => disk.get(digest).map(Blob::from),
        }
    }

    /// Removes a blob, durably; success if there is none. On disk, open [`Blob`]s stay readable.
    ///
    /// # Errors
    /// As the operating system or the object store reports.
    pub async fn remove(&self, digest: &Digest, _parts: &[Part]) -> Result<(), Error> {
        match &self.0 {
            Kind::Disk(disk) => disk.remove(digest).await,
        }
    }

    /// What is staged on disk. Files with other names than the store gives are logged and left alone.
    ///
    /// # Errors
    /// As the operating system reports.
    pub async fn staged(&self) -> Result<Vec<Staged>, Error> {
        match &self.0 {
            Kind::Disk(disk) => disk.staged().await,
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
        }
    }

    /// The processes of which there are objects or unfinished writes in the object store, dead or alive.
    ///
    /// # Errors
    /// As the object store reports.
    pub async fn writers(&self) -> Result<Vec<Uuid>, Error> {
        match &self.0 {
            Kind::Disk(_) => Ok(Vec::new()),
        }
    }

    /// One page of the objects of `writer`, in the order of keys: at most `limit` of those behind `after`. An empty page is
    /// the end. Those that this process is writing, or that lie in a [`NewParts`](crate::NewParts), are left out.
    ///
    /// Ask the database for their rows *after* this: an object that is in no row then is in none ever, if its writer is
    /// this process or dead.
    ///
    /// # Errors
    /// As the object store reports.
    pub async fn written_by(&self, _writer: Uuid, _after: Option<Key>, _limit: usize) -> Result<Vec<Key>, Error> {
        match &self.0 {
            Kind::Disk(_) => Ok(Vec::new()),
        }
    }

    /// Ends the unfinished writes of `writer` that the object store keeps (multipart uploads), but for those that this process
    /// is at, and returns how many there were.
    ///
    /// # Errors
    /// As the object store reports.
    pub async fn abort_unfinished(&self, _writer: Uuid) -> Result<u64, Error> {
        match &self.0 {
            Kind::Disk(_) => Ok(0),
        }
    }

    /// Removes objects, many in one request where the store can; success for those that are not there.
    ///
    /// # Errors
    /// As the object store reports; some may be gone then.
    pub async fn remove_objects(&self, _keys: &[Key]) -> Result<(), Error> {
        match &self.0 {
            Kind::Disk(_) => Ok(()),
        }
    }

    /// Checks that the store takes bytes: writes and removes a small file or object.
    ///
    /// # Errors
    /// [`Error::Full`], [`Error::Denied`], or as the operating system or the object store reports.
    pub async fn probe(&self) -> Result<(), Error> {
        match &self.0 {
            Kind::Disk(disk) => disk.probe().await,
        }
    }
}
