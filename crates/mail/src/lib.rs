#![doc = include_str!("../README.md")]

mod address;
mod config;
mod connection;
mod error;
mod letter;
mod link;
mod mailer;
mod message;
mod name;
mod span;
mod wording;

pub use address::Address;
pub use config::{Account, Config, Registry, Security};
pub use error::Error;
pub use letter::{Letter, SecondFactorChange};
pub use link::Link;
pub use mailer::Mailer;
pub use name::Name;
pub use secrecy::SecretString as Password;
