//! Directories: a real OpenLDAP, a real Active Directory, and servers that lie.

mod acme;
mod active_directory;
mod authority;
mod configuration;
mod liar;
mod liars;
mod logs;
mod open_ldap;
mod trouble;

use std::future::Future;

/// Waits for what is asked. Servers are started outside of it, since that blocks.
fn wait<T>(for_it: impl Future<Output = T>) -> T {
    // Of several threads, as the product's: whatever is asked has to be able to move between them.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(for_it)
}
