//! crane, of go-containerregistry.

use anyhow::{Result, ensure};
use entrepot_client_tests::image::{MultiPlatform, check_layout};
use entrepot_client_tests::registry::Registry;
use entrepot_client_tests::tool::Tool;

crate::over_all_transports!(scenario);

fn scenario(registry: &Registry) -> Result<()> {
    let Some(crane) = Tool::find("crane", registry.directory()) else { return Ok(()) };
    // It has no flag for an authority; Go reads this variable.
    let crane = match &registry.authority {
        Some(authority) => crane.with_variable("SSL_CERT_FILE", authority),
        None => crane,
    };
    let pushed = MultiPlatform::new("crane")?;
    let layout = registry.directory().join("pushed");
    pushed.write_layout(&layout, "any")?;
    let repository = registry.repository("crane");
    let name = format!("{}/{repository}", registry.host);
    let by_tag = format!("{name}:multi");
    let by_digest = format!("{name}@{}", pushed.index.digest);

    // Push an index for several platforms.
    let said = crane.run(["push".as_ref(), layout.as_os_str(), by_tag.as_ref()])?;
    ensure!(said.trim() == by_digest, "crane push said {said}");
    registry.expect_manifest(&repository, "multi", &pushed.index)?;
    for image in &pushed.images {
        registry.expect_manifest(&repository, &image.manifest.digest, &image.manifest)?;
    }

    // Pull by tag and by digest.
    ensure!(crane.run(["digest", &by_tag])?.trim() == pushed.index.digest);
    ensure!(crane.bytes(["manifest", &by_tag])? == pushed.index.bytes);
    for (place, reference) in [("by-tag", &by_tag), ("by-digest", &by_digest)] {
        let pulled = registry.directory().join(place);
        crane.run(["pull".as_ref(), "--format=oci".as_ref(), reference.as_ref(), pulled.as_os_str()])?;
        check_layout(&pulled, pushed.blobs())?;
    }
    let layer = &pushed.images[1].layers[1];
    ensure!(crane.bytes(["blob", &format!("{name}@{}", layer.digest)])? == layer.bytes);

    // Tag, list, copy to another repository.
    crane.run(["tag", &by_tag, "again"])?;
    let mut tags: Vec<String> = crane.run(["ls", &name])?.lines().map(str::to_owned).collect();
    tags.sort();
    ensure!(tags == ["again", "multi"], "{tags:?}");
    let copy = registry.repository("crane-copy");
    crane.run(["copy", &by_tag, &format!("{}/{copy}:moved", registry.host)])?;
    let (digest, _) = registry.expect_complete(&copy, "moved")?;
    ensure!(digest == pushed.index.digest);
    let catalog = crane.run(["catalog", &registry.host])?;
    ensure!([&repository, &copy].iter().all(|name| catalog.lines().any(|line| line == *name)), "{catalog}");

    // Delete in one repository; the other keeps what it has.
    crane.run(["delete", &by_digest])?;
    crane.refused(["manifest", &by_digest])?;
    registry.expect_gone(&repository, "multi")?;
    registry.expect_manifest(&copy, "moved", &pushed.index)
}
