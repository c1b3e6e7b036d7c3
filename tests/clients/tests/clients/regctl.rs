//! regctl, of regclient.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use entrepot_client_tests::blob::sha256;
use entrepot_client_tests::image::{MultiPlatform, check_layout};
use entrepot_client_tests::registry::Registry;
use entrepot_client_tests::tool::Tool;
use serde_json::Value;

const SBOM: &str = "application/vnd.acme.sbom";

crate::over_all_transports!(scenario);

fn scenario(registry: &Registry) -> Result<()> {
    let Some(regctl) = Tool::find("regctl", registry.directory()) else { return Ok(()) };
    let regctl = regctl.with_variable("REGCTL_CONFIG", registry.directory().join("regctl.json"));
    match &registry.authority {
        Some(authority) => {
            let certificate = fs::read_to_string(authority)?;
            regctl.run(["registry", "set", &registry.host, "--skip-check", "--cacert", &certificate])?;
        }
        None => {
            regctl.run(["registry", "set", &registry.host, "--skip-check", "--tls=disabled"])?;
        }
    }
    let pushed = MultiPlatform::new("regctl")?;
    let layout = registry.directory().join("pushed");
    pushed.write_layout(&layout, "v1")?;
    let repository = registry.repository("regctl");
    let name = format!("{}/{repository}", registry.host);
    let by_tag = format!("{name}:v1");
    let by_digest = format!("{name}@{}", pushed.index.digest);

    // An index for several platforms, pushed, and pulled by tag and by digest.
    regctl.run(["image", "copy", &format!("ocidir://{}:v1", layout.display()), &by_tag])?;
    registry.expect_manifest(&repository, "v1", &pushed.index)?;
    registry.expect_complete(&repository, "v1")?;
    ensure!(regctl.run(["image", "digest", &by_tag])?.trim() == pushed.index.digest);
    ensure!(regctl.bytes(["manifest", "get", "--format", "raw-body", &by_digest])? == pushed.index.bytes);
    for (place, reference) in [("by-tag", &by_tag), ("by-digest", &by_digest)] {
        let pulled = registry.directory().join(place);
        regctl.run(["image", "copy", reference, &format!("ocidir://{}:v1", pulled.display())])?;
        check_layout(&pulled, pushed.blobs())?;
    }
    let layer = &pushed.images[0].layers[1];
    ensure!(regctl.bytes(["blob", "get", &name, &layer.digest])? == layer.bytes);

    // An artifact with the index as its subject.
    let sbom = br#"{"packages":["regctl"]}"#;
    fs::write(registry.directory().join("sbom.json"), sbom)?;
    regctl.run(["artifact", "put", "--artifact-type", SBOM, "--subject", &by_tag, "--file", "sbom.json"])?;
    let list: Value = serde_json::from_str(&regctl.run(["artifact", "list", &by_tag, "--format", "{{json .}}"])?)?;
    let artifact = list["descriptors"][0]["digest"].as_str().with_context(|| format!("no artifact in {list}"))?;
    ensure!(list["descriptors"][0]["artifactType"] == SBOM, "{list}");
    let (found, manifest) = registry.expect_complete(&repository, artifact)?;
    ensure!(found == artifact && manifest["layers"][0]["digest"] == sha256(sbom), "{manifest}");
    ensure!(regctl.bytes(["artifact", "get", "--subject", &by_tag, "--filter-artifact-type", SBOM])? == sbom);
    if registry.is_entrepot() {
        ensure!(registry.referrers(&repository, &pushed.index.digest)? == [artifact]);
    }

    // A copy to another repository with what is attached, and lists.
    let copy = registry.repository("regctl-copy");
    let copied = format!("{}/{copy}:v1", registry.host);
    regctl.run(["image", "copy", "--referrers", &by_tag, &copied])?;
    registry.expect_manifest(&copy, "v1", &pushed.index)?;
    registry.expect_complete(&copy, artifact)?;
    let tags = regctl.run(["tag", "ls", &name])?;
    ensure!(tags.lines().any(|tag| tag == "v1"), "{tags}");
    let repositories = regctl.run(["repo", "ls", &registry.host])?;
    ensure!([&repository, &copy].iter().all(|name| repositories.lines().any(|line| line == *name)), "{repositories}");

    // Deleting a tag leaves the manifest; deleting the manifest does not touch the other repository.
    if registry.is_entrepot() {
        regctl.run(["tag", "delete", &by_tag])?;
        registry.expect_gone(&repository, "v1")?;
        registry.expect_manifest(&repository, &pushed.index.digest, &pushed.index)?;
    }
    regctl.run(["manifest", "delete", &by_digest])?;
    registry.expect_gone(&repository, &pushed.index.digest)?;
    registry.expect_manifest(&copy, "v1", &pushed.index)
}
