//! Indexes: several platforms, nested, docker's list, and BuildKit's cache, which lists layers.

use anyhow::Result;
use entrepot_test_harness::content::{DOCKER_LIST, EMPTY, IMAGE, INDEX, LAYER, descriptor, image, index, sha256};
use entrepot_test_harness::{Registry, check, get, put, row};
use serde_json::{Value, json};

const V1: &str = "/v2/acme/app/manifests/v1";

fn push(manifest: &Value) -> entrepot_test_harness::Request {
    let media_type = manifest["mediaType"].as_str().unwrap_or(INDEX);
    put(V1).header("Content-Type", media_type).body(manifest.to_string())
}

#[test]
fn with_children_that_are_there() -> Result<()> {
    let registry = Registry::start()?;
    registry.push_blob("acme/app", "{}")?;
    registry.push_blob("acme/app", "layer")?;
    let one = image(b"{}", &[]);
    let two = image(b"{}", &[b"layer"]);
    let child = |manifest: &Value| descriptor(IMAGE, manifest.to_string());
    registry.push_manifest("acme/app", &sha256(one.to_string()), &one)?;
    registry.push_manifest("acme/app", &sha256(two.to_string()), &two)?;

    let inner = index(&[child(&one), child(&two)]);
    let mut list = inner.clone();
    list["mediaType"] = DOCKER_LIST.into();
    let outer = index(&[descriptor(INDEX, inner.to_string()), child(&two)]);
    let cache = index(&[descriptor(LAYER, "layer"), descriptor("application/vnd.buildkit.cacheconfig.v0", "{}")]);
    let mut artifact = index(&[]);
    artifact["artifactType"] = "application/vnd.acme.bundle".into();
    let mut untyped = index(&[child(&one)]);
    if let Some(fields) = untyped.as_object_mut() {
        fields.remove("mediaType");
    }
    for (what, manifest, media_type) in [
        ("of two platforms", &inner, INDEX),
        ("docker's list", &list, DOCKER_LIST),
        ("an index in an index", &outer, INDEX),
        ("BuildKit's cache", &cache, INDEX),
        ("an artifact without children", &artifact, INDEX),
        ("without a type", &untyped, INDEX),
    ] {
        let rows = [
            row(what, push(manifest), 201).with("docker-content-digest", sha256(manifest.to_string())),
            row(what, get(V1), 200).body(manifest.to_string()).with("content-type", media_type),
        ];
        check(&registry, rows)?;
    }
    Ok(())
}

#[test]
fn with_children_that_are_not_there() -> Result<()> {
    let missing = descriptor(IMAGE, "no such manifest");
    let digest = sha256("no such manifest");
    let of_empty = |child: &Value| index(&[child.clone(), descriptor(EMPTY, "{}")]);

    let registry = Registry::start()?;
    registry.push_blob("acme/app", "{}")?;
    let mut wrong_size = descriptor(EMPTY, "{}");
    wrong_size["size"] = 3.into();
    let rows = [
        row("refused", push(&of_empty(&missing)), 400)
            .error("MANIFEST_BLOB_UNKNOWN")
            .json("/errors/0/detail/digest", &*digest),
        row("a child of another size", push(&index(&[wrong_size])), 400)
            .error("MANIFEST_INVALID")
            .json("/errors/0/detail/actual", 2),
        row("an index needs children", push(&json!({"schemaVersion": 2, "mediaType": INDEX})), 400)
            .error("MANIFEST_INVALID")
            .says("manifests"),
        row("nothing was pushed", get(V1), 404),
    ];
    check(&registry, rows)?;

    let registry = Registry::with(&[("ENTREPOT_REGISTRY_SPARSE_MANIFESTS", "true")])?;
    registry.push_blob("acme/app", "{}")?;
    let sparse = of_empty(&missing);
    let warning =
        format!("299 - \"1 of the blobs or manifests that this manifest names are not in the repository: {digest}\"");
    let rows = [
        row("accepted where configured", push(&sparse), 201).with("warning", warning),
        row("it is there", get(V1), 200).body(sparse.to_string()),
    ];
    check(&registry, rows)
}
