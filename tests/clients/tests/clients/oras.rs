//! oras: files as artifacts, attached to images.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use entrepot_client_tests::blob::sha256;
use entrepot_client_tests::image::MultiPlatform;
use entrepot_client_tests::registry::Registry;
use entrepot_client_tests::tool::Tool;
use serde_json::Value;

const NOTE: &str = "application/vnd.acme.note";
const SBOM: &str = "application/vnd.acme.sbom";

crate::over_all_transports!(scenario);

fn scenario(registry: &Registry) -> Result<()> {
    let Some(oras) = Tool::find("oras", registry.directory()) else { return Ok(()) };
    // Commands with two registries have the option once for each.
    let secured = |prefix: &str| match &registry.authority {
        Some(authority) => format!("--{prefix}ca-file={}", authority.display()),
        None => format!("--{prefix}plain-http"),
    };
    let files = registry.repository("oras-files");
    let files_name = format!("{}/{files}", registry.host);

    // A file, pushed and pulled.
    let note = b"a note of 28 bytes, to check\n";
    fs::write(registry.directory().join("note.txt"), note)?;
    oras.run(["push", &secured(""), "--artifact-type", NOTE, &format!("{files_name}:note"), "note.txt:text/plain"])?;
    let (digest, manifest) = registry.expect_complete(&files, "note")?;
    ensure!(manifest["artifactType"] == NOTE, "{manifest}");
    ensure!(manifest["layers"][0]["digest"] == sha256(note), "{manifest}");
    for reference in [format!("{files_name}:note"), format!("{files_name}@{digest}")] {
        let place = registry.directory().join("pulled");
        oras.run(["pull".as_ref(), secured("").as_ref(), "--output".as_ref(), place.as_os_str(), reference.as_ref()])?;
        ensure!(fs::read(place.join("note.txt"))? == note);
        fs::remove_dir_all(place)?;
    }

    // An index for several platforms, from an OCI layout.
    let pushed = MultiPlatform::new("oras")?;
    pushed.write_layout(&registry.directory().join("layout"), "v1")?;
    let repository = registry.repository("oras");
    let name = format!("{}/{repository}", registry.host);
    oras.run(["cp", "--from-oci-layout", &secured("to-"), "layout:v1", &format!("{name}:v1")])?;
    registry.expect_manifest(&repository, "v1", &pushed.index)?;
    registry.expect_complete(&repository, "v1")?;
    let subject = format!("{name}@{}", pushed.index.digest);
    ensure!(oras.bytes(["manifest", "fetch", &secured(""), &subject])? == pushed.index.bytes);

    // An artifact with the index as its subject.
    fs::write(registry.directory().join("sbom.json"), br#"{"packages":[]}"#)?;
    oras.run(["attach", &secured(""), "--artifact-type", SBOM, &subject, "sbom.json:application/json"])?;
    let artifact = only_referrer(&oras, &secured(""), &subject)?;
    let (found, manifest) = registry.expect_complete(&repository, &artifact)?;
    ensure!(found == artifact);
    ensure!(manifest["subject"]["digest"] == pushed.index.digest, "{manifest}");
    if registry.is_entrepot() {
        ensure!(registry.referrers(&repository, &pushed.index.digest)? == [artifact.as_str()]);
        let filtered = format!("/v2/{repository}/referrers/{}?artifactType={NOTE}", pushed.index.digest);
        let answer = registry.get(&filtered)?;
        ensure!(answer.header("oci-filters-applied") == Some("artifactType"));
        ensure!(answer.json()?["manifests"] == serde_json::json!([]));
    }

    // Lists.
    ensure!(oras.run(["repo", "tags", &secured(""), &files_name])?.trim() == "note");
    let repositories = oras.run(["repo", "ls", &secured(""), &registry.host])?;
    ensure!([&repository, &files].iter().all(|name| repositories.lines().any(|line| line == *name)), "{repositories}");

    // A copy with everything attached to it.
    let copy = registry.repository("oras-copy");
    let copy_name = format!("{}/{copy}", registry.host);
    oras.run([
        "cp",
        "--recursive",
        &secured("from-"),
        &secured("to-"),
        &format!("{name}:v1"),
        &format!("{copy_name}:v1"),
    ])?;
    registry.expect_manifest(&copy, "v1", &pushed.index)?;
    let copied_subject = format!("{copy_name}@{}", pushed.index.digest);
    ensure!(only_referrer(&oras, &secured(""), &copied_subject)? == artifact);

    // Deleting the artifact takes it off the list; the subject stays.
    oras.run(["manifest", "delete", "--force", &secured(""), &format!("{name}@{artifact}")])?;
    registry.expect_gone(&repository, &artifact)?;
    if registry.is_entrepot() {
        ensure!(registry.referrers(&repository, &pushed.index.digest)?.is_empty());
    }
    registry.expect_manifest(&repository, "v1", &pushed.index)
}

/// The digest of the one artifact that is attached to `subject`.
fn only_referrer(oras: &Tool, secured: &str, subject: &str) -> Result<String> {
    let found: Value = serde_json::from_str(&oras.run(["discover", secured, "--format", "json", subject])?)?;
    let referrers = found["referrers"].as_array().context("no referrers")?;
    ensure!(referrers.len() == 1, "{found}");
    ensure!(referrers[0]["artifactType"] == SBOM, "{found}");
    Ok(referrers[0]["digest"].as_str().context("a referrer without digest")?.to_owned())
}
