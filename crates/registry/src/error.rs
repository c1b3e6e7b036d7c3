//! What the core refuses or cannot do.

use entrepot_oci::{Digest, InvalidManifest, Reference, RepositoryName, Tag};

use crate::TrashId;

/// A blob or manifest that a pushed manifest names and the repository does not have as named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadTarget {
    /// It is not there.
    Missing(Digest),
    /// It has another size than the manifest says, both in bytes.
    Size {
        /// Which one.
        digest: Digest,
        /// What the manifest says.
        stated: u64,
        /// What the registry has.
        actual: u64,
    },
}

/// What a client said of its content, and what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// What the client said.
    pub stated: Digest,
    /// What was received.
    pub actual: Digest,
}

/// Something that cannot be deleted, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Use {
    /// What was to be deleted.
    pub digest: Digest,
    /// The manifest that needs it.
    pub user: Digest,
}

/// A namespace that has as much as it may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Full {
    /// Which one.
    pub namespace: String,
    /// Bytes that it has.
    pub used: u64,
    /// Bytes that it may have.
    pub allowed: u64,
}

/// Why an operation of the core failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No repository of this name holds anything.
    #[error("repository {0} is not known")]
    RepositoryUnknown(RepositoryName),
    /// The repository does not have the blob.
    #[error("blob {0} is not in this repository")]
    BlobUnknown(Digest),
    /// The repository has the blob, and its bytes are damaged.
    #[error("the bytes of blob {0} are damaged, and were set aside: push it again, or ask the operator to repair it")]
    BlobQuarantined(Digest),
    /// The repository does not have the manifest or tag.
    #[error("manifest {0} is not in this repository")]
    ManifestUnknown(Reference),
    /// No upload of this id is under way in the repository: it never was, was finished or cancelled, or has expired.
    #[error("no such upload: it was finished, cancelled or has expired; start again with POST")]
    UploadUnknown,
    /// The chunk does not begin where the upload ends.
    #[error("the chunk begins at byte {first}, but the upload has {size} bytes; go on from there")]
    OutOfOrder {
        /// Where the chunk begins.
        first: u64,
        /// Bytes received so far.
        size: u64,
    },
    /// Another request took over this upload, or holds it for too long.
    #[error("another request is writing to this upload")]
    UploadTaken,
    /// The client went away in the middle of a body.
    #[error("the body ended early; the upload has {size} bytes and can be resumed")]
    Interrupted {
        /// Bytes received and kept.
        size: u64,
    },
    /// The body has another length than its range says.
    #[error("the range says {stated} bytes, but the body has {actual}")]
    LengthMismatch {
        /// Length of the range in bytes.
        stated: u64,
        /// Length of the body in bytes.
        actual: u64,
    },
    /// The bytes do not have the digest that the client gave.
    #[error("the content has the digest {}, not {}", .0.actual, .0.stated)]
    DigestMismatch(Box<Mismatch>),
    /// The blob exceeds the configured limit.
    #[error("the blob is larger than the {limit} bytes that this registry accepts")]
    BlobTooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// Nothing of that id is in the trash of the repository.
    #[error("no entry {0} is in the trash of this repository: it was restored, or is gone for good")]
    TrashUnknown(TrashId),
    /// What would be restored is there again.
    #[error("{0} is there again, and is not what would be restored: move it away first")]
    Taken(String),
    /// The namespace may not have as much.
    #[error(
        "{} has {} of the {} bytes that it may have, and this does not fit in: delete what is not needed, or ask an administrator \
         for more", .0.namespace, .0.used, .0.allowed
    )]
    QuotaReached(Box<Full>),
    /// The body is no acceptable manifest.
    #[error(transparent)]
    ManifestInvalid(#[from] InvalidManifest),
    /// The manifest names things that the repository does not have.
    #[error("the manifest names {} blobs or manifests that this repository does not have as named; push them first", .0.len())]
    ManifestTargets(Vec<BadTarget>),
    /// The tag or manifest changed since the client looked (RFC 9110, section 13).
    #[error("the precondition does not hold: {}", match .current { Some(digest) => format!("it is now {digest}"), None => "it does not exist".to_owned() })]
    PreconditionFailed {
        /// What is there now.
        current: Option<Digest>,
    },
    /// The tag stays as it is, by a rule of its namespace.
    #[error("tag {} is immutable: it can be neither moved nor deleted", .0.as_str())]
    TagImmutable(Tag),
    /// The blob or manifest is part of a manifest that is still there.
    #[error("{} is part of manifest {}; delete that first", .0.digest, .0.user)]
    InUse(Box<Use>),
    /// Deleting is switched off.
    #[error("deleting is switched off in this registry's configuration (registry.delete)")]
    DeleteDisabled,
    /// The bytes of a blob that the database knows are not there, or are not readable.
    #[error("the blob store failed")]
    Store(#[from] entrepot_store::Error),
    /// The database belongs to blobs that are kept in another kind of store.
    #[error(
        "the database knows blobs whose bytes are elsewhere: they are on a disk and an object store is configured, or the other \
         way round (store.backend); blobs cannot be moved from one to the other yet"
    )]
    OtherStore,
    /// The database failed.
    #[error("the database failed")]
    Database(#[from] entrepot_database::Error),
    /// The database or the blob store said nothing.
    #[error("database or blob store did not answer within {} s", .0.as_secs_f32())]
    Unanswered(std::time::Duration),
    /// What is stored cannot be understood: a defect or damage.
    #[error("stored data is damaged: {0}")]
    Damaged(String),
}

impl Error {
    /// Whether the same request may succeed later.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Store(error) => error.is_temporary(),
            Self::Database(error) => error.is_temporary(),
            Self::Unanswered(_) => true,
            _ => false,
        }
    }

    /// Whether an operator has stopped all writes.
    pub fn is_read_only(&self) -> bool {
        matches!(self, Self::Database(error) if error.kind() == entrepot_database::Kind::ReadOnly)
    }

    pub(crate) fn mismatch(stated: Digest, actual: Digest) -> Self {
        Self::DigestMismatch(Box::new(Mismatch { stated, actual }))
    }

    pub(crate) fn in_use(digest: Digest, user: Digest) -> Self {
        Self::InUse(Box::new(Use { digest, user }))
    }

    pub(crate) fn quota_reached(namespace: &str, used: u64, allowed: u64) -> Self {
        Self::QuotaReached(Box::new(Full { namespace: namespace.to_owned(), used, allowed }))
    }

    pub(crate) fn tag_unknown(tag: &Tag) -> Self {
        Self::ManifestUnknown(Reference::Tag(tag.clone()))
    }
}
