#![doc = include_str!("../README.md")]

mod person;
mod secret;

pub use person::Person;
pub use secret::Secret;
