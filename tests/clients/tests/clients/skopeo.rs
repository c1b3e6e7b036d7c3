//! skopeo.

use anyhow::{Result, ensure};
use entrepot_client_tests::blob::sha256;
use entrepot_client_tests::image::{MultiPlatform, check_layout};
use entrepot_client_tests::registry::Registry;
use entrepot_client_tests::tool::Tool;

crate::over_all_transports!(scenario);

fn scenario(registry: &Registry) -> Result<()> {
    let Some(skopeo) = Tool::find("skopeo", registry.directory()) else { return Ok(()) };
    let skopeo = skopeo
        .with_arguments(["--insecure-policy"])
        .with_arguments(["--tmpdir".as_ref(), registry.directory().as_os_str()]);
    // Each command has the option under its own prefix.
    let secured = |prefix: &str| match registry.authority_directory() {
        Some(directory) => format!("--{prefix}cert-dir={}", directory.display()),
        None => format!("--{prefix}tls-verify=false"),
    };
    let pushed = MultiPlatform::new("skopeo")?;
    let layout = registry.directory().join("pushed");
    pushed.write_layout(&layout, "v1")?;
    let repository = registry.repository("skopeo");
    let name = format!("docker://{}/{repository}", registry.host);
    let by_tag = format!("{name}:v1");
    let by_digest = format!("{name}@{}", pushed.index.digest);

    let source = format!("oci:{}:v1", layout.display());
    skopeo.run(["copy", "--all", "--preserve-digests", &secured("dest-"), &source, &by_tag])?;
    registry.expect_manifest(&repository, "v1", &pushed.index)?;
    registry.expect_complete(&repository, "v1")?;

    let raw = skopeo.bytes(["inspect", "--raw", &secured(""), &by_tag])?;
    ensure!(raw == pushed.index.bytes, "skopeo inspect --raw has {}", sha256(&raw));
    for (place, reference) in [("by-tag", &by_tag), ("by-digest", &by_digest)] {
        let pulled = registry.directory().join(place);
        let destination = format!("oci:{}:v1", pulled.display());
        skopeo.run(["copy", "--all", "--preserve-digests", &secured("src-"), reference, &destination])?;
        check_layout(&pulled, pushed.blobs())?;
    }

    let tags = skopeo.run(["list-tags", &secured(""), &name])?;
    let tags: serde_json::Value = serde_json::from_str(&tags)?;
    ensure!(tags["Tags"] == serde_json::json!(["v1"]), "{tags}");

    let copy = registry.repository("skopeo-copy");
    let destination = format!("docker://{}/{copy}:v1", registry.host);
    skopeo.run(["copy", "--all", "--preserve-digests", &secured("src-"), &secured("dest-"), &by_tag, &destination])?;
    registry.expect_manifest(&copy, "v1", &pushed.index)?;
    registry.expect_complete(&copy, "v1")?;

    // It resolves the tag and deletes the manifest behind it.
    skopeo.run(["delete", &secured(""), &by_tag])?;
    registry.expect_gone(&repository, &pushed.index.digest)?;
    registry.expect_manifest(&copy, "v1", &pushed.index)
}
