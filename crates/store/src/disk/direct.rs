//! The way to the disk past the page cache, for the bytes of large blobs.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::any::Any;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::ops::{Deref, DerefMut};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use nix::libc::{EINVAL, O_DIRECT};

/// From this position of an upload on its bytes go past the page cache. Smaller blobs stay in it, because they are
/// pulled right after they were pushed. Larger ones would push everything else out, and copying them into fresh pages
/// of the cache costs about as much processor time as hashing them.
pub(crate) const DIRECT_FROM: u64 = 16 * 1024 * 1024;

/// Position, length and memory of a direct write are multiples of this: the page size, and at least the block size of
/// the disks in use. A disk that wants more refuses, which is no error.
const PAGE: usize = 4096;

/// Bytes that are gathered for one direct write. An upload holds two buffers of this size.
const GATHER_BYTES: usize = 1024 * 1024;

/// Gathers the end of a file and writes it in whole pages past the page cache.
///
/// A direct write waits for the disk. So a thread of its own writes what was gathered while the next bytes are hashed
/// and gathered: two buffers. It is no task of the blocking pool, where those who wait for it might take every place.
///
/// What does not fill a page when it must be written goes through the cache, and so does the rest of that page later:
/// no page that is dirty in the cache is ever written directly.
#[derive(Debug)]
pub(crate) struct Direct {
    /// The file, opened with `O_DIRECT`.
    file: Arc<File>,
    pages: Pages,
    /// Bytes of `pages` that are gathered.
    filled: usize,
    /// Where in the file the gathered bytes begin.
    begin: u64,
    /// The other buffer, unless it is being written or not needed yet.
    spare: Option<Pages>,
    in_flight: bool,
    keep: Keep,
    jobs: SyncSender<Job>,
    done: Receiver<(Job, io::Result<usize>)>,
    /// Whether the file system refused a direct write.
    refused: bool,
}

/// A full buffer and its place in the file.
#[derive(Debug)]
struct Job {
    pages: Pages,
    begin: u64,
    _keep: Keep,
}

/// What must not be dropped while a write is in flight.
type Keep = Arc<dyn Any + Send + Sync>;

impl Direct {
    /// Opens the file `path` again, to go on at the position `at`. Not every file system can do that.
    ///
    /// `keep` is held until the last write has ended, also if this value is dropped before.
    pub(crate) fn open(path: &Path, at: u64, keep: Keep) -> io::Result<Self> {
        let file = Arc::new(OpenOptions::new().write(true).custom_flags(O_DIRECT).open(path)?);
        let (jobs, next_job) = sync_channel::<Job>(1);
        let (results, done) = sync_channel(1);
        let thread_file = Arc::clone(&file);
        thread::Builder::new().name("direct-write".into()).spawn(move || {
            while let Ok(job) = next_job.recv() {
                let result = thread_file.write_at(&job.pages, job.begin);
                if results.send((job, result)).is_err() {
                    break;
                }
            }
        })?;
        let (pages, spare) = (Pages::new(), None);
        Ok(Self { file, pages, filled: 0, begin: at, spare, in_flight: false, keep, jobs, done, refused: false })
    }

    /// Whether a direct write was refused: its bytes went through the cache, and all later ones do.
    pub(crate) fn is_refused(&self) -> bool {
        self.refused
    }

    /// Takes the next bytes, and begins to write them as soon as there are enough. `cached` is the file, opened
    /// without `O_DIRECT`. Errors are of these bytes or of earlier ones.
    pub(crate) fn append(&mut self, cached: &File, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        if self.filled == 0 {
            let missing = (self.begin.next_multiple_of(PAGE as u64) - self.begin) as usize;
            let (head, behind) = rest.split_at(missing.min(rest.len()));
            cached.write_all_at(head, self.begin)?;
            self.begin += head.len() as u64;
            rest = behind;
        }
        while !rest.is_empty() {
            let (now, behind) = rest.split_at(rest.len().min(GATHER_BYTES - self.filled));
            self.pages[self.filled..self.filled + now.len()].copy_from_slice(now);
            self.filled += now.len();
            rest = behind;
            if self.filled == GATHER_BYTES {
                self.hand_over(cached)?;
            }
        }
        Ok(())
    }

    /// Begins to write the full buffer, and takes the other one.
    fn hand_over(&mut self, cached: &File) -> io::Result<()> {
        self.settle(cached)?;
        if self.refused {
            return self.flush(cached);
        }
        let empty = self.spare.take().unwrap_or_else(Pages::new);
        let pages = std::mem::replace(&mut self.pages, empty);
        let job = Job { pages, begin: self.begin, _keep: Arc::clone(&self.keep) };
        self.jobs.send(job).map_err(|_| stopped())?;
        self.in_flight = true;
        self.begin += GATHER_BYTES as u64;
        self.filled = 0;
        Ok(())
    }

    /// Waits for the write in flight.
    pub(crate) fn settle(&mut self, cached: &File) -> io::Result<()> {
        if !self.in_flight {
            return Ok(());
        }
        let (job, result) = self.done.recv().map_err(|_| stopped())?;
        self.in_flight = false;
        self.refused |= complete(cached, result, &job.pages, job.begin)?;
        self.spare = Some(job.pages);
        Ok(())
    }

    /// Hands everything gathered to the operating system.
    pub(crate) fn flush(&mut self, cached: &File) -> io::Result<()> {
        self.settle(cached)?;
        let whole = self.filled / PAGE * PAGE;
        let result = match whole {
            0 => Ok(0),
            _ if self.refused => Ok(0),
            _ => self.file.write_at(&self.pages[..whole], self.begin),
        };
        self.refused |= complete(cached, result, &self.pages[..self.filled], self.begin)?;
        self.begin += self.filled as u64;
        self.filled = 0;
        Ok(())
    }
}

/// Writes through the cache what a direct write has left of `bytes`. True if the file system refused it.
fn complete(cached: &File, result: io::Result<usize>, bytes: &[u8], begin: u64) -> io::Result<bool> {
    let (written, refused) = match result {
        // Less than all if the disk becomes full: the write below then tells.
        Ok(n) => (n / PAGE * PAGE, false),
        Err(error) if error.raw_os_error() == Some(EINVAL) => (0, true),
        Err(error) if error.kind() == ErrorKind::Interrupted => (0, false),
        Err(error) => return Err(error),
    };
    cached.write_all_at(&bytes[written..], begin + written as u64)?;
    Ok(refused)
}

fn stopped() -> io::Error {
    io::Error::other("the thread that writes has stopped")
}

/// `GATHER_BYTES` of memory that begin at a page.
#[derive(Debug)]
pub(super) struct Pages(NonNull<u8>);

impl Pages {
    const LAYOUT: Layout = match Layout::from_size_align(GATHER_BYTES, PAGE) {
        Ok(layout) => layout,
        Err(_) => panic!("the page size is a power of two"),
    };

    pub(super) fn new() -> Self {
        // SAFETY: the size of the layout is not zero.
        let pointer = unsafe { alloc_zeroed(Self::LAYOUT) };
        Self(NonNull::new(pointer).unwrap_or_else(|| handle_alloc_error(Self::LAYOUT)))
    }
}

impl Deref for Pages {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: `new` allocated so many bytes and set them to zero, and they live as long as `self`.
        unsafe { std::slice::from_raw_parts(self.0.as_ptr(), GATHER_BYTES) }
    }
}

impl DerefMut for Pages {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above; and `self` is borrowed exclusively, so nobody else has a reference to them.
        unsafe { std::slice::from_raw_parts_mut(self.0.as_ptr(), GATHER_BYTES) }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: `new` allocated it with this layout, and it is given back only here.
        unsafe { dealloc(self.0.as_ptr(), Self::LAYOUT) };
    }
}

// SAFETY: the memory belongs to this value alone; it is bound to no thread.
unsafe impl Send for Pages {}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(length: usize) -> Vec<u8> {
        (0..length).map(|at| (at / 7 + at / 4096) as u8).collect()
    }

    fn write(begin: usize, pieces: &[usize], break_alignment: bool) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        let expected = content(begin + pieces.iter().sum::<usize>());
        std::fs::write(&path, &expected[..begin]).unwrap();
        let cached = OpenOptions::new().write(true).open(&path).unwrap();
        // Not every file system can.
        let Ok(mut direct) = Direct::open(&path, begin as u64, Arc::new(())) else { return };
        if break_alignment {
            let (length, rest) = (direct.pages.len(), &expected[begin..]);
            assert!(rest.len() < length);
            direct.pages[..rest.len()].copy_from_slice(rest);
            direct.filled = rest.len();
            direct.flush(&cached).unwrap();
        } else {
            let mut at = begin;
            for piece in pieces {
                direct.append(&cached, &expected[at..at + piece]).unwrap();
                at += piece;
                if piece % 2 == 1 {
                    direct.flush(&cached).unwrap();
                }
            }
            direct.flush(&cached).unwrap();
            assert!(!direct.is_refused(), "every direct write was aligned");
        }
        assert!(std::fs::read(&path).unwrap() == expected, "{begin} {pieces:?}");
    }

    #[test]
    fn every_byte_arrives() {
        for begin in [0, 1, 4095, 4096, 4097, 10_000] {
            for pieces in [
                &[0][..],
                &[1, 1, 1],
                &[4096],
                &[4095, 1, 4096, 4097],
                &[1, 4094, 8192, 8193, 100],
                &[GATHER_BYTES - 1, 2, 4096],
                &[GATHER_BYTES, GATHER_BYTES],
                &[3 * GATHER_BYTES + 5, 70_000, 2 * GATHER_BYTES],
            ] {
                write(begin, pieces, false);
            }
        }
    }

    #[test]
    fn a_refused_write_goes_through_the_cache() {
        // Nothing but this test writes directly at such a position, and most file systems refuse it.
        write(1, &[10_000], true);
    }
}
