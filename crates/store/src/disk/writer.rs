//! The blocking half of an upload: hashes batches and appends them to the staged file.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, IoSlice, Seek, SeekFrom, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use entrepot_oci::{Digest, Hasher};

use super::claim::Claim;
use super::direct::{DIRECT_FROM, Direct};
use super::layout::{FILE_MODE, sync_directory};
use super::publish::publish;
use super::step::step;
use super::store::Root;
use crate::error::{Context, Error};
use crate::part::NewParts;
use crate::upload::{Checkpoint, Finish};

/// The most pieces that one system call takes (`IOV_MAX`).
pub(crate) const MAX_PIECES: usize = 1024;

/// Bytes that are hashed, then written while they are in the cache. On ext4 in a virtual machine a gibibyte took 1.0 s of
/// processor time in pieces of 64 to 256 KiB, of which 0.7 s is SHA-256, and up to 1.7 s in pieces of 1 MiB.
const WRITE_BYTES: usize = 256 * 1024;

/// After so many bytes the disk begins to write them, so that the sync at the end does not have it all to do.
/// Measured, this takes 0.3 s per gibibyte off the way to the checkpoint, and no processor time.
const WRITEBACK_BYTES: u64 = 8 * 1024 * 1024;

/// The staged file of one upload, opened when the first byte or sync needs it.
#[derive(Debug)]
pub(crate) struct Writer {
    path: PathBuf,
    file: Option<File>,
    hasher: Hasher,
    /// Bytes hashed, and handed to the operating system or gathered in `way`.
    written: u64,
    way: Way,
    /// Bytes whose way to the disk has been started.
    started: u64,
    /// Bytes that survive a power loss.
    durable: u64,
    /// Whether the file was changed since it was synced.
    unsynced: bool,
    /// Whether the file's name survives a power loss.
    named: bool,
    /// Held until the last batch and the last direct write end, also when the upload is gone.
    claim: Arc<Claim>,
    /// Keeps the lock of the directory too.
    root: Root,
}

/// How the next bytes get into the file.
#[derive(Debug)]
enum Way {
    /// Through the page cache, until there are so many that it is worth asking for the other way.
    Cached,
    /// Past the page cache.
    Direct(Direct),
    /// Through the page cache to the end: the file system knows no other way.
    OnlyCached,
}

impl Writer {
    /// Begins at `checkpoint`; nothing is opened if that is the beginning of the file.
    pub(crate) fn new(claim: Claim, root: Root, checkpoint: Checkpoint) -> Self {
        Self {
            path: root.layout.staged(claim.id()),
            file: None,
            hasher: checkpoint.hasher,
            written: checkpoint.offset,
            way: Way::Cached,
            started: checkpoint.offset,
            durable: checkpoint.offset,
            unsynced: false,
            // A checkpoint behind the first byte was given after the directory had been synced.
            named: checkpoint.offset > 0,
            claim: Arc::new(claim),
            root,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the file and cuts off what was written behind the checkpoint.
    pub(crate) fn open(&mut self) -> Result<(), Error> {
        if self.file.is_some() {
            return Ok(());
        }
        let mut options = OpenOptions::new();
        options.write(true).mode(FILE_MODE);
        if self.written == 0 {
            options.create(true).truncate(true);
        }
        let mut file = options.open(&self.path).context("open", &self.path)?;
        if self.written > 0 {
            let length = file.metadata().context("look at", &self.path)?.len();
            if length < self.written {
                return Err(Error::explained(
                    "resume",
                    &self.path,
                    ErrorKind::NotFound,
                    "the file is shorter than what was acknowledged",
                ));
            }
            if length > self.written {
                file.set_len(self.written).context("truncate", &self.path)?;
                self.unsynced = true;
            }
            file.seek(SeekFrom::Start(self.written)).context("seek in", &self.path)?;
        }
        self.unsynced |= self.written == 0;
        self.file = Some(file);
        Ok(())
    }

    /// Appends a batch. After an error the writer must not be used again.
    pub(crate) fn append(&mut self, batch: &[Bytes]) -> Result<(), Error> {
        self.open()?;
        let result = self.hash_and_write(batch);
        self.cut_back(result)
    }

    /// Gives the space of an unacknowledged end back if it could not be written.
    fn cut_back(&mut self, result: Result<(), Error>) -> Result<(), Error> {
        if let (Err(_), Some(file)) = (&result, &self.file) {
            // Nobody will be told of these bytes; on a full disk others need their space now.
            // If this fails too, the next resume cuts them off.
            if let Way::Direct(direct) = &mut self.way {
                let _ = direct.settle(file);
            }
            let _ = file.set_len(self.durable);
        }
        result
    }

    fn hash_and_write(&mut self, batch: &[Bytes]) -> Result<(), Error> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let mut slices = batch.iter().flat_map(|chunk| chunk.chunks(WRITE_BYTES)).peekable();
        while slices.peek().is_some() {
            if matches!(self.way, Way::Cached) && self.written >= DIRECT_FROM {
                // Why it may fail does not matter: the file that is open already takes the bytes too.
                let keep = Arc::new((Arc::clone(&self.claim), self.root.clone()));
                self.way = Direct::open(&self.path, self.written, keep).map_or(Way::OnlyCached, Way::Direct);
            }
            step!("store::before_write", &self.path);
            if let Way::Direct(direct) = &mut self.way {
                let Some(slice) = slices.next() else { break };
                self.hasher.update(slice);
                direct.append(file, slice).context("write to", &self.path)?;
                self.written += slice.len() as u64;
                self.started = self.written;
                self.unsynced = true;
                if direct.is_refused() {
                    direct.flush(file).context("write to", &self.path)?;
                    file.seek(SeekFrom::Start(self.written)).context("seek in", &self.path)?;
                    self.way = Way::OnlyCached;
                }
                step!("store::after_write", &self.path);
                continue;
            }
            let mut length = 0;
            let mut pieces = Vec::with_capacity(batch.len().min(MAX_PIECES));
            while pieces.len() < MAX_PIECES
                && let Some(slice) = slices.next_if(|slice| length + slice.len() <= WRITE_BYTES)
            {
                self.hasher.update(slice);
                length += slice.len();
                pieces.push(IoSlice::new(slice));
            }
            write_all(file, &mut pieces).context("write to", &self.path)?;
            self.written += length as u64;
            self.unsynced = true;
            step!("store::after_write", &self.path);
        }
        if self.written - self.started >= WRITEBACK_BYTES {
            start_writeback(file, self.started, self.written - self.started);
            self.started = self.written;
        }
        Ok(())
    }

    /// Whether a sync would have nothing to do.
    pub(crate) fn is_durable(&self) -> bool {
        self.named && !self.unsynced
    }

    /// Makes everything appended so far, and the name of the file, survive a power loss.
    ///
    /// After an error the writer must not be used again: the operating system may have dropped the bytes that it
    /// could not write, and would report success the next time.
    pub(crate) fn sync(&mut self) -> Result<(), Error> {
        if self.is_durable() {
            return Ok(());
        }
        self.sync_bytes()?;
        if !self.named {
            sync_directory(self.root.layout.uploads())?;
            self.named = true;
        }
        Ok(())
    }

    fn sync_bytes(&mut self) -> Result<(), Error> {
        self.open()?;
        let flushed = match (&mut self.way, &self.file) {
            (Way::Direct(direct), Some(file)) => direct.flush(file).context("write to", &self.path),
            _ => Ok(()),
        };
        self.cut_back(flushed)?;
        if let (true, Some(file)) = (self.unsynced, &self.file) {
            step!("store::before_sync", &self.path);
            file.sync_data().context("sync", &self.path)?;
            step!("store::after_sync", &self.path);
            self.durable = self.written;
            self.unsynced = false;
        }
        Ok(())
    }

    /// Publishes what was appended, if its hash is `digest`. The staged name need not be durable for that.
    pub(crate) fn publish(&mut self, digest: &Digest) -> Result<Finish, Error> {
        let found = self.hasher.clone().finish();
        if found != *digest {
            return Ok(Finish::Mismatch { found });
        }
        self.sync_bytes()?;
        publish(&self.root.layout, &self.path, digest, self.written)?;
        Ok(Finish::Published { parts: NewParts::default() })
    }

    pub(crate) fn checkpoint(&self) -> Checkpoint {
        Checkpoint { offset: self.written, hasher: self.hasher.clone() }
    }
}

fn write_all(file: &mut File, mut slices: &mut [IoSlice<'_>]) -> std::io::Result<()> {
    while !slices.is_empty() {
        match file.write_vectored(slices) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(n) => IoSlice::advance_slices(&mut slices, n),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Lets the disk begin to write a range of the file, without waiting. Only a hint: what it does not achieve, the sync
/// does, and reports.
fn start_writeback(file: &File, offset: u64, length: u64) {
    let (Ok(offset), Ok(length)) = (offset.try_into(), length.try_into()) else { return };
    // SAFETY: the call takes no pointers, and the descriptor is open as long as `file` is borrowed.
    unsafe { nix::libc::sync_file_range(file.as_raw_fd(), offset, length, nix::libc::SYNC_FILE_RANGE_WRITE) };
}
