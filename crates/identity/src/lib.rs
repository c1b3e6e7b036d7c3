#![doc = include_str!("../README.md")]

pub mod directory;
mod person;
pub mod provider;
mod secret;

pub use person::Person;
pub use secret::Secret;
