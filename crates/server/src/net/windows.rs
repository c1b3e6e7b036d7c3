//! Stretches of files that are on their way out of one connection as memory.
//!
//! hyper moves bodies as memory, and sendfile(2) wants a file and an offset. A [`Stretch`] bridges the two: a file mapped
//! into memory whose place is written down here, so that the socket recognises the pointer when hyper hands it back, and
//! asks the kernel to send from the file. The mapping itself is never read.

use std::fs::File;
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use bytes::Bytes;
use memmap2::{Mmap, MmapOptions};
use parking_lot::Mutex;

/// The stretches that one connection may be asked to send.
#[derive(Debug, Default)]
pub(super) struct FileWindows {
    /// The length of `list`, so that a connection which sends no file takes no lock.
    count: AtomicUsize,
    list: Mutex<Vec<Place>>,
}

/// Where a stretch lies in memory and in its file.
#[derive(Debug)]
struct Place {
    start: usize,
    length: usize,
    file: Arc<File>,
    offset: u64,
}

/// What a list of buffers begins with.
#[derive(Debug)]
pub(super) enum Leading {
    /// Memory only.
    Memory,
    /// This many buffers of memory, then a piece of a file.
    MemoryThenFile(usize),
    /// A piece of a file.
    File {
        /// The file it is in.
        file: Arc<File>,
        /// Where it begins in the file, in bytes.
        offset: u64,
        /// How long it is, in bytes.
        length: usize,
    },
}

/// A mapped stretch of a file, known to its connection while it lives.
#[derive(Debug)]
struct Stretch {
    mapping: Mmap,
    windows: Arc<FileWindows>,
}

impl FileWindows {
    /// Maps `length` bytes of `file` from `offset` on. The bytes may be cut into slices; what matters is that they are
    /// written to the connection that these windows belong to, unread.
    ///
    /// # Errors
    /// The kernel's, when it cannot map the file.
    pub(super) fn open(self: &Arc<Self>, file: Arc<File>, offset: u64, length: usize) -> io::Result<Bytes> {
        // SAFETY: the mapping is undefined behaviour only if its memory is read while somebody changes the file. Files
        // served this way are immutable, and nobody reads the memory in any case: the socket sends it by sendfile.
        let mapping = unsafe { MmapOptions::new().offset(offset).len(length).map(&*file)? };
        let start = mapping.as_ptr() as usize;
        let mut list = self.list.lock();
        list.push(Place { start, length, file, offset });
        self.count.store(list.len(), Relaxed);
        drop(list);
        Ok(Bytes::from_owner(Stretch { mapping, windows: self.clone() }))
    }

    /// Finds out what to send first.
    pub(super) fn leading(&self, buffers: &[IoSlice<'_>]) -> Leading {
        if self.count.load(Relaxed) == 0 {
            return Leading::Memory;
        }
        let list = self.list.lock();
        for (index, buffer) in buffers.iter().enumerate() {
            let start = buffer.as_ptr() as usize;
            let inside = |place: &&Place| start >= place.start && start - place.start < place.length;
            if let Some(place) = list.iter().find(inside) {
                if index > 0 {
                    return Leading::MemoryThenFile(index);
                }
                let skipped = start - place.start;
                return Leading::File {
                    file: place.file.clone(),
                    offset: place.offset + skipped as u64,
                    length: buffer.len().min(place.length - skipped),
                };
            }
        }
        Leading::Memory
    }
}

impl AsRef<[u8]> for Stretch {
    fn as_ref(&self) -> &[u8] {
        &self.mapping
    }
}

impl Drop for Stretch {
    fn drop(&mut self) {
        // Before the memory goes back to the kernel, or another mapping could be mistaken for this one.
        let start = self.mapping.as_ptr() as usize;
        let mut list = self.windows.list.lock();
        list.retain(|place| place.start != start);
        self.windows.count.store(list.len(), Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn slices_are_recognised_while_they_live() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&[7; 20_000]).unwrap();
        let windows = Arc::new(FileWindows::default());
        // Neither end lies on a page.
        let bytes = windows.open(Arc::new(file), 5000, 10_000).unwrap();
        let late = bytes.slice(100..300);
        drop(bytes);
        let head = [1_u8; 10];
        assert!(matches!(windows.leading(&[IoSlice::new(&head)]), Leading::Memory));
        assert!(matches!(
            windows.leading(&[IoSlice::new(&head), IoSlice::new(&head), IoSlice::new(&late)]),
            Leading::MemoryThenFile(2)
        ));
        match windows.leading(&[IoSlice::new(&late), IoSlice::new(&head)]) {
            Leading::File { offset, length, .. } => assert_eq!((offset, length), (5100, 200)),
            other => panic!("{other:?}"),
        }
        let stale = late.as_ptr();
        drop(late);
        // SAFETY: only the address is looked at.
        let stale = unsafe { std::slice::from_raw_parts(stale, 0) };
        assert!(matches!(windows.leading(&[IoSlice::new(stale)]), Leading::Memory));
        assert_eq!(windows.count.load(Relaxed), 0);
    }
}
