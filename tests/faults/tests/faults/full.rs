//! A disk that fills up in the middle of a push.

use std::fs;

use anyhow::{Result, ensure};
use entrepot_test_harness::content::{IMAGE, image, noise, sha256};
use entrepot_test_harness::{Registry, get, head, patch, post, put};
use serde_json::json;

use crate::disk::SmallDisk;
use crate::{Landmark, expect_error};

const MIB: usize = 1024 * 1024;
const REPOSITORY: &str = "/v2/acme/app";

/// Takes all the room that is left.
fn fill(registry: &Registry) -> Result<()> {
    use std::io::Write;
    let mut file = fs::File::create(registry.data().join("filler"))?;
    for size in [MIB, 4096, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
    Ok(())
}

fn make_room(registry: &Registry) -> Result<()> {
    Ok(fs::remove_file(registry.data().join("filler"))?)
}

#[test]
fn while_a_blob_comes_in() -> Result<()> {
    let Some(disk) = SmallDisk::mount(24)? else { return Ok(()) };
    let mut registry = disk.registry(&[])?;
    let landmark = Landmark::push(&registry, noise(1, MIB))?;
    let content = noise(2, 40 * MIB);
    let digest = sha256(&content);
    let whole = post(format!("{REPOSITORY}/blobs/uploads/?digest={digest}")).body(content.clone());

    let answer = expect_error(registry.ask(&whole)?, 507, "UNAVAILABLE")?;
    ensure!(answer.text().contains("disk is full"), "{}", answer.text());
    let id = answer.required("x-request-id")?.to_owned();
    registry.wait_for_log(|line| line.contains(&id) && line.contains("No space left on device"))?;
    ensure!(registry.ask(&head(format!("{REPOSITORY}/blobs/{digest}")))?.status == 404, "half a blob is shown");
    ensure!(fs::read_dir(registry.data().join("uploads"))?.count() == 0, "its bytes still take room");
    landmark.expect(&registry)?;
    registry.push_blob("acme/app", noise(3, MIB))?;

    disk.resize(96)?;
    registry.ask(&whole)?.expect(201)?;
    let pulled = registry.ask(&get(format!("{REPOSITORY}/blobs/{digest}")))?.expect(200)?;
    ensure!(pulled.body == content, "other bytes");
    landmark.expect(&registry)
}

#[test]
fn in_the_middle_of_an_upload_that_then_goes_on() -> Result<()> {
    let Some(disk) = SmallDisk::mount(24)? else { return Ok(()) };
    let registry = disk.registry(&[])?;
    let landmark = Landmark::push(&registry, noise(4, MIB))?;
    let content = noise(5, 40 * MIB);
    let location = registry.begin_upload("acme/app")?;
    let first = 8 * MIB;
    registry.ask(&patch(&location).body(&content[..first]))?.expect(202)?;
    let rest =
        patch(&location).header("Content-Range", format!("{first}-{}", content.len() - 1)).body(&content[first..]);
    for _ in 0..2 {
        expect_error(registry.ask(&rest)?, 507, "UNAVAILABLE")?;
        // What was acknowledged is still there, and what was not takes no room from others.
        ensure!(registry.upload_size(&location)? == first as u64, "the upload is not where it was");
        registry.push_blob("acme/app", noise(6, MIB))?;
    }
    landmark.expect(&registry)?;

    disk.resize(96)?;
    registry.ask(&rest)?.expect(202)?;
    let digest = sha256(&content);
    registry.ask(&put(format!("{location}?digest={digest}")))?.expect(201)?;
    let pulled = registry.ask(&get(format!("{REPOSITORY}/blobs/{digest}")))?.expect(200)?;
    ensure!(pulled.body == content, "other bytes");
    Ok(())
}

#[test]
fn when_the_database_needs_room() -> Result<()> {
    let Some(disk) = SmallDisk::mount(32)? else { return Ok(()) };
    let mut registry = disk.registry(&[])?;
    let landmark = Landmark::push(&registry, noise(7, 2 * MIB))?;
    registry.push_blob("acme/app", "{}")?;
    let mut manifest = image(b"{}", &[]);
    manifest["annotations"] = json!({ "acme": "x".repeat(3 * MIB) });
    let content = manifest.to_string();
    let push = put(format!("{REPOSITORY}/manifests/v1")).header("Content-Type", IMAGE).body(content.clone());

    fill(&registry)?;
    for _ in 0..3 {
        let answer = expect_error(registry.ask(&push)?, 507, "UNAVAILABLE")?;
        ensure!(answer.text().contains("disk is full"), "{}", answer.text());
    }
    ensure!(registry.ask(&get(format!("{REPOSITORY}/manifests/v1")))?.status == 404, "half a manifest is shown");
    let by_digest = format!("{REPOSITORY}/manifests/{}", sha256(&content));
    ensure!(registry.ask(&get(by_digest))?.status == 404, "it is shown by digest");
    registry.ask(&get("/readyz"))?.expect(503)?;
    registry.ask(&get("/healthz"))?.expect(200)?;
    landmark.expect(&registry)?;

    make_room(&registry)?;
    registry.ask(&get("/readyz"))?.expect(200)?;
    registry.ask(&push)?.expect(201)?;
    ensure!(registry.ask(&get(format!("{REPOSITORY}/manifests/v1")))?.expect(200)?.text() == content, "other bytes");

    registry.kill()?;
    registry.restart()?;
    ensure!(registry.ask(&get(format!("{REPOSITORY}/manifests/v1")))?.expect(200)?.text() == content, "it was lost");
    landmark.expect(&registry)
}

#[test]
fn again_and_again() -> Result<()> {
    let Some(disk) = SmallDisk::mount(16)? else { return Ok(()) };
    let mut registry = disk.registry(&[])?;
    let mut kept: Vec<Landmark> = Vec::new();
    // Images until there is no room, with everything that was acknowledged looked at after each refusal.
    for round in 0..40 {
        let layer = noise(100 + round, MIB);
        let config = format!("config {round}");
        let manifest = image(config.as_bytes(), &[&layer]);
        let text = manifest.to_string();
        let name = format!("acme/r{round}");
        let pushed = registry.push_blob(&name, &config).is_ok()
            && registry.push_blob(&name, &layer).is_ok()
            && registry.push_manifest(&name, "v1", &manifest).is_ok();
        let shown = registry.ask(&get(format!("/v2/{name}/manifests/v1")))?;
        ensure!(
            (shown.status == 200) == pushed,
            "round {round}: pushed is {pushed}, and its manifest {}",
            shown.status
        );
        if pushed {
            ensure!(shown.text() == text, "round {round} has other bytes");
            kept.push(Landmark { layer, manifest: text });
        }
    }
    ensure!((2..40).contains(&kept.len()), "{} images fit", kept.len());
    registry.kill()?;
    disk.resize(64)?;
    registry.restart()?;
    for (round, landmark) in kept.iter().enumerate() {
        let manifest = registry.ask(&get(format!("/v2/acme/r{round}/manifests/v1")))?.expect(200)?;
        ensure!(manifest.text() == landmark.manifest, "round {round} has another manifest");
        let layer = registry.ask(&get(format!("/v2/acme/r{round}/blobs/{}", sha256(&landmark.layer))))?.expect(200)?;
        ensure!(layer.body == landmark.layer, "round {round} has another layer");
    }
    Landmark::push(&registry, noise(8, MIB))?.expect(&registry)
}
