#![doc = include_str!("../README.md")]

mod blobs;
mod distribution;
mod distribution_config;
mod error;
mod file;
mod index;
mod manifests;
mod oci_layout;
mod progress;
mod repository;
mod run;
mod source;
mod summary;
mod tags;
mod tree;
mod upstream;

pub use distribution::Distribution;
pub use distribution_config::Translated;
pub use error::Error;
pub use oci_layout::OciLayout;
pub use progress::{Far, Progress};
pub use run::{Import, Options};
pub use source::{Body, Contents, Place, RawManifest, Source};
pub use summary::{Damaged, Left, Summary, User};
pub use upstream::{InvalidUpstream, Login, Upstream, UpstreamAddress};
