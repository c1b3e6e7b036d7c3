#![doc = include_str!("../README.md")]

mod blob;
mod claim;
mod direct;
mod error;
mod layout;
mod pool;
mod publish;
mod step;
mod store;
mod upload;
mod walk;
mod writer;

pub use blob::Blob;
pub use error::{Error, Failure};
pub use step::FAIL_POINTS;
pub use store::Store;
pub use upload::{Checkpoint, Finish, Upload};
pub use walk::{Staged, Stored};
