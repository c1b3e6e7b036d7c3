//! The docker engine and its command line.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use entrepot_client_tests::blob::sha256;
use entrepot_client_tests::engine::Engine;
use entrepot_client_tests::image::{FILE, tar};
use entrepot_client_tests::registry::Registry;
use entrepot_client_tests::tool::Tool;
use serde_json::Value;

crate::over_all_transports!(scenario);

// The engine takes any certificate from 127.0.0.0/8, and this cannot be turned off: over TLS this test shows that docker
// speaks TLS with the registry (which answers nothing else on that port), not that it checks the authority.
fn scenario(registry: &Registry) -> Result<()> {
    let Some(engine) = Engine::docker(registry.directory())? else { return Ok(()) };
    let docker = &engine.client;
    let layer = tar(&[(FILE, b"imported by docker\n".to_vec()), ("noise", vec![7; 5 << 20])]);
    fs::write(registry.directory().join("root.tar"), &layer)?;
    let repository = registry.repository("docker");
    let name = format!("{}/{repository}", registry.host);
    let by_tag = format!("{name}:v1");

    let id = docker.run(["import", "root.tar", &by_tag])?.trim().to_owned();
    let said = docker.run(["push", &by_tag])?;
    let (digest, manifest) = registry.expect_complete(&repository, "v1")?;
    ensure!(said.contains(&digest), "docker push said: {said}");
    ensure!(manifest["config"]["digest"] == id, "{manifest}");

    // Pulled after everything local is gone; the engine checks each layer against the configuration.
    docker.run(["rmi", "--force", &id])?;
    let by_digest = format!("{name}@{digest}");
    for reference in [&by_tag, &by_digest] {
        docker.run(["pull", "--quiet", reference])?;
        let inspected: Value = serde_json::from_str(&docker.run(["image", "inspect", reference])?)?;
        ensure!(inspected[0]["Id"] == id, "{inspected}");
        ensure!(inspected[0]["RepoDigests"] == serde_json::json!([by_digest]), "{inspected}");
        ensure!(inspected[0]["RootFS"]["Layers"] == serde_json::json!([sha256(&layer)]), "{inspected}");
        let container = docker.run(["create", reference, "/none"])?.trim().to_owned();
        let copied = docker.bytes(["cp", &format!("{container}:/{FILE}"), "-"])?;
        ensure!(copied.windows(19).any(|text| text == b"imported by docker\n"), "{FILE} has other bytes");
        docker.run(["rm", &container])?;
        docker.run(["rmi", "--force", &id])?;
    }

    // To another repository: the engine knows where the layer is, and mounts it.
    let copy = registry.repository("docker-copy");
    let copied = format!("{}/{copy}:v1", registry.host);
    docker.run(["pull", "--quiet", &by_tag])?;
    docker.run(["tag", &by_tag, &copied])?;
    let said = docker.run(["push", &copied])?;
    ensure!(said.contains(&format!("Mounted from {repository}")), "docker push said: {said}");
    ensure!(registry.expect_complete(&copy, "v1")?.0 == digest);

    // The command line takes plain HTTP for granted when it pushes a list to loopback.
    if registry.authority.is_none() {
        manifest_list(docker, registry, &repository, (&digest, &id))?;
    }

    // Docker has no command that deletes in a registry. What a list has cannot be deleted before the list.
    if registry.authority.is_none() {
        let (both, _) = registry.expect_complete(&repository, "both")?;
        ensure!(registry.request("DELETE", &format!("/v2/{repository}/manifests/{both}"))?.status == 202);
    }
    ensure!(registry.request("DELETE", &format!("/v2/{repository}/manifests/{digest}"))?.status == 202);
    // By tag: the engine may still know the manifest by its digest.
    docker.run(["rmi", "--force", &id])?;
    docker.refused(["pull", &by_tag])?;
    registry.expect_complete(&copy, "v1").map(drop)
}

/// A manifest list for two platforms: what is tagged `v1` already, and another image.
fn manifest_list(docker: &Tool, registry: &Registry, repository: &str, (digest, id): (&str, &str)) -> Result<()> {
    let name = format!("{}/{repository}", registry.host);
    let by_tag = format!("{name}:v1");
    fs::write(registry.directory().join("arm.tar"), tar(&[(FILE, b"for arm64\n".to_vec())]))?;
    let arm = format!("{name}:arm");
    docker.run(["import", "--platform=linux/arm64", "arm.tar", &arm])?;
    docker.run(["push", &arm])?;
    let both = format!("{name}:both");
    docker.run(["manifest", "create", "--insecure", &both, &by_tag, &arm])?;
    docker.run(["manifest", "annotate", "--arch=arm64", &both, &arm])?;
    let said = docker.run(["manifest", "push", "--insecure", &both])?;
    let (list_digest, list) = registry.expect_complete(repository, "both")?;
    ensure!(said.trim().ends_with(&list_digest), "docker manifest push said: {said}");
    let children = list["manifests"].as_array().context("no manifests in the list")?;
    ensure!(children.len() == 2 && children.iter().any(|child| child["digest"] == digest), "{list}");
    docker.run(["pull", "--quiet", &format!("{name}@{list_digest}")])?;
    ensure!(docker.run(["image", "inspect", "--format={{.Id}}", &format!("{name}@{list_digest}")])?.trim() == id);

    let mut tags = registry.tags(repository)?;
    tags.sort();
    ensure!(tags == ["arm", "both", "v1"], "{tags:?}");
    Ok(())
}
