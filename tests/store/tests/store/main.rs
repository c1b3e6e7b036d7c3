//! What a store of objects promises, on every kind of object store: one list of behaviours, and a real server for each.
//!
//! A server that is not installed is said and skipped, except in CI.

mod behaviours;
mod content;
mod faults;
mod huge;
mod place;
mod servers;
