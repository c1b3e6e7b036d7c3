//! Files that somebody else wrote and that become blobs.

use entrepot_oci::Digest;

/// Whether a blob may be the very file that it is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// It may: the file gets a second name, where the file system allows it. Whoever may write to the file can then change
    /// the blob.
    Link,
    /// It may not: it is copied.
    Copy,
}

/// How a file became a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adopted {
    /// By a second name.
    Linked {
        /// The user whose file it is, and who can change it.
        owner: u32,
    },
    /// By a copy.
    Copied,
}

/// What became of a file that was to be adopted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adoption {
    /// It is a blob, durably; the file is as it was.
    Taken {
        /// Its bytes.
        size: u64,
        /// How.
        adopted: Adopted,
    },
    /// Its bytes are others than the digest says, and nothing was made of it.
    Mismatch {
        /// The digest of its bytes.
        found: Digest,
    },
    /// The store has no files; its bytes have to be sent.
    NoFiles,
}
