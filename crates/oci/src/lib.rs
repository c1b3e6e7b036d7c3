//! The vocabulary of container registries: digests, names, references, media types, manifests and error codes.
//!
//! Terms and grammar are those of the OCI image and distribution specifications. Nothing here does I/O.

mod digest;
mod hasher;
mod name;

pub use digest::{Algorithm, Digest, InvalidDigest};
pub use hasher::{Hasher, InvalidState};
pub use name::{
    InvalidName, InvalidReference, InvalidTag, MAX_REPOSITORY_NAME, MAX_TAG, Reference, RepositoryName, Tag,
};
