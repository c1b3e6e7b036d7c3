//! Backups: everything that a registry has at one moment, in a directory of their own, taken while it runs.
//!
//! ```text
//! base/lock                              held by who writes to it, shared by those who read
//! base/blobs/sha256/ab/<hex>             each blob once, however many snapshots need it
//! base/uploads/                          blobs that are being copied
//! base/snapshots/<time>.partial/         a snapshot that is being taken, or was given up
//! base/snapshots/<time>/entrepot.db      all rows at that time: which blobs it needs is said by them
//! base/snapshots/<time>/snapshot.json    what was copied, what could not be, and the digest of the rows
//! ```
//!
//! The order is what makes it whole: a *hold*, so that no bytes go that rows name from now on; the rows, as they are at one moment;
//! the bytes that they name; at last the name of the snapshot. A crash before that leaves blobs that the next backup finds there
//! already, and a directory that does not count. Blobs never change, so nothing but the rows is copied twice.

mod base;
mod check;
pub(crate) mod contents;
mod error;
mod files;
mod keep;
mod record;
mod restore;
mod take;
pub(crate) mod transfer;

pub use self::base::{Archive, Base, Taken};
pub use self::check::{Check, Found};
pub use self::error::BackupError;
pub use self::keep::Kept;
pub use self::record::{Lost, Record};
pub use self::restore::{NOT_RESTORED, Recovered, Restore};
pub use self::take::Backup;

/// How far a copy of blobs is, for who watches it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Far {
    /// Blobs that were looked at.
    pub blobs: u64,
    /// All blobs.
    pub of: u64,
    /// Bytes that were copied or read.
    pub bytes: u64,
}
