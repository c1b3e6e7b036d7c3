//! buildah: an image built from nothing.

use std::fs;

use anyhow::{Result, ensure};
use entrepot_client_tests::engine::is_root;
use entrepot_client_tests::image::FILE;
use entrepot_client_tests::registry::Registry;
use entrepot_client_tests::tool::Tool;

const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

crate::over_all_transports!(scenario);

fn scenario(registry: &Registry) -> Result<()> {
    let (Some(buildah), true) =
        (Tool::find("buildah", registry.directory()), is_root("buildah with a storage of its own")?)
    else {
        return Ok(());
    };
    let place = registry.directory().join("buildah");
    let buildah = buildah
        .with_arguments(["--root".as_ref(), place.join("root").as_os_str()])
        .with_arguments(["--runroot".as_ref(), place.join("run").as_os_str()])
        .with_arguments(["--storage-driver=vfs"]);
    let secured = match registry.authority_directory() {
        Some(directory) => format!("--cert-dir={}", directory.display()),
        None => "--tls-verify=false".to_owned(),
    };
    let text = "built by buildah\n";
    fs::write(registry.directory().join(FILE), text)?;
    let container = buildah.run(["from", "scratch"])?.trim().to_owned();
    buildah.run(["copy", &container, FILE, &format!("/{FILE}")])?;
    buildah.run(["config", "--label", "org.example.text=buildah", &container])?;
    let id = buildah.run(["commit", "--quiet", "--format=oci", &container, "built"])?.trim().to_owned();

    // Pushed in both dialects.
    let repository = registry.repository("buildah");
    let name = format!("{}/{repository}", registry.host);
    let digest_file = registry.directory().join("digest");
    let digest_option = format!("--digestfile={}", digest_file.display());
    let mut digests = Vec::new();
    for (tag, format, media_type) in [("v1", "oci", OCI_MANIFEST), ("docker", "v2s2", DOCKER_MANIFEST)] {
        let destination = format!("docker://{name}:{tag}");
        buildah.run(["push", "--quiet", &secured, &digest_option, "--format", format, &id, &destination])?;
        let (digest, manifest) = registry.expect_complete(&repository, tag)?;
        ensure!(fs::read_to_string(&digest_file)?.trim() == digest);
        ensure!(manifest["mediaType"] == media_type, "{manifest}");
        digests.push(digest);
    }

    // Pulled into an empty store, by tag and by digest; the file is there.
    for reference in [format!("{name}:v1"), format!("{name}@{}", digests[0])] {
        buildah.run(["rmi", "--all", "--force"])?;
        ensure!(buildah.run(["pull", "--quiet", &secured, &reference])?.trim() == id);
        let container = buildah.run(["from", "--pull-never", &id])?.trim().to_owned();
        let root = buildah.run(["mount", &container])?;
        ensure!(fs::read_to_string(std::path::Path::new(root.trim()).join(FILE))? == text);
        buildah.run(["umount", &container])?;
        buildah.run(["rm", &container])?;
    }

    // A docker manifest list, and a copy to another repository.
    buildah.run(["manifest", "create", "list"])?;
    buildah.run(["manifest", "add", "--arch=arm64", "--os=linux", "list", &id])?;
    let destination = format!("docker://{name}:list");
    buildah.run(["manifest", "push", "--all", &secured, "--format=v2s2", "list", &destination])?;
    let (_, list) = registry.expect_complete(&repository, "list")?;
    ensure!(list["mediaType"] == DOCKER_LIST, "{list}");
    ensure!(list["manifests"].as_array().map(Vec::len) == Some(1), "{list}");
    let mut tags: Vec<String> = registry.tags(&repository)?;
    tags.sort();
    ensure!(tags == ["docker", "list", "v1"], "{tags:?}");
    let copy = registry.repository("buildah-copy");
    buildah.run([
        "push",
        "--quiet",
        &secured,
        "--format=oci",
        &id,
        &format!("docker://{}/{copy}:v1", registry.host),
    ])?;
    let (_, manifest) = registry.expect_complete(&copy, "v1")?;
    ensure!(manifest["config"]["digest"] == format!("sha256:{id}"), "{manifest}");

    // Buildah has no command that deletes in a registry.
    ensure!(registry.request("DELETE", &format!("/v2/{repository}/manifests/{}", digests[0]))?.status == 202);
    buildah.run(["rmi", "--all", "--force"])?;
    buildah.refused(["pull", &secured, &format!("{name}@{}", digests[0])])?;
    registry.expect_complete(&copy, "v1").map(drop)
}
