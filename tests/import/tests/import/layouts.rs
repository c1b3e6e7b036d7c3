//! From OCI image layouts: of skopeo and of zot.

use std::fs;

use anyhow::{Result, ensure};
use entrepot_client_tests::image::{Image, MultiPlatform};
use entrepot_test_support::servers::Zot;

use crate::here::{Here, status};
use crate::skopeo::Skopeo;

#[test]
fn a_layout_of_skopeo_becomes_a_repository() -> Result<()> {
    let directory = tempfile::Builder::new().prefix("ent").tempdir_in("/tmp")?;
    let Some(skopeo) = Skopeo::find(directory.path())? else { return Ok(()) };
    let (images, image) = (MultiPlatform::new("layout")?, Image::new("amd64", "alone")?);
    let (pushed, layout) = (directory.path().join("pushed"), directory.path().join("layout"));
    for directory in [&pushed, &layout] {
        fs::create_dir(directory)?;
    }
    images.write_layout(&pushed, "v")?;
    skopeo.copy(&format!("oci:{}:v", pushed.display()), &format!("oci:{}:v1", layout.display()))?;
    image.write_layout(&pushed, "v")?;
    skopeo.copy(&format!("oci:{}:v", pushed.display()), &format!("oci:{}:alone", layout.display()))?;

    let here = Here::new(directory.path())?;
    let from = layout.display().to_string();
    let output = here.incomplete(&["oci-layout", &from])?;
    ensure!(output.contains("say with --as which repository"), "{output}");
    let output = here.complete(&["oci-layout", &from, "--as", "acme/app", "--public"])?;
    ensure!(output.contains("  4 manifests, and 0 were here already"), "{output}");
    ensure!(output.contains("bytes copied: 0") && here.shared_with(&layout)? == 9, "{output}");
    let new = here.serve()?;
    skopeo.pull(new.address(), "acme/app:v1", images.blobs())?;
    skopeo.pull(new.address(), "acme/app:alone", image.blobs())
}

/// As zot has them, but of skopeo, which is always there.
#[test]
fn a_tree_of_layouts_becomes_repositories() -> Result<()> {
    let directory = tempfile::Builder::new().prefix("ent").tempdir_in("/tmp")?;
    let Some(skopeo) = Skopeo::find(directory.path())? else { return Ok(()) };
    let (images, image) = (MultiPlatform::new("tree")?, Image::new("amd64", "alone")?);
    let (pushed, old) = (directory.path().join("pushed"), directory.path().join("old"));
    fs::create_dir(&pushed)?;
    for (name, is_multi) in [("acme/app", true), ("acme/app/below", true), ("hello", false)] {
        match is_multi {
            true => images.write_layout(&pushed, "v")?,
            false => image.write_layout(&pushed, "v")?,
        }
        let layout = old.join(name);
        fs::create_dir_all(&layout)?;
        skopeo.copy(&format!("oci:{}:v", pushed.display()), &format!("oci:{}:v1", layout.display()))?;
    }
    // A layer of one platform is lost in one of the two that have it.
    let lost = &images.images[1].layers[0];
    fs::remove_file(old.join("acme/app/below/blobs/sha256").join(lost.encoded()))?;

    let here = Here::new(directory.path())?;
    let output = here.incomplete(&["oci-layout", &old.display().to_string(), "--public"])?;
    println!("{output}");
    ensure!(output.contains(&format!("blob {}: it is not there", lost.digest)), "{output}");
    ensure!(output.contains("3 repositories, 3 of them new and public"), "{output}");
    ensure!(output.contains("bytes copied: 0") && here.shared_with(&old)? == 9, "{output}");
    let new = here.serve()?;
    skopeo.pull(new.address(), "acme/app:v1", images.blobs())?;
    skopeo.pull(new.address(), "hello:v1", image.blobs())?;
    let whole = &images.images[0];
    skopeo.pull(new.address(), &format!("acme/app/below@{}", whole.manifest.digest), whole.blobs())?;
    ensure!(status(new.address(), "acme/app/below", "v1")? == 404, "half an index is there");
    Ok(())
}

#[test]
fn what_zot_wrote_is_taken_over() -> Result<()> {
    let directory = tempfile::Builder::new().prefix("ent").tempdir_in("/tmp")?;
    let old = directory.path().join("old");
    fs::create_dir(&old)?;
    let Some(skopeo) = Skopeo::find(directory.path())? else { return Ok(()) };
    let Some(server) = Zot::start(&old)? else { return Ok(()) };
    let there = server.address();
    let (images, image, broken) =
        (MultiPlatform::new("zot")?, Image::new("amd64", "alone")?, Image::new("amd64", "broken")?);
    skopeo.push(&images, there, "acme/app:v1")?;
    skopeo.push(&images, there, "acme/app/below:v1")?;
    skopeo.push_image(&image, there, "hello:latest")?;
    skopeo.push_image(&broken, there, "broken:v1")?;
    fs::remove_file(old.join("broken/blobs/sha256").join(broken.layers[0].encoded()))?;

    let here = Here::new(directory.path())?;
    let arguments = ["oci-layout", &old.display().to_string(), "--public"];
    let output = here.incomplete(&arguments)?;
    println!("{output}");
    ensure!(output.contains(&format!("blob {}: it is not there", broken.layers[0].digest)), "{output}");
    ensure!(output.contains("bytes copied: 0"), "{output}");
    here.shared_with(&old)?;
    let new = here.serve()?;
    skopeo.pull(new.address(), "acme/app:v1", images.blobs())?;
    skopeo.pull(new.address(), "acme/app/below:v1", images.blobs())?;
    skopeo.pull(new.address(), "hello:latest", image.blobs())?;
    ensure!(status(new.address(), "broken", "v1")? == 404, "what is broken is there");
    Ok(())
}
