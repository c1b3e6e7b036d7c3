#![doc = include_str!("../README.md")]

mod person;

pub use person::Person;
