//! What the tests and `cargo xtask` share: the real components they use, and a real `entrepot serve` to use them on.

mod component;
mod group;
mod port;
mod postgres;
mod process;
mod server;

pub use component::{COMPONENTS, Component, NeededFor, Origin, cache_dir, skip};
pub use group::Group;
pub use port::Port;
pub use postgres::Postgres;
pub use process::Process;
pub use server::{Entrepot, Start, TlsFiles, entrepot_binary};
