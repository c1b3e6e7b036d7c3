//! Bytes as files of the local disk.

mod adopt;
mod blob;
mod claim;
mod direct;
mod layout;
mod pool;
mod publish;
mod reread;
mod step;
mod store;
mod upload;
mod walk;
mod writer;

pub(crate) use blob::FileBlob;
pub(crate) use layout::Layout;
pub use step::FAIL_POINTS;
pub(crate) use store::{Disk, Root};
pub(crate) use upload::StagedUpload;
pub use walk::{Staged, Stored};
