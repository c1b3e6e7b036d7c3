//! Real clients against a real `entrepot serve`: push, pull by tag and by digest, indexes for several platforms,
//! artifacts with subjects, listing, deletion and copies between repositories, over HTTP, over TLS, and through nginx over
//! three replicas with PostgreSQL and an S3 server.
//!
//! Every test checks bytes or digests against what it made or by plain requests, never an exit code alone.

mod buildah;
mod containerd;
mod crane;
mod docker;
mod helm;
mod oras;
mod podman;
mod regctl;
mod skopeo;

/// Makes the tests of a client: `over_http` and `over_tls`, each with a registry of its own, and `over_replicas`, which all
/// clients share.
macro_rules! over_all_transports {
    ($scenario:path) => {
        #[test]
        fn over_http() -> anyhow::Result<()> {
            crate::run(entrepot_client_tests::registry::Transport::Http, $scenario)
        }

        #[test]
        fn over_tls() -> anyhow::Result<()> {
            crate::run(entrepot_client_tests::registry::Transport::Tls, $scenario)
        }

        #[test]
        fn over_replicas() -> anyhow::Result<()> {
            crate::run(entrepot_client_tests::registry::Transport::Replicas, $scenario)
        }
    };
}
use over_all_transports;

use entrepot_client_tests::registry::{Registry, Transport};

fn run(transport: Transport, scenario: fn(&Registry) -> anyhow::Result<()>) -> anyhow::Result<()> {
    match Registry::start(transport)? {
        Some(registry) => scenario(&registry),
        None => Ok(()),
    }
}
