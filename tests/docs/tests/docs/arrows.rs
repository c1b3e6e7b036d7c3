//! The arrows between the crates are those of ARCHITECTURE.md. A new arrow, or a new crate, fails here until somebody
//! argues for it and adds it.

use anyhow::{Context as _, Result};
use entrepot_docs_tests::{CargoManifest, root};

/// Each room, and the rooms that it may name.
const ARROWS: [(&str, &[&str]); 11] = [
    ("oci", &[]),
    ("store", &["oci"]),
    ("database", &[]),
    ("registry", &["oci", "store", "database"]),
    ("identity", &[]),
    ("mail", &[]),
    ("access", &["oci", "database", "registry", "identity", "mail"]),
    ("import", &["oci", "store", "registry", "access"]),
    ("server", &["oci", "store", "database", "registry", "access"]),
    ("client", &["access", "server"]),
    ("cli", &["oci", "store", "database", "registry", "identity", "mail", "access", "import", "server", "client"]),
];

/// Crates that one room alone may name, in the whole workspace.
const KEPT_IN: [(&str, &[&str]); 5] = [
    ("server", &["axum"]),
    ("database", &["rusqlite", "tokio-postgres"]),
    ("store", &["opendal", "opendal-http-transport-reqwest"]),
    ("identity", &["ldap3"]),
    ("mail", &["lettre"]),
];

/// Crates that a room may not name, because it knows nothing of what they do.
const FOREIGN: [(&str, &[&str]); 7] = [
    // No I/O.
    ("oci", &["tokio", "nix", "memmap2", "hyper", "http", "tempfile"]),
    // It asks object stores over HTTP, but answers nobody.
    ("store", &["hyper", "hyper-util", "http-body", "http-body-util", "tower", "rustls", "tokio-rustls"]),
    // No HTTP.
    // rustls it knows, for the way to PostgreSQL.
    ("database", &["hyper", "hyper-util", "http", "http-body", "http-body-util", "tower", "tokio-rustls"]),
    ("registry", HTTP),
    ("access", HTTP),
    ("cli", HTTP),
    // It asks registries, but answers nobody.
    ("client", &["hyper", "hyper-util", "http-body", "http-body-util", "tower", "rustls", "tokio-rustls"]),
];
const HTTP: &[&str] =
    &["hyper", "hyper-util", "http", "http-body", "http-body-util", "tower", "rustls", "tokio-rustls"];

fn names(manifest: &CargoManifest) -> Vec<String> {
    manifest.dependencies().into_iter().map(|dependency| dependency.name).collect()
}

#[test]
fn arrows_go_only_downwards() -> Result<()> {
    for manifest in CargoManifest::read_all(&root().join("crates"))? {
        let room = &manifest.directory;
        let (_, allowed) = ARROWS
            .iter()
            .find(|(name, _)| name == room)
            .with_context(|| format!("crates/{room} is a new room: say here what it may name"))?;
        for name in names(&manifest) {
            let Some(other) = name.strip_prefix("entrepot-") else { continue };
            // What tests share is no room.
            if other.starts_with("test-") {
                continue;
            }
            assert!(allowed.contains(&other), "crates/{room} names entrepot-{other}, which the design does not allow");
        }
    }
    Ok(())
}

#[test]
fn what_belongs_to_one_room_is_named_there_alone() -> Result<()> {
    let crates = CargoManifest::read_all(&root().join("crates"))?;
    let tests = CargoManifest::read_all(&root().join("tests"))?;
    let xtask = CargoManifest::read(&root().join("xtask"))?;
    for manifest in crates.iter().chain(&tests).chain([&xtask]) {
        let own = names(manifest);
        for (room, kept) in KEPT_IN {
            for name in kept.iter().filter(|name| own.iter().any(|own| own == *name)) {
                assert_eq!(
                    manifest.directory, room,
                    "{} names {name}, which only crates/{room} may",
                    manifest.directory
                );
            }
        }
    }
    for manifest in &crates {
        let foreign = FOREIGN.iter().filter(|(room, _)| *room == manifest.directory).flat_map(|(_, names)| *names);
        for name in foreign {
            let named = names(manifest).iter().any(|own| own == name);
            assert!(!named, "crates/{} names {name}, of which it is to know nothing", manifest.directory);
        }
    }
    Ok(())
}
