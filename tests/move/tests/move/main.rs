//! `entrepot database move`, driven from outside: everything goes from SQLite to PostgreSQL and back while a registry serves
//! pulls, and while the command is killed again and again. And `entrepot doctor`, over databases of both kinds that are broken.
//!
//! The large journey is not run by itself: `cargo test --package entrepot-move-tests -- --ignored`.

mod cancelled;
mod command;
mod content;
mod doctor;
mod dump;
mod journey;
mod people;
mod refused;
mod registry;
mod shell;
mod watch;
