//! What the tests and `cargo xtask` share: the real components they use, and a real `entrepot serve` to use them on.

mod component;
mod fault_proxy;
mod group;
pub mod passkey;
mod port;
mod postgres;
mod process;
mod replicas;
mod run;
mod server;
pub mod servers;

pub use component::{COMPONENTS, Component, NeededFor, Origin, cache_dir, skip};
pub use fault_proxy::{Fault, FaultProxy, Passed};
pub use group::Group;
pub use port::Port;
pub use postgres::Postgres;
pub use process::Process;
pub use replicas::{Replica, Replicas};
pub use run::{Ended, Run};
pub use server::{Entrepot, Start, TlsFiles, entrepot_binary};
