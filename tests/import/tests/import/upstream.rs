//! From a registry that runs, over its API.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use entrepot_client_tests::image::{Image, MultiPlatform};
use entrepot_test_support::servers::{Distribution, DistributionData, DistributionVersion};
use entrepot_test_support::{Fault, FaultProxy, Run};

use crate::here::{Here, status};
use crate::skopeo::Skopeo;

#[test]
fn a_registry_that_runs_is_asked_for_everything() -> Result<()> {
    let directory = tempfile::Builder::new().prefix("ent").tempdir_in("/tmp")?;
    let old = directory.path().join("old");
    let Some(skopeo) = Skopeo::find(directory.path())? else { return Ok(()) };
    let data = DistributionData::Directory(&old);
    let Some(server) = Distribution::start(DistributionVersion::Two, data)? else { return Ok(()) };
    let (images, image, lost) =
        (MultiPlatform::new("asked")?, Image::new("amd64", "alone")?, Image::new("amd64", "lost")?);
    skopeo.push(&images, server.address(), "acme/app:v1")?;
    skopeo.push(&images, server.address(), "acme/copy:v1")?;
    skopeo.push_image(&image, server.address(), "hello:latest")?;
    skopeo.push_image(&lost, server.address(), "acme/lost:v1")?;
    let hex = lost.layers[0].encoded();
    fs::remove_file(old.join("docker/registry/v2/blobs/sha256").join(&hex[..2]).join(hex).join("data"))?;

    let here = Here::new(directory.path())?;
    let arguments = ["distribution", "--from", &format!("http://{}", server.address()), "--public"];
    let output = here.incomplete(&arguments)?;
    println!("{output}");
    ensure!(output.contains("  7 manifests, and 0 were here already"), "{output}");
    ensure!(output.contains(&format!("blob {}: it is not there", lost.layers[0].digest)), "{output}");
    let again = here.incomplete(&arguments)?;
    ensure!(again.contains("  0 manifests, and 7 were here already"), "{again}");
    let new = here.serve()?;
    for name in ["acme/app:v1", "acme/copy:v1"] {
        skopeo.pull(new.address(), name, images.blobs())?;
    }
    skopeo.pull(new.address(), "hello:latest", image.blobs())?;
    ensure!(status(new.address(), "acme/lost", "v1")? == 404, "what is broken is there");
    Ok(())
}

/// Our own registry asks for a token, as many others do; a line that breaks off again and again costs nothing but time.
#[test]
fn a_registry_with_accounts_is_asked_as_somebody() -> Result<()> {
    let directory = tempfile::Builder::new().prefix("ent").tempdir_in("/tmp")?;
    let Some(skopeo) = Skopeo::find(directory.path())? else { return Ok(()) };
    let images = MultiPlatform::new("guarded")?;
    let (there, home) = (directory.path().join("there"), directory.path().join("home"));
    for directory in [&there, &home] {
        fs::create_dir(directory)?;
    }
    let old = Here::new(&there)?;
    let server = old.serve()?;
    skopeo.push(&images, server.address(), "acme/app:v1")?;
    drop(server);
    let password = directory.path().join("password");
    fs::write(&password, "landed-and-stored")?;
    let (data, file) = (old.data().display().to_string(), password.display().to_string());
    let made =
        Run::start(&["user", "create", "ann", "--admin", "--password-file", &file, "--data-dir", &data])?.end()?;
    ensure!(made.status.success(), "{}", made.output);
    let mut old = old;
    old.set("ENTREPOT_ACCESS_ANONYMOUS", "none");
    let server = old.serve()?;

    let here = Here::new(&home)?;
    let proxy = FaultProxy::start(server.address())?;
    let url = format!("http://{}", proxy.address());
    let output = here.incomplete(&["distribution", "--from", &url])?;
    ensure!(output.contains("say as whom"), "{output}");
    let wrong = directory.path().join("wrong");
    fs::write(&wrong, "not-the-one")?;
    let wrong = wrong.display().to_string();
    let output = here.incomplete(&["distribution", "--from", &url, "--username", "ann", "--password-file", &wrong])?;
    ensure!(output.contains("say as whom"), "{output}");
    let output = here.incomplete(&[
        "distribution",
        "--from",
        "http://acme.example",
        "--username",
        "ann",
        "--password-file",
        &file,
    ])?;
    ensure!(output.contains("is not encrypted"), "{output}");

    let arguments = ["distribution", "--from", &url, "--username", "ann", "--password-file", &file, "--public"];
    // Less than a layer has.
    proxy.set(Fault::CutAfter(1_200_000));
    let before = proxy.passed().connections;
    let output = here.complete(&arguments)?;
    println!("{output}");
    ensure!(output.contains("  3 manifests, and 0 were here already"), "{output}");
    let connections = proxy.passed().connections - before;
    ensure!(connections > 4, "the line broke off {connections} times");
    let new = here.serve()?;
    skopeo.pull(new.address(), "acme/app:v1", images.blobs()).context("what came over the line")
}
