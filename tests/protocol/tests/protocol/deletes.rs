//! Deleting tags, manifests and blobs (end-9, end-10).

use anyhow::Result;
use entrepot_test_harness::content::{IMAGE, descriptor, image, index, sha256};
use entrepot_test_harness::{Registry, check, delete, get, head, row};
use serde_json::json;

fn manifest(reference: &str) -> String {
    format!("/v2/acme/app/manifests/{reference}")
}

fn blob(digest: &str) -> String {
    format!("/v2/acme/app/blobs/{digest}")
}

#[test]
fn tags_and_manifests() -> Result<()> {
    let registry = Registry::start()?;
    registry.push_blob("acme/app", "{}")?;
    let image = image(b"{}", &[]);
    let digest = registry.push_manifest("acme/app", "a", &image)?;
    for tag in ["b", "c"] {
        registry.push_manifest("acme/app", tag, &image)?;
    }
    let absent = sha256("absent");
    let rows = [
        row("one tag", delete(manifest("a")), 202).body(""),
        row("it is gone", get(manifest("a")), 404).error("MANIFEST_UNKNOWN"),
        row("for good", delete(manifest("a")), 404).error("MANIFEST_UNKNOWN"),
        row("the manifest stays", get(manifest(&digest)), 200),
        row("so do its other tags", get(manifest("b")), 200),
        row("they are listed", get("/v2/acme/app/tags/list"), 200).json("/tags", json!(["b", "c"])),
        row("the manifest", delete(manifest(&digest)), 202),
        row("is gone", get(manifest(&digest)), 404).error("MANIFEST_UNKNOWN"),
        row("with its tags", head(manifest("b")), 404),
        row("all of them", head(manifest("c")), 404),
        row("which are listed no more", get("/v2/acme/app/tags/list"), 200).json("/tags", json!([])),
        row("again", delete(manifest(&digest)), 404).error("MANIFEST_UNKNOWN"),
        row("one that never was", delete(manifest(&absent)), 404).error("MANIFEST_UNKNOWN"),
        row("of no repository", delete(format!("/v2/acme/none/manifests/{absent}")), 404).error("NAME_UNKNOWN"),
        row("a tag of no repository", delete("/v2/acme/none/manifests/a"), 404).error("NAME_UNKNOWN"),
    ];
    check(&registry, rows)
}

#[test]
fn what_is_needed_stays() -> Result<()> {
    let registry = Registry::start()?;
    let (config, layer) = (registry.push_blob("acme/app", "{}")?, registry.push_blob("acme/app", "layer")?);
    let child = image(b"{}", &[b"layer"]);
    let digest = registry.push_manifest("acme/app", "child", &child)?;
    let parent = registry.push_manifest("acme/app", "parent", &index(&[descriptor(IMAGE, child.to_string())]))?;
    let rows = [
        row("a layer in use", delete(blob(&layer)), 409)
            .error("DENIED")
            .says("delete that first")
            .json("/errors/0/detail/user", &*digest),
        row("a config in use", delete(blob(&config)), 409).error("DENIED"),
        row("a child of an index", delete(manifest(&digest)), 409)
            .error("DENIED")
            .json("/errors/0/detail/digest", &*digest)
            .json("/errors/0/detail/user", &*parent),
        row("its tag may go", delete(manifest("child")), 202),
        row("all is still there", get(blob(&layer)), 200).body("layer"),
        row("the manifest too", get(manifest(&digest)), 200),
        row("first the index", delete(manifest(&parent)), 202),
        row("then the child", delete(manifest(&digest)), 202),
        row("then the layer", delete(blob(&layer)), 202).with("docker-content-digest", &layer),
        row("which is gone", get(blob(&layer)), 404).error("BLOB_UNKNOWN"),
        row("for good", delete(blob(&layer)), 404).error("BLOB_UNKNOWN"),
        row("the config is still there", head(blob(&config)), 200),
    ];
    check(&registry, rows)
}

#[test]
fn of_one_repository_alone() -> Result<()> {
    let registry = Registry::start()?;
    let digest = registry.push_blob("acme/app", "shared")?;
    registry.push_blob("acme/other", "shared")?;
    let rows = [
        row("from one", delete(blob(&digest)), 202),
        row("not from another", get(format!("/v2/acme/other/blobs/{digest}")), 200).body("shared"),
        row("where it never was", delete(format!("/v2/acme/none/blobs/{digest}")), 404),
    ];
    check(&registry, rows)
}

#[test]
fn switched_off() -> Result<()> {
    let registry = Registry::with(&[("ENTREPOT_REGISTRY_DELETE", "false")])?;
    let digest = registry.push_blob("acme/app", "{}")?;
    let image = registry.push_manifest("acme/app", "v1", &image(b"{}", &[]))?;
    let mut rows = Vec::new();
    for path in [manifest("v1"), manifest(&image), blob(&digest)] {
        rows.push(row("not allowed", delete(&path), 405).error("UNSUPPORTED").says("registry.delete"));
        rows.push(row("and not done", head(&path), 200));
    }
    rows.push(row("methods that do work", delete(manifest("v1")), 405).with("allow", "GET, HEAD, PUT"));
    rows.push(row("of blobs too", delete(blob(&digest)), 405).with("allow", "GET, HEAD"));
    check(&registry, rows)
}
