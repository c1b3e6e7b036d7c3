//! Who may do what, driven from outside: every route of the JSON API, of Docker Hub's dialect and of the distribution API.

mod audit;
mod bodies;
mod content;
mod devices;
mod documents;
mod hub;
mod letters;
mod links;
mod lists;
mod pages;
mod people;
mod table;
mod teams;
mod tokens;
mod world;
