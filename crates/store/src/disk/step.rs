//! The named steps of everything that changes the disk.
//!
//! With the feature `failpoints`, each step asks the `fail` crate what to do: go on, sleep, stop, panic, call back
//! (a crash test kills the process there), or `return(28)`: fail with this error number of the operating system.
//! Without the feature a step is no code at all.

/// The names of all fail points of this crate, in the order in which a push meets them.
pub const FAIL_POINTS: &[&str] = &[
    "store::before_write",
    "store::after_write",
    "store::before_sync",
    "store::after_sync",
    "store::before_rename",
    "store::after_rename",
    "store::before_dir_sync",
    "store::after_dir_sync",
    "store::before_remove",
    "store::after_remove",
    "store::before_discard",
    "store::after_discard",
];

/// A fail point in a function that returns `Result<_, Error>`.
macro_rules! step {
    ($name:literal, $path:expr) => {
        fail::fail_point!($name, |errno| Err($crate::disk::step::injected($name, $path, errno)))
    };
}
pub(crate) use step;

/// The error that a fail point was told to return.
#[cfg(feature = "failpoints")]
pub(crate) fn injected(name: &'static str, path: &std::path::Path, errno: Option<String>) -> crate::Error {
    let errno = errno.and_then(|text| text.parse().ok()).unwrap_or(nix::libc::EIO);
    crate::Error::new(name, path, std::io::Error::from_raw_os_error(errno))
}
