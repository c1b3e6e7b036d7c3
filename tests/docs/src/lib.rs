//! Holds the documents to the truth: their commands run, their links lead somewhere, and what they say of the crates'
//! arrows and dependencies is what the `Cargo.toml` files say.

mod manifest;
mod markdown;
mod page_run;
mod tree;

pub use manifest::{CargoManifest, Dependency};
pub use markdown::Page;
pub use page_run::run_page;
pub use tree::{pages, root};
