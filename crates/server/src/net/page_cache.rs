//! Reading files without blocking the async threads.
//!
//! Bytes in the page cache are read at once; for the others the caller goes to the blocking pool first.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd;

use bytes::BytesMut;
use nix::libc;

/// The distance between two pages that stand for those between them, in bytes. The kernel reads ahead in steps of
/// 128 KiB or more, and drops pages in the order in which they came.
const STRIDE: u64 = 128 * 1024;

/// Reads up to `length` bytes at `offset` to the end of `buffer` if some are in the page cache.
///
/// The answer is how many were read (0 at the end of the file), and none if the disk would have to be asked.
///
/// # Errors
/// The kernel's.
pub(super) fn read_cached(file: &File, offset: u64, buffer: &mut BytesMut, length: usize) -> io::Result<Option<usize>> {
    match read(file, offset, buffer, length, libc::RWF_NOWAIT) {
        Ok(count) => Ok(Some(count)),
        // A file system without such reads says EOPNOTSUPP.
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Unsupported) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads exactly `length` bytes at `offset`, from the disk if need be. Blocks.
///
/// # Errors
/// [`ErrorKind::UnexpectedEof`] if the file ends before; otherwise the kernel's.
pub(super) fn read_blocking(file: &File, offset: u64, length: usize) -> io::Result<BytesMut> {
    let mut buffer = BytesMut::with_capacity(length);
    while buffer.len() < length {
        let done = buffer.len();
        if read(file, offset + done as u64, &mut buffer, length - done, 0)? == 0 {
            return Err(ended_early());
        }
    }
    Ok(buffer)
}

/// Whether `length` bytes from `offset` on are in the page cache, by looking at some of them.
///
/// # Errors
/// The kernel's.
pub(super) fn is_cached(file: &File, offset: u64, length: u64) -> io::Result<bool> {
    let mut one = BytesMut::with_capacity(1);
    for place in samples(offset, length) {
        one.clear();
        if read_cached(file, place, &mut one, 1)?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Brings `length` bytes from `offset` on into the page cache. Blocks.
///
/// They are read in order and thrown away, because then the kernel reads ahead in large pages. Those that it is only
/// advised to fetch (`POSIX_FADV_WILLNEED`) it puts into pages of 4 KiB, and every later pull of them takes a third more of
/// the processor.
///
/// # Errors
/// [`ErrorKind::UnexpectedEof`] if the file ends before; otherwise the kernel's.
pub(super) fn load(file: &File, offset: u64, length: u64) -> io::Result<()> {
    /// Small enough to stay in the processor's cache.
    const STEP: u64 = 64 * 1024;
    let mut buffer = BytesMut::with_capacity(STEP as usize);
    let mut done = 0;
    while done < length {
        buffer.clear();
        match read(file, offset + done, &mut buffer, STEP.min(length - done) as usize, 0)? {
            0 => return Err(ended_early()),
            count => done += count as u64,
        }
    }
    Ok(())
}

/// The error of a file that is shorter than it should be.
pub(super) fn ended_early() -> io::Error {
    io::Error::new(ErrorKind::UnexpectedEof, "the file is shorter than promised")
}

/// The places that stand for a stretch: its first byte, one a stride, and its last.
fn samples(offset: u64, length: u64) -> impl Iterator<Item = u64> {
    let last = length.saturating_sub(1);
    (0..last).step_by(STRIDE as usize).chain([last]).map(move |place| offset + place)
}

fn read(file: &File, offset: u64, buffer: &mut BytesMut, length: usize, flags: libc::c_int) -> io::Result<usize> {
    buffer.reserve(length);
    let offset = libc::off_t::try_from(offset).map_err(io::Error::other)?;
    let room = &mut buffer.spare_capacity_mut()[..length];
    let target = libc::iovec { iov_base: room.as_mut_ptr().cast(), iov_len: room.len() };
    loop {
        // SAFETY: the descriptor is open as long as `file` is borrowed, and `target` names memory that is ours to write.
        let count = unsafe { libc::preadv2(file.as_raw_fd(), &raw const target, 1, offset, flags) };
        if let Ok(count) = usize::try_from(count) {
            // SAFETY: the kernel has written `count` bytes to the room after the current length.
            unsafe { buffer.set_len(buffer.len() + count) };
            return Ok(count);
        }
        let error = io::Error::last_os_error();
        if error.kind() != ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn file(length: usize) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&vec![7; length]).unwrap();
        file
    }

    #[test]
    fn samples_cover_both_ends() {
        assert_eq!(samples(10, 1).collect::<Vec<_>>(), [10]);
        assert_eq!(samples(10, 2).collect::<Vec<_>>(), [10, 11]);
        assert_eq!(samples(0, 2 * STRIDE + 1).collect::<Vec<_>>(), [0, STRIDE, 2 * STRIDE]);
    }

    #[test]
    fn reading_past_the_end_is_an_error() {
        let file = file(1000);
        assert_eq!(read_blocking(&file, 900, 100).unwrap().len(), 100);
        assert_eq!(read_blocking(&file, 900, 101).unwrap_err().kind(), ErrorKind::UnexpectedEof);
        assert_eq!(load(&file, 0, 1001).unwrap_err().kind(), ErrorKind::UnexpectedEof);
        load(&file, 0, 1000).unwrap();
    }

    #[test]
    fn what_was_loaded_is_read_at_once() {
        let file = file(300_000);
        load(&file, 0, 300_000).unwrap();
        if !is_cached(&file, 0, 300_000).unwrap() {
            // Not every file system can say; the callers then use the blocking pool.
            return;
        }
        let mut buffer = BytesMut::from(&b"head"[..]);
        assert_eq!(read_cached(&file, 299_990, &mut buffer, 100).unwrap(), Some(10));
        assert_eq!(&buffer[..], b"head\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07");
        assert_eq!(read_cached(&file, 300_000, &mut buffer, 100).unwrap(), Some(0));
    }
}
