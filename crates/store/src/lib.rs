#![doc = include_str!("../README.md")]

mod adopt;
mod blob;
mod bucket;
mod check;
mod disk;
mod error;
mod look;
mod objects;
mod part;
mod store;
mod upload;

pub use adopt::{Adopted, Adoption, Sharing};
pub use blob::{Blob, BlobStream};
pub use bucket::{Bucket, Listed};
pub use check::{Check, Outcome};
pub use disk::{FAIL_POINTS, Staged, Stored};
pub use error::{Error, Failure};
pub use look::Look;
pub use objects::{
    AccessKey, Addressing, AssumedRole, Azure, Backend, Gcs, InvalidPrefix, Keys, Memory, ObjectsConfig, Oss, Prefix,
    S3, Secret, Swift, SwiftLogin,
};
pub use part::{InvalidKey, Key, NewParts, Part};
pub use store::Store;
pub use upload::{Checkpoint, Finish, Saved, Upload};
