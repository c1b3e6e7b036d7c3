//! Stub.

pub mod net;
