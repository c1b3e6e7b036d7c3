//! `entrepot backup` and `entrepot restore`, driven from outside: taken while clients push and delete, killed, restored elsewhere, and
//! every manifest pulled; over a directory with SQLite, and over an S3 server with PostgreSQL.

mod command;
mod damaged;
mod ground;
mod interrupted;
mod journey;
mod load;
mod refused;
mod restored;
mod scrub;
