#![doc = include_str!("../README.md")]

mod blob;
mod claim;
mod error;
mod layout;
mod pool;
mod step;
mod store;
mod upload;
mod walk;
mod writer;

pub use blob::Blob;
pub use error::{Error, Failure};
pub use step::FAIL_POINTS;
pub use store::Store;
pub use upload::{Checkpoint, Upload};
pub use walk::{Staged, Stored};
