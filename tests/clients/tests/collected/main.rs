//! What must outlive the collection of garbage, as the real tools push it: images for several platforms by buildah, SBOMs by oras,
//! signatures and attestations by cosign. Each case has a repository of its own, with two versions of an image; the collection runs
//! without pause, one version is deleted, and only that one and what belonged to it may go.

mod cases;
mod tools;

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use entrepot_client_tests::blob::sha256;
use entrepot_client_tests::registry::Registry;
use serde_json::Value;

use self::cases::{CASES, Case};
use self::tools::Tools;

/// From the end of a push until what nothing needs is gone, and then what only that needed, with much to spare.
const GONE_WITHIN: Duration = Duration::from_secs(90);

#[test]
fn what_belongs_to_an_image_lives_and_goes_with_it() -> Result<()> {
    let Some(registry) = Registry::collecting()? else { return Ok(()) };
    let Some(tools) = Tools::find(&registry)? else { return Ok(()) };
    let images = tools.build()?;
    for case in &CASES {
        for version in ["v1", "v2"] {
            let digest = tools.push(&images, case.repository, version)?;
            (case.attach)(&tools, case.repository, &digest)
                .with_context(|| format!("{}: {version}", case.repository))?;
        }
    }
    wait_for_a_collection(&registry, "before")?;
    for case in &CASES {
        for version in ["v1", "v2"] {
            case.expect(&registry, &tools, version)?;
        }
    }

    let mut deleted = Vec::new();
    for case in &CASES {
        let belonging = case.belonging(&registry, "v1")?;
        ensure!(belonging.len() >= case.least, "{}: {belonging:?}", case.repository);
        let answer = registry.request("DELETE", &format!("/v2/{}/manifests/{}", case.repository, belonging[0]))?;
        ensure!(answer.status == 202, "{}: {}", case.repository, answer.status);
        deleted.push((case, belonging));
    }
    for (case, belonging) in &deleted {
        for digest in belonging {
            gone(&registry, case.repository, digest)?;
        }
    }
    wait_for_a_collection(&registry, "after")?;
    for case in &CASES {
        case.expect(&registry, &tools, "v2")?;
        let tags = registry.tags(case.repository)?;
        ensure!(!tags.contains(&"v1".to_owned()), "{}: {tags:?}", case.repository);
    }
    Ok(())
}

#[test]
fn what_lost_only_its_tag_stays() -> Result<()> {
    let Some(registry) = Registry::collecting()? else { return Ok(()) };
    let Some(tools) = Tools::find(&registry)? else { return Ok(()) };
    let case = Case::named("signed");
    let images = tools.build()?;
    let digest = tools.push(&images, case.repository, "v1")?;
    (case.attach)(&tools, case.repository, &digest)?;
    let answer = registry.request("DELETE", &format!("/v2/{}/manifests/v1", case.repository))?;
    ensure!(answer.status == 202, "{}", answer.status);
    wait_for_a_collection(&registry, "untagged")?;
    case.expect(&registry, &tools, &digest)
}

/// Pushes what nothing needs, and waits until its file is gone: everything that was due before it was looked at too.
fn wait_for_a_collection(registry: &Registry, text: &str) -> Result<()> {
    let digest = sha256(text.as_bytes());
    registry.push_blob("acme/garbage", text.as_bytes())?;
    let (_, hex) = digest.split_once(':').context("a digest without algorithm")?;
    let file = registry.data().join("blobs/sha256").join(&hex[..2]).join(hex);
    ensure!(file.is_file(), "{} is not where blobs are", file.display());
    let start = Instant::now();
    while file.exists() {
        ensure!(start.elapsed() < GONE_WITHIN, "a blob that no manifest names is still there");
        thread::sleep(Duration::from_millis(200));
    }
    Ok(())
}

/// Waits until a manifest is gone. Asking for the manifest itself would say that somebody wants it.
fn gone(registry: &Registry, repository: &str, digest: &str) -> Result<()> {
    let start = Instant::now();
    loop {
        let fates = registry.get(&format!("/api/v1/gc/explain/{digest}/{repository}"))?.json()?;
        if fates["items"].as_array().is_some_and(Vec::is_empty) {
            return registry.expect_gone(repository, digest);
        }
        ensure!(start.elapsed() < GONE_WITHIN, "{repository}@{digest} is still there: {}", shown(&fates));
        thread::sleep(Duration::from_millis(200));
    }
}

fn shown(fates: &Value) -> String {
    fates["items"].to_string()
}
