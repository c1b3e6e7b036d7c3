//! The documents and the tree, compared.

mod arrows;
mod commands;
mod links;
mod reference;
mod settings;
