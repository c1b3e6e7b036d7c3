#![doc = include_str!("../README.md")]

mod digest;
mod error_code;
mod hasher;
mod manifest;
pub mod media_type;
mod name;
mod range;

pub use digest::{Algorithm, Digest, InvalidDigest};
pub use error_code::ErrorCode;
pub use hasher::{Hasher, InvalidState};
pub use manifest::{InvalidManifest, Manifest, Target};
pub use media_type::ManifestKind;
pub use name::{
    InvalidName, InvalidReference, InvalidTag, LIBRARY, MAX_REPOSITORY_NAME, MAX_TAG, Reference, RepositoryName, Tag,
};
pub use range::{ByteRange, InvalidRange, Selection};
