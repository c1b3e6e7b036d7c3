//! What refers to a manifest (end-12): signatures, SBOMs, attestations.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use entrepot_test_harness::content::{EMPTY, IMAGE, INDEX, descriptor, image, index, sha256};
use entrepot_test_harness::{Registry, check, delete, get, put, row};
use serde_json::{Value, json};

/// An artifact of a type about `subject`, told apart by its annotation.
fn artifact(kind: &str, subject: &Value, note: &str) -> Value {
    json!({
        "schemaVersion": 2, "mediaType": IMAGE, "artifactType": kind,
        "config": descriptor(EMPTY, "{}"), "layers": [descriptor(EMPTY, "{}")],
        "subject": subject, "annotations": { "acme.note": note },
    })
}

fn push(manifest: &Value) -> entrepot_test_harness::Request {
    let content = manifest.to_string();
    let media_type = manifest["mediaType"].as_str().unwrap_or(IMAGE);
    put(format!("/v2/acme/app/manifests/{}", sha256(&content))).header("Content-Type", media_type).body(content)
}

/// The entry that the list must have for a manifest.
fn entry(manifest: &Value, kind: &str) -> Value {
    let mut entry = descriptor(IMAGE, manifest.to_string());
    entry["mediaType"] = manifest["mediaType"].clone();
    entry["artifactType"] = kind.into();
    entry["annotations"] = manifest["annotations"].clone();
    entry
}

/// Entries in the order of the list: by digest.
fn ordered(mut entries: Vec<Value>) -> Value {
    entries.sort_by_key(|entry| entry["digest"].as_str().map(str::to_owned));
    Value::Array(entries)
}

#[test]
fn listed_by_subject_and_type() -> Result<()> {
    let registry = Registry::start()?;
    registry.push_blob("acme/app", "{}")?;
    let subject = image(b"{}", &[]);
    let digest = registry.push_manifest("acme/app", "v1", &subject)?;
    let about = descriptor(IMAGE, subject.to_string());
    let list = format!("/v2/acme/app/referrers/{digest}");

    let sbom = artifact("application/vnd.acme.sbom", &about, "sbom");
    let signature = artifact("application/vnd.acme.signature", &about, "signature");
    let by_config = {
        let mut manifest = image(b"{}", &[]);
        manifest["subject"] = about.clone();
        manifest["config"]["mediaType"] = "application/vnd.acme.config".into();
        manifest["annotations"] = json!({});
        manifest
    };
    let as_index = {
        let mut manifest = index(&[]);
        manifest["subject"] = about.clone();
        manifest["artifactType"] = "application/vnd.acme.bundle".into();
        manifest["annotations"] = json!({"acme.note": "index"});
        manifest
    };
    let all = ordered(vec![
        entry(&sbom, "application/vnd.acme.sbom"),
        entry(&signature, "application/vnd.acme.signature"),
        entry(&by_config, "application/vnd.acme.config"),
        entry(&as_index, "application/vnd.acme.bundle"),
    ]);
    let rows = [
        row("nothing refers to it yet", get(&list), 200)
            .with("content-type", INDEX)
            .json("/schemaVersion", 2)
            .json("/mediaType", INDEX)
            .json("/manifests", json!([]))
            .without("oci-filters-applied"),
        row("an artifact about it", push(&sbom), 201).with("oci-subject", &digest),
        row("another", push(&signature), 201).with("oci-subject", &digest),
        row("an image about it", push(&by_config), 201).with("oci-subject", &digest),
        row("an index about it", push(&as_index), 201).with("oci-subject", &digest),
        row("all", get(&list), 200).json("/manifests", all).without("link"),
        row("of a type", get(format!("{list}?artifactType=application/vnd.acme.sbom")), 200)
            .with("oci-filters-applied", "artifactType")
            .json("/manifests", json!([entry(&sbom, "application/vnd.acme.sbom")])),
        row("by the type of the config", get(format!("{list}?artifactType=application/vnd.acme.config")), 200)
            .json("/manifests", json!([entry(&by_config, "application/vnd.acme.config")])),
        row("encoded", get(format!("{list}?artifactType=application%2Fvnd.acme.bundle")), 200)
            .json("/manifests", json!([entry(&as_index, "application/vnd.acme.bundle")])),
        row("of a type that none has", get(format!("{list}?artifactType=application/none")), 200)
            .with("oci-filters-applied", "artifactType")
            .json("/manifests", json!([])),
        row("of what nobody knows", get(format!("/v2/acme/app/referrers/{}", sha256("x"))), 200)
            .json("/manifests", json!([])),
        row("of no repository", get(format!("/v2/acme/none/referrers/{digest}")), 200).json("/manifests", json!([])),
        row("of no digest", get("/v2/acme/app/referrers/v1"), 400).error("DIGEST_INVALID"),
        row("one is deleted", delete(format!("/v2/acme/app/manifests/{}", sha256(sbom.to_string()))), 202),
        row("and no longer listed", get(format!("{list}?artifactType=application/vnd.acme.sbom")), 200)
            .json("/manifests", json!([])),
    ];
    check(&registry, rows)
}

#[test]
fn before_the_subject_itself() -> Result<()> {
    let registry = Registry::start()?;
    registry.push_blob("acme/app", "{}")?;
    let about = descriptor(IMAGE, "pushed later");
    let signature = artifact("application/vnd.acme.signature", &about, "early");
    let rows = [
        row("the subject may come later", push(&signature), 201).with("oci-subject", sha256("pushed later")),
        row("it is listed all the same", get(format!("/v2/acme/app/referrers/{}", sha256("pushed later"))), 200)
            .json("/manifests", json!([entry(&signature, "application/vnd.acme.signature")])),
    ];
    check(&registry, rows)
}

#[test]
fn page_by_page() -> Result<()> {
    let registry = Registry::start()?;
    registry.push_blob("acme/app", "{}")?;
    let about = descriptor(IMAGE, "subject");
    let mut expected = BTreeSet::new();
    for n in 0..11 {
        let kind = if n % 2 == 0 { "application/vnd.acme.even" } else { "application/vnd.acme.odd" };
        let manifest = artifact(kind, &about, &n.to_string());
        registry.ask(&push(&manifest))?.expect(201)?;
        expected.insert(sha256(manifest.to_string()));
    }
    let list = format!("/v2/acme/app/referrers/{}", sha256("subject"));
    for (query, pages) in [("n=4", vec![4, 4, 3]), ("n=4&artifactType=application/vnd.acme.even", vec![4, 2])] {
        let (mut found, mut lengths) = (Vec::new(), Vec::new());
        let mut next = Some(format!("{list}?{query}"));
        while let Some(path) = next {
            let answer = registry.ask(&get(path))?.expect(200)?;
            let filtered = answer.header("oci-filters-applied") == Some("artifactType");
            ensure!(filtered == query.contains("artifactType"), "the filter is not kept from page to page");
            let page = answer.json()?;
            let page = page["manifests"].as_array().context("no manifests")?;
            lengths.push(page.len());
            found.extend(page.iter().filter_map(|entry| entry["digest"].as_str()).map(str::to_owned));
            next = answer.header("link").and_then(|link| Some(link.strip_prefix('<')?.split_once('>')?.0.to_owned()));
        }
        ensure!(lengths == pages, "{query}: pages of {lengths:?}");
        ensure!(found.is_sorted() && found.iter().all(|digest| expected.contains(digest)), "{query}: {found:?}");
    }
    Ok(())
}

#[test]
fn the_fallback_tag_is_merged() -> Result<()> {
    let registry = Registry::start()?;
    registry.push_blob("acme/app", "{}")?;
    let about = descriptor(IMAGE, "subject");
    let known = artifact("application/vnd.acme.new", &about, "new");
    registry.ask(&push(&known))?.expect(201)?;
    // A client that knew no referrers API pushed an artifact without a subject, and the list as a tag.
    let old = {
        let mut manifest = artifact("application/vnd.acme.old", &about, "old");
        if let Some(fields) = manifest.as_object_mut() {
            fields.remove("subject");
        }
        manifest
    };
    registry.ask(&push(&old))?.expect(201)?;
    let old_entry = entry(&old, "application/vnd.acme.old");
    let fallback = index(&[old_entry.clone(), entry(&known, "application/vnd.acme.stale")]);
    let tag = sha256("subject").replace(':', "-");
    registry.push_manifest("acme/app", &tag, &fallback)?;
    let list = format!("/v2/acme/app/referrers/{}", sha256("subject"));
    let new_entry = entry(&known, "application/vnd.acme.new");
    let rows = [
        row("both, and ours as we know it", get(&list), 200)
            .json("/manifests", ordered(vec![old_entry.clone(), new_entry])),
        row("filtered too", get(format!("{list}?artifactType=application/vnd.acme.old")), 200)
            .json("/manifests", json!([old_entry])),
        row("the tag is still what it was", get(format!("/v2/acme/app/manifests/{tag}")), 200)
            .body(fallback.to_string()),
    ];
    check(&registry, rows)
}
