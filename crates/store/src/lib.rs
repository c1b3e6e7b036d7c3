#![doc = include_str!("../README.md")]

mod blob;
mod disk;
mod error;
mod part;
mod store;
mod upload;

pub use blob::{Blob, BlobStream};
pub use disk::{FAIL_POINTS, Staged, Stored};
pub use error::{Error, Failure};
pub use part::{InvalidKey, Key, NewParts, Part};
pub use store::Store;
pub use upload::{Checkpoint, Finish, Saved, Upload};
