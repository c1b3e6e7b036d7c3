//! What the tests of replicas stand on: a client that pushes and pulls as docker does, and counts what it had to do again.

mod client;

pub use client::{Client, Pushed};
