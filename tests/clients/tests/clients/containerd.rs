//! containerd, by its command line `ctr`.

use std::fs;
use std::process::Command;

use anyhow::{Result, ensure};
use entrepot_client_tests::engine::Engine;
use entrepot_client_tests::image::MultiPlatform;
use entrepot_client_tests::registry::Registry;

crate::over_all_transports!(scenario);

fn scenario(registry: &Registry) -> Result<()> {
    let Some(engine) = Engine::containerd(registry.directory())? else { return Ok(()) };
    let ctr = &engine.client;
    let secured = match &registry.authority {
        // It takes plain HTTP for granted on loopback, unless a file says otherwise.
        Some(authority) => {
            let hosts = registry.directory().join("hosts");
            let place = hosts.join(&registry.host);
            fs::create_dir_all(&place)?;
            let server = format!("https://{}", registry.host);
            let text = format!("server = '{server}'\n[host.'{server}']\nca = '{}'\n", authority.display());
            fs::write(place.join("hosts.toml"), text)?;
            format!("--hosts-dir={}", hosts.display())
        }
        None => "--plain-http".to_owned(),
    };
    let pushed = MultiPlatform::new("containerd")?;
    let layout = registry.directory().join("layout");
    pushed.write_layout(&layout, "v1")?;
    let archive = registry.directory().join("layout.tar");
    let status = Command::new("tar").arg("-cf").arg(&archive).arg("-C").arg(&layout).arg(".").status()?;
    ensure!(status.success(), "tar: {status}");
    let repository = registry.repository("containerd");
    let name = format!("{}/{repository}", registry.host);
    let by_tag = format!("{name}:v1");
    let by_digest = format!("{name}@{}", pushed.index.digest);

    // All platforms of an index.
    ctr.run([
        "images".as_ref(),
        "import".as_ref(),
        "--all-platforms".as_ref(),
        "--no-unpack".as_ref(),
        "--base-name".as_ref(),
        name.as_ref(),
        archive.as_os_str(),
    ])?;
    ctr.run(["images", "push", &secured, &by_tag])?;
    registry.expect_manifest(&repository, "v1", &pushed.index)?;
    registry.expect_complete(&repository, "v1")?;
    // To another repository: the blobs are mounted there.
    let copy = registry.repository("containerd-copy");
    let copied = format!("{}/{copy}:v1", registry.host);
    ctr.run(["images", "tag", &by_tag, &copied])?;
    ctr.run(["images", "push", &secured, &copied])?;
    registry.expect_manifest(&copy, "v1", &pushed.index)?;
    registry.expect_complete(&copy, "v1")?;

    // Pulled after everything local is gone, by tag and by digest.
    ctr.run(["images", "rm", "--sync", &by_tag, &copied])?;
    for reference in [&by_tag, &by_digest] {
        ensure!(ctr.run(["content", "ls", "--quiet"])?.trim().is_empty(), "containerd still has content");
        ctr.run(["content", "fetch", &secured, "--all-platforms", reference])?;
        for blob in pushed.blobs() {
            ensure!(ctr.bytes(["content", "get", &blob.digest])? == blob.bytes, "{} {}", blob.media_type, blob.digest);
        }
        ctr.run(["images", "rm", "--sync", reference])?;
    }
    ctr.run(["images", "pull", &secured, "--snapshotter=native", "--platform=linux/amd64", &by_tag])?;
    let images = ctr.run(["images", "ls"])?;
    ensure!(images.contains(&pushed.index.digest), "{images}");

    // Ctr has no command that deletes in a registry.
    let path = format!("/v2/{repository}/manifests/{}", pushed.index.digest);
    ensure!(registry.request("DELETE", &path)?.status == 202);
    ctr.refused(["images", "pull", &secured, "--snapshotter=native", &by_digest])?;
    registry.expect_manifest(&copy, "v1", &pushed.index)
}
