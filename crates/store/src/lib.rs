//! Blob bytes: where they are staged while they arrive, verified on the way, and found by their digest.
//!
//! # Life of a blob
//! [`Store::resume`] gives an [`Upload`], which hashes and appends chunks as they arrive. [`Upload::checkpoint`] makes
//! them durable and tells how far it came; the caller keeps that [`Checkpoint`] and may go on from it after a crash.
//! [`Store::publish`] gives the staged bytes their name and makes that durable. Only then may the caller commit a row
//! that refers to the blob: a crash can leave bytes that nobody refers to, never a reference to missing bytes.
//! [`Upload::publish`] does the last two steps at once, for a blob that came in one piece: the caller needs no
//! checkpoint then, and a small blob costs one trip to the disk.
//!
//! # What the store does not do
//! It knows no repository and no HTTP, and [`Store::publish`] does not check that the hash of the staged bytes is the
//! digest: the caller compares [`Checkpoint::hasher`]. It does not know who refers to a blob either: whoever
//! calls [`Store::remove`] must exclude that the same digest is published between the decision and the call.

mod blob;
mod claim;
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
