//! From the directory of a distribution registry, of both versions.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use entrepot_client_tests::engine::Engine;
use entrepot_client_tests::image::{Image, MultiPlatform};
use entrepot_test_harness::{delete, patch, post};
use entrepot_test_support::servers::{Distribution, DistributionData, DistributionVersion};

use crate::here::{Here, ask, status};
use crate::skopeo::Skopeo;

#[test]
fn what_version_two_wrote_is_taken_over() -> Result<()> {
    taken_over(DistributionVersion::Two)
}

#[test]
fn what_version_three_wrote_is_taken_over() -> Result<()> {
    taken_over(DistributionVersion::Three)
}

fn taken_over(version: DistributionVersion) -> Result<()> {
    let directory = tempfile::Builder::new().prefix("ent").tempdir_in("/tmp")?;
    let old = directory.path().join("old");
    let Some(skopeo) = Skopeo::find(directory.path())? else { return Ok(()) };
    let Some(server) = Distribution::start(version, DistributionData::Directory(&old))? else { return Ok(()) };
    let there = server.address();
    let (app, gone, part) = (MultiPlatform::new("app")?, MultiPlatform::new("gone")?, MultiPlatform::new("part")?);
    let (hello, broken) = (Image::new("amd64", "hello")?, Image::new("amd64", "broken")?);
    skopeo.push(&app, there, "acme/app:v1")?;
    skopeo.push(&gone, there, "acme/app:gone")?;
    skopeo.push(&app, there, "acme/tools/copy:latest")?;
    skopeo.push_image(&hello, there, "hello:latest")?;
    skopeo.push(&part, there, "acme/part:v1")?;
    skopeo.push_image(&broken, there, "acme/broken:v1")?;
    ask(there, &delete(format!("/v2/acme/app/manifests/{}", gone.index.digest)))?.expect(202)?;
    abandon_upload(there)?;
    // One file is changed in its middle, one is gone.
    let (changed, lost) = (&broken.layers[1], &part.images[1].layers[0]);
    flip(&data(&old, changed.encoded()))?;
    fs::remove_file(data(&old, lost.encoded()))?;

    let here = Here::new(directory.path())?;
    let from = old.display().to_string();
    let arguments = ["distribution", "--from", &from, "--public"];
    let dry = here.incomplete(&["distribution", "--from", &from, "--dry-run"])?;
    ensure!(dry.contains("this would be imported") && dry.contains(lost.digest.as_str()), "{dry}");
    ensure!(!here.data().join("blobs/sha256").read_dir()?.any(|_| true), "a dry run wrote something");

    // While the old one serves.
    let output = here.incomplete(&arguments)?;
    println!("{output}");
    for (digest, repository, tag) in [(&changed.digest, "acme/broken", "v1"), (&lost.digest, "acme/part", "")] {
        let told = output.split_once(&format!("  blob {digest}: ")).context("the blob is not named")?.1;
        let user = told.lines().nth(1).context("its manifest is not named")?;
        ensure!(user.contains(repository) && user.contains(tag), "{user}");
    }
    ensure!(output.contains(&format!("manifest {} (tag v1): it needs manifest", part.index.digest)), "{output}");
    ensure!(output.contains("bytes copied: 0"), "{output}");
    ensure!(output.contains("1 unfinished uploads are left behind"), "{output}");
    // 2 platforms with a config and 2 layers each: of `app` once, of `gone`, whose images are there without a tag, and what is
    // whole of `part`; of `hello`; the config and one layer of `broken`.
    let shared = here.shared_with(&old)?;
    ensure!(shared == 6 + 6 + 5 + 3 + 2, "{shared} files are shared");

    let again = here.incomplete(&arguments)?;
    ensure!(again.contains("  0 manifests, and ") && again.contains("  0 blobs of 0 bytes"), "{again}");

    let new = here.serve()?;
    for name in ["acme/app:v1", "acme/tools/copy:latest", &format!("acme/app@{}", app.index.digest)] {
        skopeo.pull(new.address(), name, app.blobs())?;
    }
    skopeo.pull(new.address(), "hello:latest", hello.blobs())?;
    skopeo.pull(new.address(), &format!("acme/part@{}", part.images[0].manifest.digest), part.images[0].blobs())?;
    for (repository, reference) in [
        ("acme/app", "gone"),
        ("acme/app", &gone.index.digest),
        ("acme/part", "v1"),
        ("acme/part", &part.images[1].manifest.digest),
        ("acme/broken", "v1"),
    ] {
        ensure!(status(new.address(), repository, reference)? == 404, "{repository}:{reference} is there");
    }
    if let Some(docker) = Engine::docker(directory.path())? {
        let name = format!("{}/acme/app", new.address());
        docker.client.run(["pull", &format!("{name}:v1")])?;
        let digests = docker.client.run(["image", "inspect", "--format", "{{.RepoDigests}}", &format!("{name}:v1")])?;
        ensure!(digests.contains(&format!("{name}@{}", app.index.digest)), "{digests}");
    }
    drop(new);

    last_pass(&skopeo, there, &here, &arguments)?;
    // Nothing of the old one was changed by all that.
    skopeo.pull(there, "acme/tools/copy:latest", app.blobs())
}

/// What happens there after the first import comes with the next, and is all that is read then.
fn last_pass(skopeo: &Skopeo, there: SocketAddr, here: &Here, arguments: &[&str]) -> Result<()> {
    let (moved, hello) = (MultiPlatform::new("moved")?, Image::new("amd64", "hello")?);
    skopeo.push(&moved, there, "acme/app:v1")?;
    skopeo.push(&moved, there, "acme/app:v2")?;
    ask(there, &delete(format!("/v2/hello/manifests/{}", hello.manifest.digest)))?.expect(202)?;

    let output = here.incomplete(arguments)?;
    ensure!(output.contains("  3 manifests, and ") && output.contains("  6 blobs of "), "{output}");
    ensure!(output.contains("  2 tags set or moved"), "{output}");
    ensure!(output.contains("tags that are here and not there (--delete removes them):\n  hello:latest\n"), "{output}");
    let new = here.serve()?;
    skopeo.pull(new.address(), "acme/app:v1", moved.blobs())?;
    skopeo.pull(new.address(), "hello:latest", hello.blobs())?;
    drop(new);

    let output = here.incomplete(&[arguments, &["--delete"]].concat())?;
    ensure!(output.contains("tags that were here and not there, and are removed:\n  hello:latest\n"), "{output}");
    let new = here.serve()?;
    ensure!(status(new.address(), "hello", "latest")? == 404, "the tag is there");
    Ok(())
}

#[test]
fn repositories_are_chosen_renamed_and_private() -> Result<()> {
    let directory = tempfile::Builder::new().prefix("ent").tempdir_in("/tmp")?;
    let old = directory.path().join("old");
    let Some(skopeo) = Skopeo::find(directory.path())? else { return Ok(()) };
    let data = DistributionData::Directory(&old);
    let Some(server) = Distribution::start(DistributionVersion::Three, data)? else { return Ok(()) };
    let image = Image::new("amd64", "chosen")?;
    skopeo.push_image(&image, server.address(), "acme/app:v1")?;
    skopeo.push_image(&image, server.address(), "other/app:v1")?;
    drop(server);

    let here = Here::new(directory.path())?;
    let from = old.join("docker").display().to_string();
    let output =
        here.complete(&["distribution", "--from", &from, "--repository", "acme/*", "--into", "moved", "--copy"])?;
    ensure!(output.contains("1 repositories, 1 of them new and private"), "{output}");
    let bytes: usize = image.layers.iter().chain([&image.config]).map(|blob| blob.bytes.len()).sum();
    ensure!(output.contains(&format!("bytes copied: {bytes}")), "{output}");
    ensure!(here.shared_with(&old).is_err(), "--copy shares files");

    let new = here.serve()?;
    ensure!(status(new.address(), "moved/acme/app", "v1")? == 401, "anybody sees it");
    drop(new);
    let output = here.incomplete(&["distribution", "--from", "/proc/self"])?;
    ensure!(output.contains("there is no docker/registry/v2"), "{output}");
    Ok(())
}

/// Begins an upload and leaves.
fn abandon_upload(there: SocketAddr) -> Result<()> {
    let begun = ask(there, &post("/v2/acme/app/blobs/uploads/"))?.expect(202)?;
    let location = begun.header("location").context("no Location")?.to_owned();
    let target = location.split_once(&there.to_string()).map_or(location.as_str(), |(_, path)| path);
    ask(there, &patch(target).header("Content-Type", "application/octet-stream").body(b"half".as_slice()))?
        .expect(202)?;
    Ok(())
}

/// Where the bytes of a digest are.
fn data(old: &Path, hex: &str) -> PathBuf {
    old.join("docker/registry/v2/blobs/sha256").join(&hex[..2]).join(hex).join("data")
}

/// Changes one bit in the middle.
fn flip(path: &Path) -> Result<()> {
    let mut bytes = fs::read(path)?;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    Ok(fs::write(path, bytes)?)
}
