//! The directory as a whole.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write};
use std::ops::Deref;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use entrepot_oci::{Algorithm, Digest};
use uuid::Uuid;

use super::blob::FileBlob;
use super::claim::{Claim, Claims, Occupied};
use super::layout::{FILE_MODE, Layout, allow_missing, sync_parent};
use super::pool;
use super::publish::{publish, set_aside};
use super::step::step;
use super::upload::StagedUpload;
use super::walk::{self, Staged, Stored};
use super::writer::Writer;
use crate::error::{Context, Error};
use crate::upload::Checkpoint;

/// Blobs and unfinished uploads in one directory of the local disk. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Disk {
    root: Root,
    claims: Claims,
}

/// The open directory, shared by everything that works in it.
#[derive(Clone, Debug)]
pub(crate) struct Root(Arc<Directory>);

#[derive(Debug)]
pub(crate) struct Directory {
    pub(crate) layout: Layout,
    /// Its lock ends when it is closed, after the last batch in flight. Who only looks may have none.
    _lock: Option<File>,
}

impl Deref for Root {
    type Target = Directory;

    fn deref(&self) -> &Directory {
        &self.0
    }
}

impl Root {
    /// The directory, only to be looked at. Where there is a lock, and nobody is to change anything meanwhile, `still` takes it
    /// together with others who look.
    ///
    /// # Errors
    /// [`Error::Busy`] if `still`, and somebody uses the directory.
    pub(crate) fn look(layout: Layout, still: bool) -> Result<Self, Error> {
        let lock = if still { share_lock(&layout)? } else { None };
        Ok(Self(Arc::new(Directory { layout, _lock: lock })))
    }
}

impl Disk {
    /// Opens the store in `root`, and makes the directories that are missing. Blocks the calling thread.
    ///
    /// # Errors
    /// [`Error::Busy`] if another process (or another `Disk`) uses the directory, [`Error::Denied`] or
    /// [`Error::Full`] if it cannot be written to.
    pub(crate) fn open(root: &Path) -> Result<Self, Error> {
        let layout = Layout::new(root);
        layout.create_root()?;
        let lock = lock(&layout)?;
        layout.create()?;
        let store = Self { root: Root(Arc::new(Directory { layout, _lock: Some(lock) })), claims: Claims::default() };
        store.probe_inline()?;
        Ok(store)
    }

    /// Takes up the upload `id` at a point where it was durable, or begins it if that is the beginning.
    /// What was written behind that point is cut off. A batch that an earlier, dropped [`StagedUpload`] left behind is
    /// waited for.
    ///
    /// Beginning costs nothing: the file is made by the first batch or checkpoint.
    ///
    /// # Errors
    /// [`Error::Missing`] if fewer bytes are staged than `at` says, [`Error::Busy`] if another [`StagedUpload`] of this id
    /// is alive.
    pub(crate) async fn resume(&self, id: Uuid, at: Checkpoint) -> Result<StagedUpload, Error> {
        let claim = self.claim("resume", id).await?;
        let (holder, offset, algorithm) = (claim.holder(), at.offset, at.hasher.algorithm());
        let mut writer = Writer::new(claim, self.root.clone(), at);
        if offset > 0 {
            let path = writer.path().to_owned();
            writer = pool::run("resume", &path, move || writer.open().map(|()| writer)).await?;
        }
        Ok(StagedUpload::new(writer, holder, offset, algorithm))
    }

    /// Hashes the first `length` staged bytes with another algorithm, for a client that names a sha512 digest only
    /// when it closes the upload. Constant memory; the blocking pool is left every 64 MiB.
    ///
    /// # Errors
    /// [`Error::Missing`] if fewer bytes are staged, [`Error::Busy`] if an [`StagedUpload`] of this id is alive.
    pub(crate) async fn rehash(&self, id: Uuid, algorithm: Algorithm, length: u64) -> Result<Checkpoint, Error> {
        const SLICE: u64 = 64 * 1024 * 1024;
        let mut claim = self.claim("hash", id).await?;
        let path = self.root.layout.staged(id);
        let mut file = None;
        let mut at = Checkpoint::start(algorithm);
        while at.offset < length {
            let end = length.min(at.offset + SLICE);
            let work_path = path.clone();
            (claim, file, at) = pool::run("hash", &path, move || {
                let file = match file {
                    Some(file) => file,
                    None => File::open(&work_path).context("open", &work_path)?,
                };
                let at = hash_until(&file, &work_path, at, end)?;
                Ok((claim, Some(file), at))
            })
            .await?;
        }
        drop(claim);
        Ok(at)
    }

    /// Gives the first `size` staged bytes of `id` their name, and makes that name durable. They must be durable already
    /// ([`StagedUpload::checkpoint`]), and their hash must be `digest`: the caller has compared it. What lies behind them is cut
    /// off.
    ///
    /// If the blob is there already, the staged file is dropped and the blob counts as just published. A publish that
    /// a crash interrupted may be repeated.
    ///
    /// # Errors
    /// [`Error::Missing`] if there are neither so many staged bytes nor the blob, [`Error::Busy`] if an [`StagedUpload`] of this
    /// id is alive.
    /// # Cancel safety
    /// The work goes on.
    pub(crate) async fn publish(&self, id: Uuid, digest: &Digest, size: u64) -> Result<(), Error> {
        let claim = self.claim("publish", id).await?;
        let (root, digest, staged) = (self.root.clone(), *digest, self.root.layout.staged(id));
        pool::run("publish", &self.root.layout.staged(id), move || {
            let result = publish(&root.layout, &staged, &digest, size);
            drop(claim);
            result
        })
        .await
    }

    /// Removes the staged file of `id`; success if there is none.
    ///
    /// # Errors
    /// [`Error::Busy`] if an [`StagedUpload`] of this id is alive.
    pub(crate) async fn discard(&self, id: Uuid) -> Result<(), Error> {
        let claim = self.claim("discard", id).await?;
        let root = self.root.clone();
        pool::run("discard", &self.root.layout.staged(id), move || {
            let path = root.layout.staged(id);
            step!("store::before_discard", &path);
            // Not synced: a staged file that comes back after a power loss is found by the next purge.
            allow_missing(fs::remove_file(&path)).context("remove", &path)?;
            step!("store::after_discard", &path);
            drop(claim);
            Ok(())
        })
        .await
    }

    /// Opens a blob: one `open` and one `fstat` on the calling thread.
    ///
    /// # Errors
    /// [`Error::Missing`] if there is no such blob.
    pub(crate) fn get(&self, digest: &Digest) -> Result<FileBlob, Error> {
        FileBlob::open(self.root.clone(), digest)
    }

    /// Removes a blob, durably; success if there is none. Open [`FileBlob`]s stay readable.
    ///
    /// # Errors
    /// As the operating system reports.
    pub(crate) async fn remove(&self, digest: &Digest) -> Result<(), Error> {
        let path = self.root.layout.blob(digest);
        let root = self.root.clone();
        pool::run("remove", &self.root.layout.blob(digest), move || {
            step!("store::before_remove", &path);
            allow_missing(fs::remove_file(&path)).context("remove", &path)?;
            step!("store::after_remove", &path);
            let result = sync_parent(&path);
            drop(root);
            match result {
                // Of this directory there never was a blob.
                Err(Error::Missing(_)) => Ok(()),
                result => result,
            }
        })
        .await
    }

    /// Moves a blob to where nobody looks for it, durably; success if there is none. The file keeps what is in it.
    ///
    /// # Errors
    /// As the operating system reports.
    pub(crate) async fn set_aside(&self, digest: &Digest) -> Result<(), Error> {
        let (root, digest) = (self.root.clone(), *digest);
        pool::run("set aside", &self.root.layout.blob(&digest), move || set_aside(&root.layout, &digest)).await
    }

    /// What is staged. Files with other names than the store gives are logged and left alone.
    ///
    /// # Errors
    /// As the operating system reports.
    pub(crate) async fn staged(&self) -> Result<Vec<Staged>, Error> {
        let root = self.root.clone();
        pool::run("list", self.root.layout.uploads(), move || walk::staged(&root.layout)).await
    }

    /// One page of the blobs, in the order of digests: at most `limit` of those behind `after`. An empty page is the
    /// end. Files with other names than the store gives are logged and left alone.
    ///
    /// # Errors
    /// As the operating system reports.
    pub(crate) async fn blobs(&self, after: Option<Digest>, limit: usize) -> Result<Vec<Stored>, Error> {
        let root = self.root.clone();
        pool::run("list", self.root.layout.root(), move || walk::blobs(&root.layout, after, limit)).await
    }

    /// Checks that the disk takes bytes, on the blocking pool.
    ///
    /// # Errors
    /// [`Error::Full`], [`Error::Denied`], or as the operating system reports.
    pub(crate) async fn probe(&self) -> Result<(), Error> {
        let disk = self.clone();
        pool::run("write to", self.root.layout.uploads(), move || disk.probe_inline()).await
    }

    /// Writes and removes a small file, without a sync, on the calling thread.
    ///
    /// # Errors
    /// [`Error::Full`], [`Error::Denied`], or as the operating system reports.
    fn probe_inline(&self) -> Result<(), Error> {
        let path = self.root.layout.probe();
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(FILE_MODE);
        let written = options.open(&path).and_then(|mut file| file.write_all(&[0; 4096]));
        // Also when the write failed. Another probe may have been faster.
        let removed = allow_missing(fs::remove_file(&path));
        written.context("write to", &path)?;
        removed.context("remove", &path)
    }

    pub(super) fn root(&self) -> &Root {
        &self.root
    }

    pub(super) async fn claim(&self, operation: &'static str, id: Uuid) -> Result<Claim, Error> {
        self.claims.take(id).await.map_err(|Occupied| {
            let path = self.root.layout.staged(id);
            Error::explained(operation, &path, ErrorKind::ResourceBusy, "a client is sending to this upload")
        })
    }
}

fn lock(layout: &Layout) -> Result<File, Error> {
    const OPERATION: &str = "use the directory";
    let path = layout.lock();
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(FILE_MODE)
        .open(&path)
        .context("open", &path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::explained(
            OPERATION,
            layout.root(),
            ErrorKind::ResourceBusy,
            "another process uses it; stop that one, or choose another directory",
        )),
        Err(TryLockError::Error(cause)) => Err(Error::new(OPERATION, &path, cause)),
    }
}

/// `None` if the directory came without its lock, as a copy may.
fn share_lock(layout: &Layout) -> Result<Option<File>, Error> {
    let path = layout.lock();
    let file = match File::open(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened.context("open", &path)?,
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Err(Error::explained(
            "read the directory",
            layout.root(),
            ErrorKind::ResourceBusy,
            "another process is writing to it",
        )),
        Err(TryLockError::Error(cause)) => Err(Error::new("lock", &path, cause)),
    }
}

fn hash_until(file: &File, path: &Path, mut at: Checkpoint, end: u64) -> Result<Checkpoint, Error> {
    // Small enough to stay in the cache between the read and the hash.
    const STEP: u64 = 256 * 1024;
    let mut buffer = vec![0; STEP as usize];
    while at.offset < end {
        let length = STEP.min(end - at.offset);
        let piece = &mut buffer[..length as usize];
        file.read_exact_at(piece, at.offset).map_err(|cause| match cause.kind() {
            ErrorKind::UnexpectedEof => {
                Error::explained("hash", path, ErrorKind::NotFound, "the file is shorter than what was acknowledged")
            }
            _ => Error::new("read", path, cause),
        })?;
        at.hasher.update(piece);
        at.offset += length;
    }
    Ok(at)
}
