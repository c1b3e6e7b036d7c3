//! What the process asks of the system for itself, once, at start.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Blocks from this size on come from the system and go back to it at once, in bytes.
const MAP_FROM: i32 = 4 * 1024 * 1024;
/// Free memory that the allocator keeps at the end of each heap, in bytes.
const KEEP: i32 = 16 * 1024 * 1024;

/// Prepares the process for many connections and large transfers.
pub(crate) fn prepare() {
    raise_open_files();
    keep_buffers();
}

/// Raises the soft limit on open files to the hard one: a connection takes one or two, and shells start with 1024.
fn raise_open_files() {
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && soft < hard
    {
        // If it is refused, connections over the limit wait, and the log says so.
        let _as_before = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}

/// Tells glibc's allocator to keep the buffers that bodies arrive in. By default each is given back to the system when it
/// is free and faulted in again, page by page, for the next: 5 % of the cost of receiving a blob.
#[cfg(target_env = "gnu")]
fn keep_buffers() {
    // SAFETY: `mallopt` sets two numbers; the process has one thread at this point.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, MAP_FROM);
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEEP);
    }
}

#[cfg(not(target_env = "gnu"))]
fn keep_buffers() {}
