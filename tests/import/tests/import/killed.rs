//! An import that is killed, and goes on.

use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, ensure};
use entrepot_client_tests::image::MultiPlatform;
use entrepot_test_support::servers::{Distribution, DistributionData, DistributionVersion};
use entrepot_test_support::{entrepot_binary, skip};

use crate::here::Here;
use crate::skopeo::Skopeo;

/// Steps at which it dies, with how often each is passed before.
const STEPS: [(&str, u32); 8] = [
    ("store::before_sync", 0),
    ("store::before_rename", 1),
    ("store::after_rename", 2),
    ("store::before_dir_sync", 3),
    ("registry::after_publish", 1),
    ("registry::after_link", 4),
    ("registry::after_manifest", 1),
    ("registry::after_manifest", 4),
];

#[test]
fn an_import_that_is_killed_goes_on() -> Result<()> {
    let directory = tempfile::Builder::new().prefix("ent").tempdir_in("/tmp")?;
    let old = directory.path().join("old");
    let Some(skopeo) = Skopeo::find(directory.path())? else { return Ok(()) };
    let data = DistributionData::Directory(&old);
    let Some(server) = Distribution::start(DistributionVersion::Three, data)? else { return Ok(()) };
    let images = (0..6).map(|number| MultiPlatform::new(&format!("image {number}"))).collect::<Result<Vec<_>>>()?;
    for (number, image) in images.iter().enumerate() {
        skopeo.push(image, server.address(), &format!("acme/app{}:v{number}", number % 2))?;
    }
    let here = Here::new(directory.path())?;
    let from = old.display().to_string();
    let arguments = ["distribution", "--from", &from, "--public"];
    let mut killed = 0;
    if let Some(binary) = std::env::var_os("ENTREPOT_FAILPOINTS_BIN").map(PathBuf::from) {
        for (step, before) in STEPS {
            let run = here.begin(&binary, &arguments, &[("FAILPOINTS", &format!("{step}={before}*off->panic"))])?;
            let ended = run.end()?;
            ensure!(
                !ended.status.success() && ended.output.contains("died: "),
                "{step}: {}\n{}",
                ended.status,
                ended.output
            );
            killed += 1;
        }
    } else {
        skip("ENTREPOT_FAILPOINTS_BIN names no binary with fail points");
    }
    for milliseconds in [15, 25, 35, 45, 60] {
        let mut run = here.begin(&entrepot_binary()?, &arguments, &[])?;
        sleep(Duration::from_millis(milliseconds));
        killed += u32::from(run.is_running()?);
        // Killed.
        drop(run);
    }
    println!("killed {killed} times");
    ensure!(killed > 0, "it was never killed");

    let output = here.complete(&arguments)?;
    println!("{output}");
    let again = here.complete(&arguments)?;
    ensure!(again.contains("  0 manifests, and 18 were here already"), "{again}");
    ensure!(again.contains("  0 blobs of 0 bytes"), "{again}");
    // 6 images for 2 platforms, each with a config and 2 layers.
    ensure!(here.shared_with(&old)? == 36, "it has other files");
    let new = here.serve()?;
    for (number, image) in images.iter().enumerate() {
        skopeo.pull(new.address(), &format!("acme/app{}:v{number}", number % 2), image.blobs())?;
    }
    Ok(())
}
