//! From the bucket of a distribution registry: to the disk, and to a bucket.

use std::fs;

use anyhow::{Result, ensure};
use entrepot_client_tests::image::{Image, MultiPlatform};
use entrepot_test_support::Run;
use entrepot_test_support::servers::{Distribution, DistributionData, DistributionVersion, VersityGw};

use crate::here::Here;
use crate::skopeo::Skopeo;

#[test]
fn a_bucket_is_taken_over() -> Result<()> {
    let directory = tempfile::Builder::new().prefix("ent").tempdir_in("/tmp")?;
    let Some(skopeo) = Skopeo::find(directory.path())? else { return Ok(()) };
    let Some(store) = VersityGw::start()? else { return Ok(()) };
    let data = DistributionData::Bucket(store.bucket(), "old/data");
    let Some(server) = Distribution::start(DistributionVersion::Three, data)? else { return Ok(()) };
    let (images, image) = (MultiPlatform::new("bucket")?, Image::new("amd64", "alone")?);
    skopeo.push(&images, server.address(), "acme/app:v1")?;
    skopeo.push(&images, server.address(), "acme/copy:v1")?;
    skopeo.push_image(&image, server.address(), "hello:latest")?;

    // Its own configuration says where that is.
    let config = server.config().display().to_string();
    let told = Run::start(&["import", "distribution-config", &config, "--store"])?.end()?;
    ensure!(told.status.success() && told.output.contains("prefix = \"old/data\""), "{}", told.output);
    let file = directory.path().join("old.toml");
    fs::write(&file, told.output)?;
    let arguments = ["distribution", "--from-store", &file.display().to_string(), "--public"];

    let on_disk = Here::new(&subdirectory(&directory, "disk")?)?;
    let mut in_bucket = Here::new(&subdirectory(&directory, "bucket")?)?;
    in_bucket.keep_blobs_in(store.bucket(), "new");
    for here in [on_disk, in_bucket] {
        let output = here.complete(&arguments)?;
        println!("{output}");
        ensure!(output.contains("  7 manifests, and 0 were here already"), "{output}");
        ensure!(output.contains("  9 blobs of "), "{output}");
        let again = here.complete(&arguments)?;
        ensure!(again.contains("  0 manifests, and 7 were here already"), "{again}");
        let new = here.serve()?;
        for name in ["acme/app:v1", "acme/copy:v1"] {
            skopeo.pull(new.address(), name, images.blobs())?;
        }
        skopeo.pull(new.address(), "hello:latest", image.blobs())?;
    }
    Ok(())
}

/// A directory of the disk that is taken over into a bucket: the bytes have to be sent.
#[test]
fn a_directory_is_sent_to_a_bucket() -> Result<()> {
    let directory = tempfile::Builder::new().prefix("ent").tempdir_in("/tmp")?;
    let old = directory.path().join("old");
    let Some(skopeo) = Skopeo::find(directory.path())? else { return Ok(()) };
    let Some(store) = VersityGw::start()? else { return Ok(()) };
    let data = DistributionData::Directory(&old);
    let Some(server) = Distribution::start(DistributionVersion::Two, data)? else { return Ok(()) };
    let images = MultiPlatform::new("sent")?;
    skopeo.push(&images, server.address(), "acme/app:v1")?;

    let mut here = Here::new(directory.path())?;
    here.keep_blobs_in(store.bucket(), "new");
    let output = here.complete(&["distribution", "--from", &old.display().to_string(), "--public"])?;
    let bytes: usize = images
        .images
        .iter()
        .flat_map(|image| image.layers.iter().chain([&image.config]))
        .map(|blob| blob.bytes.len())
        .sum();
    ensure!(output.contains(&format!("bytes copied: {bytes}")), "{output}");
    ensure!(store.bucket().objects("new/")?.values().sum::<u64>() == bytes as u64, "the bucket has other bytes");
    let new = here.serve()?;
    skopeo.pull(new.address(), "acme/app:v1", images.blobs())
}

fn subdirectory(directory: &tempfile::TempDir, name: &str) -> Result<std::path::PathBuf> {
    let path = directory.path().join(name);
    fs::create_dir(&path)?;
    Ok(path)
}

#[test]
fn a_file_without_a_bucket_is_refused() -> Result<()> {
    let directory = tempfile::Builder::new().prefix("ent").tempdir_in("/tmp")?;
    let file = directory.path().join("old.toml");
    fs::write(&file, "[store]\nbackend = \"disk\"\n")?;
    let here = Here::new(directory.path())?;
    let arguments = ["distribution", "--from-store", &file.display().to_string()];
    let output = here.incomplete(&arguments)?;
    ensure!(output.contains("names no bucket"), "{output}");
    fs::write(&file, "[store]\nbackend = \"s3\"\n")?;
    let output = here.import(&arguments)?.output;
    ensure!(output.contains("s3.bucket is not set"), "{output}");
    Ok(())
}
