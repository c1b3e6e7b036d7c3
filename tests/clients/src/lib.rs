//! What the tests with real clients stand on: a registry over HTTP or TLS, images to move, clients that see only the
//! test's own files, and engines that run beside whatever the machine runs.

pub mod blob;
pub mod engine;
pub mod image;
pub mod registry;
pub mod tool;
