//! What a snapshot says of itself. Written last: a directory without it counts for nothing.

use entrepot_database::Rows;
use entrepot_oci::Digest;
use serde::{Deserialize, Serialize};

/// The form of the file that this version writes.
pub(super) const FORMAT: u32 = 1;

/// A snapshot's `snapshot.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The form of this file and of what belongs to it.
    pub format: u32,
    /// The version that took it.
    pub version: String,
    /// When its rows were as they are, in UTC.
    pub taken_at: String,
    /// Rows of each table.
    pub rows: Rows,
    /// Bytes of the file with the rows.
    pub database_bytes: u64,
    /// Its SHA-256.
    pub database_digest: Digest,
    /// Blobs that the rows name.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Those of them that no earlier backup had copied.
    pub copied_blobs: u64,
    /// Their bytes.
    pub copied_bytes: u64,
    /// Those that could not be copied, because they were damaged or gone.
    pub lost: Vec<Lost>,
}

/// A blob that the registry itself no longer had, and no earlier backup either.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    /// Which one.
    pub digest: Digest,
    /// What is wrong with it.
    pub why: String,
}
