#![doc = include_str!("../README.md")]

pub mod directory;
mod person;
pub mod provider;

pub use person::Person;
pub use secrecy::SecretString as Secret;
