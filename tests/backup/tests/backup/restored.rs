//! A registry that was restored, and what can be pulled from it.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use entrepot_test_harness::content::sha256;
use entrepot_test_harness::{Registry, get};
use serde_json::Value;
use tempfile::TempDir;

use crate::command::{binary, shown, succeed};
use crate::ground::Ground;
use crate::load::{Client, Pushed};

/// Restores a snapshot, the last one if none is named, to a place of its own, and starts a registry over it.
pub(crate) fn restore(ground: &Ground, from: &Path, snapshot: Option<&str>) -> Result<Registry> {
    let (settings, directory) = (ground.settings()?, tempfile::tempdir()?);
    let data = directory.path().join("data");
    let mut arguments = vec!["restore", "--from", shown(from)?, "--data-dir", shown(&data)?];
    arguments.extend(snapshot.into_iter().flat_map(|name| ["--snapshot", name]));
    println!("{}", succeed(&settings, &arguments)?.trim_end());
    start(&settings, directory)
}

/// A registry over data that is there.
pub(crate) fn start(settings: &[(String, String)], directory: TempDir) -> Result<Registry> {
    let settings: Vec<_> = settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    Registry::of(&binary()?, &settings, directory)
}

/// Pulls everything that the registry shows: every tag, every manifest that these name, every referrer, every blob. Returns the
/// digests of all manifests.
pub(crate) fn pull_all(registry: &Registry) -> Result<BTreeSet<String>> {
    let client = Client(registry.address()?);
    let mut manifests = BTreeSet::new();
    let catalog: Value = serde_json::from_str(&client.ask(&get("/v2/_catalog?n=1000"))?.expect(200)?.text())?;
    for repository in catalog["repositories"].as_array().context("repositories")? {
        let repository = repository.as_str().context("a name")?;
        let tags = client.ask(&get(format!("/v2/{repository}/tags/list?n=10000")))?.expect(200)?.text();
        let tags: Value = serde_json::from_str(&tags)?;
        for tag in tags["tags"].as_array().into_iter().flatten() {
            let tag = tag.as_str().context("a tag")?;
            pull(client, repository, tag, &mut manifests).with_context(|| format!("{repository}:{tag}"))?;
        }
    }
    Ok(manifests)
}

/// Pulls a manifest and all that belongs to it.
fn pull(client: Client, repository: &str, reference: &str, seen: &mut BTreeSet<String>) -> Result<()> {
    let answer = client.ask(&get(format!("/v2/{repository}/manifests/{reference}")))?.expect(200)?;
    let digest = sha256(&answer.body);
    ensure!(!reference.starts_with("sha256:") || reference == digest, "the manifest {reference} has other bytes");
    if !seen.insert(digest.clone()) {
        return Ok(());
    }
    let manifest: Value = serde_json::from_str(&answer.text())?;
    for child in manifest["manifests"].as_array().into_iter().flatten() {
        pull(client, repository, child["digest"].as_str().context("a digest")?, seen)?;
    }
    let layers = manifest["layers"].as_array().into_iter().flatten();
    for blob in layers.chain(manifest.get("config")) {
        let blob = blob["digest"].as_str().context("a digest")?;
        let answer = client.ask(&get(format!("/v2/{repository}/blobs/{blob}")))?.expect(200)?;
        ensure!(sha256(&answer.body) == blob, "the blob {blob} has other bytes");
    }
    let referrers = client.ask(&get(format!("/v2/{repository}/referrers/{digest}")))?.expect(200)?.text();
    let referrers: Value = serde_json::from_str(&referrers)?;
    for referrer in referrers["manifests"].as_array().into_iter().flatten() {
        pull(client, repository, referrer["digest"].as_str().context("a digest")?, seen)?;
    }
    Ok(())
}

/// That every manifest and every blob of an image is there as it was pushed.
pub(crate) fn expect(registry: &Registry, pushed: &Pushed) -> Result<()> {
    let (client, repository) = (Client(registry.address()?), &pushed.repository);
    for (digest, text) in &pushed.manifests {
        let answer = client.ask(&get(format!("/v2/{repository}/manifests/{digest}")))?.expect(200)?;
        ensure!(answer.text() == *text, "{digest} has other bytes");
    }
    for (digest, bytes) in &pushed.blobs {
        let answer = client.ask(&get(format!("/v2/{repository}/blobs/{digest}")))?.expect(200)?;
        ensure!(answer.body == *bytes, "{digest} has other bytes");
    }
    Ok(())
}
