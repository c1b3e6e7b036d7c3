//! podman.

use std::fs;

use anyhow::{Result, ensure};
use entrepot_client_tests::image::{INDEX, Image};
use entrepot_client_tests::registry::Registry;
use entrepot_client_tests::tool::Tool;
use serde_json::Value;

crate::over_all_transports!(scenario);

fn scenario(registry: &Registry) -> Result<()> {
    let Some(podman) = Tool::podman(registry.directory())? else { return Ok(()) };
    let secured = match registry.authority_directory() {
        Some(directory) => format!("--cert-dir={}", directory.display()),
        None => "--tls-verify=false".to_owned(),
    };
    // `podman search` has no option for an authority; Go reads this variable.
    let (podman, verified) = match &registry.authority {
        Some(authority) => (podman.with_variable("SSL_CERT_FILE", authority), "--tls-verify=true"),
        None => (podman, "--tls-verify=false"),
    };
    let image = Image::new("amd64", "podman")?;
    image.write_layout(&registry.directory().join("layout"), "v1")?;
    let repository = registry.repository("podman");
    let name = format!("{}/{repository}", registry.host);
    let by_tag = format!("{name}:v1");

    // An image that another tool made, pushed. Podman compresses again, so the manifest is its own.
    let id = podman.run(["pull", "--quiet", "oci:layout:v1"])?.trim().to_owned();
    ensure!(format!("sha256:{id}") == image.config.digest, "podman calls the image {id}");
    let digest_file = registry.directory().join("digest");
    let digest_option = format!("--digestfile={}", digest_file.display());
    podman.run(["push", "--quiet", &secured, &digest_option, &id, &by_tag])?;
    let (digest, manifest) = registry.expect_complete(&repository, "v1")?;
    ensure!(fs::read_to_string(&digest_file)?.trim() == digest);
    ensure!(manifest["config"]["digest"] == image.config.digest, "{manifest}");

    // Pulled into an empty store, by tag and by digest: podman checks layers against the configuration's digests.
    for reference in [by_tag.clone(), format!("{name}@{digest}")] {
        podman.run(["rmi", "--all", "--force"])?;
        ensure!(podman.run(["pull", "--quiet", &secured, &reference])?.trim() == id);
        let inspected: Value = serde_json::from_str(&podman.run(["image", "inspect", &id])?)?;
        ensure!(inspected[0]["Digest"] == digest, "{inspected}");
        ensure!(inspected[0]["Labels"]["org.example.text"] == "podman", "{inspected}");
    }

    // An index for two platforms, from what the registry has.
    let other = Image::new("arm64", "podman")?;
    other.write_layout(&registry.directory().join("other"), "v1")?;
    let other_id = podman.run(["pull", "--quiet", "--arch=arm64", "oci:other:v1"])?.trim().to_owned();
    podman.run(["manifest", "create", "both"])?;
    // It takes names alone.
    for (id, local) in [(&id, "localhost/amd64:v1"), (&other_id, "localhost/arm64:v1")] {
        podman.run(["tag", id, local])?;
        podman.run(["manifest", "add", "both", &format!("containers-storage:{local}")])?;
    }
    podman.run(["manifest", "push", "--all", &secured, "--format=oci", "both", &format!("docker://{name}:both")])?;
    let (_, index) = registry.expect_complete(&repository, "both")?;
    ensure!(index["mediaType"] == INDEX, "{index}");
    let architectures: Vec<&Value> =
        index["manifests"].as_array().into_iter().flatten().map(|m| &m["platform"]["architecture"]).collect();
    ensure!(architectures == ["amd64", "arm64"], "{index}");

    // Lists, and a copy to another repository.
    let list = podman.run(["search", verified, "--list-tags", &name])?;
    let mut tags: Vec<&str> = list.lines().skip(1).filter_map(|line| line.split_whitespace().last()).collect();
    tags.sort_unstable();
    ensure!(tags == ["both", "v1"], "{list}");
    let copy = registry.repository("podman-copy");
    podman.run(["push", "--quiet", &secured, &digest_option, &id, &format!("{}/{copy}:v1", registry.host)])?;
    let (copied, _) = registry.expect_complete(&copy, "v1")?;
    ensure!(fs::read_to_string(&digest_file)?.trim() == copied);

    // Podman has no command that deletes in a registry. What an index has cannot be deleted before the index.
    ensure!(registry.request("DELETE", &format!("/v2/{repository}/manifests/{digest}"))?.status == 409);
    let (both, _) = registry.expect_complete(&repository, "both")?;
    ensure!(registry.request("DELETE", &format!("/v2/{repository}/manifests/{both}"))?.status == 202);
    ensure!(registry.request("DELETE", &format!("/v2/{repository}/manifests/{digest}"))?.status == 202);
    podman.run(["rmi", "--all", "--force"])?;
    podman.refused(["pull", &secured, &format!("{name}@{digest}")])?;
    registry.expect_complete(&copy, "v1").map(drop)
}
