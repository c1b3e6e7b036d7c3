//! Pushing and pulling image manifests (end-3, 7): bytes and types come back exactly, and what cannot be right is refused.

use anyhow::Result;
use entrepot_test_harness::content::{CONFIG, DOCKER_IMAGE, EMPTY, IMAGE, LAYER, descriptor, image, sha256, sha512};
use entrepot_test_harness::{Registry, Row, check, get, head, put, row};
use serde_json::{Value, json};

const V1: &str = "/v2/acme/app/manifests/v1";

fn push(media_type: &str, content: &str) -> entrepot_test_harness::Request {
    put(V1).header("Content-Type", media_type).body(content)
}

/// A registry that has the blobs `{}` and `layer`.
fn prepared(settings: &[(&str, &str)]) -> Result<Registry> {
    let registry = Registry::with(settings)?;
    registry.push_blob("acme/app", "{}")?;
    registry.push_blob("acme/app", "layer")?;
    Ok(registry)
}

#[test]
fn bytes_come_back_as_they_went_in() -> Result<()> {
    let registry = prepared(&[])?;
    let config = descriptor(CONFIG, "{}");
    let contents = [
        image(b"{}", &[b"layer"]).to_string(),
        serde_json::to_string_pretty(&image(b"{}", &[b"layer", b"layer"]))?,
        format!(" \n\t{{ \"schemaVersion\" :\r\n2 , \"config\":{config},\"layers\":[ ] }}\n\n"),
        format!(
            r#"{{"layers":[],"config":{config},"x-acme":{{"b":1.0e1,"a":[null]}},"schemaVersion":2,"name":"\u00e9\/"}}"#
        ),
        format!(
            r#"{{"schemaVersion":2,"config":{config},"layers":[],"annotations":{{"org.opencontainers.image.title":"ü"}}}}"#
        ),
    ];
    for content in contents {
        let digest = sha256(&content);
        let rows = [
            row("pushed by tag", push(IMAGE, &content), 201)
                .with("docker-content-digest", &digest)
                .with("location", format!("/v2/acme/app/manifests/{digest}"))
                .without("oci-subject")
                .body(""),
            row("by tag", get(V1), 200)
                .body(content.clone())
                .with("content-type", IMAGE)
                .with("content-length", content.len().to_string())
                .with("docker-content-digest", &digest)
                .with("etag", format!("\"{digest}\"")),
            row("by digest", get(format!("/v2/acme/app/manifests/{digest}")), 200).body(content.clone()),
            row("its headers", head(V1), 200)
                .body("")
                .with("content-length", content.len().to_string())
                .with("content-type", IMAGE)
                .with("docker-content-digest", &digest),
            row("whatever the client accepts", get(V1).header("Accept", "text/html"), 200).body(content.clone()),
        ];
        check(&registry, rows)?;
    }
    Ok(())
}

#[test]
fn every_type_comes_back_as_itself() -> Result<()> {
    let registry = prepared(&[])?;
    let with_type = |media_type: &str| {
        let mut manifest = image(b"{}", &[b"layer"]);
        manifest["mediaType"] = media_type.into();
        manifest.to_string()
    };
    let untyped = json!({"schemaVersion": 2, "config": descriptor(CONFIG, "{}"), "layers": []}).to_string();
    let artifact = json!({
        "schemaVersion": 2, "mediaType": IMAGE, "artifactType": "application/vnd.acme.sbom",
        "config": { "mediaType": EMPTY, "digest": sha256("{}"), "size": 2, "data": "e30=" },
        "layers": [descriptor(EMPTY, "{}")],
    });
    let helm = json!({
        "schemaVersion": 2,
        "config": descriptor("application/vnd.cncf.helm.config.v1+json", "{}"),
        "layers": [descriptor("application/vnd.cncf.helm.chart.content.v1.tar+gzip", "layer")],
    });
    let foreign = json!({
        "schemaVersion": 2, "mediaType": DOCKER_IMAGE,
        "config": descriptor("application/vnd.docker.container.image.v1+json", "{}"),
        "layers": [{
            "mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
            "digest": sha256("kept elsewhere"), "size": 14, "urls": ["https://acme.example/layer"],
        }],
    });
    let nondistributable = json!({
        "schemaVersion": 2, "mediaType": IMAGE, "config": descriptor(CONFIG, "{}"),
        "layers": [descriptor("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", "kept elsewhere")],
    });
    let old_artifact = json!({
        "mediaType": "application/vnd.oci.artifact.manifest.v1+json", "artifactType": "application/vnd.acme.a",
        "blobs": [descriptor(LAYER, "layer")],
    });
    let table: [(&str, Option<&str>, String, &str); 13] = [
        ("OCI", Some(IMAGE), with_type(IMAGE), IMAGE),
        (
            "OCI, said with a parameter",
            Some("application/vnd.oci.image.manifest.v1+json; charset=utf-8"),
            with_type(IMAGE),
            IMAGE,
        ),
        ("docker schema 2", Some(DOCKER_IMAGE), with_type(DOCKER_IMAGE), DOCKER_IMAGE),
        ("only the field says so", None, with_type(DOCKER_IMAGE), DOCKER_IMAGE),
        ("a header that knows nothing", Some("application/octet-stream"), with_type(IMAGE), IMAGE),
        ("only the header says so", Some(IMAGE), untyped.clone(), IMAGE),
        ("nobody says so, but it looks so", None, untyped, IMAGE),
        ("an artifact with a data field", Some(IMAGE), artifact.to_string(), IMAGE),
        ("a Helm chart", Some(IMAGE), helm.to_string(), IMAGE),
        ("a foreign layer", Some(DOCKER_IMAGE), foreign.to_string(), DOCKER_IMAGE),
        ("a layer not to be distributed", Some(IMAGE), nondistributable.to_string(), IMAGE),
        (
            "the artifact manifest of old",
            None,
            old_artifact.to_string(),
            "application/vnd.oci.artifact.manifest.v1+json",
        ),
        (
            "anything else in JSON",
            Some("application/vnd.acme.thing.v1+json"),
            r#"{"any":["thing"]}"#.to_owned(),
            "application/vnd.acme.thing.v1+json",
        ),
    ];
    for (what, header, content, media_type) in table {
        let mut request = put(V1).body(content.clone());
        if let Some(header) = header {
            request = request.header("Content-Type", header);
        }
        let pull = row(what, get(V1), 200).body(content).with("content-type", media_type);
        check(&registry, [row(what, request, 201), pull])?;
    }
    Ok(())
}

#[test]
fn what_is_missing_is_named() -> Result<()> {
    let registry = prepared(&[])?;
    registry.push_blob("acme/other", "elsewhere")?;
    let missing = image(b"{}", &[b"layer", b"missing", b"elsewhere"]).to_string();
    let mut wrong_size = image(b"{}", &[b"layer"]);
    wrong_size["layers"][0]["size"] = 999.into();
    let rows = [
        row("two of three layers are not here", push(IMAGE, &missing), 400)
            .error("MANIFEST_BLOB_UNKNOWN")
            .json("/errors/0/detail/digest", sha256("missing"))
            .json("/errors/1/code", "MANIFEST_BLOB_UNKNOWN")
            .json("/errors/1/detail/digest", sha256("elsewhere")),
        row("nothing was pushed", get(V1), 404).error("MANIFEST_UNKNOWN"),
        row("nor by digest", head(format!("/v2/acme/app/manifests/{}", sha256(&missing))), 404),
        row("a size that is not the blob's", push(IMAGE, &wrong_size.to_string()), 400)
            .error("MANIFEST_INVALID")
            .json("/errors/0/detail/digest", sha256("layer"))
            .json("/errors/0/detail/stated", 999)
            .json("/errors/0/detail/actual", 5),
        row("the config is missing", push(IMAGE, &image(b"no config", &[]).to_string()), 400)
            .error("MANIFEST_BLOB_UNKNOWN")
            .json("/errors/0/detail/digest", sha256("no config")),
    ];
    check(&registry, rows)
}

#[test]
fn sparse_where_configured() -> Result<()> {
    let registry = prepared(&[("ENTREPOT_REGISTRY_SPARSE_MANIFESTS", "true")])?;
    let sparse = image(b"{}", &[b"layer", b"missing"]).to_string();
    let mut wrong_size = image(b"{}", &[b"layer"]);
    wrong_size["layers"][0]["size"] = 999.into();
    let warning = format!(
        "299 - \"1 of the blobs or manifests that this manifest names are not in the repository: {}\"",
        sha256("missing")
    );
    let rows = [
        row("accepted, with a warning", push(IMAGE, &sparse), 201).with("warning", warning),
        row("it is there", get(V1), 200).body(sparse),
        row("a wrong size stays wrong", push(IMAGE, &wrong_size.to_string()), 400).error("MANIFEST_INVALID"),
    ];
    check(&registry, rows)
}

#[test]
fn by_digest_and_tags() -> Result<()> {
    let registry = prepared(&[])?;
    let content = image(b"{}", &[b"layer"]).to_string();
    let (digest, long) = (sha256(&content), sha512(&content));
    let by = |reference: &str| put(format!("/v2/acme/app/manifests/{reference}")).header("Content-Type", IMAGE);
    let pull = |what: &str, reference: &str| -> Row {
        row(what, get(format!("/v2/acme/app/manifests/{reference}")), 200).body(content.clone())
    };
    let rows = vec![
        row("another digest than the content's", by(&sha256("x")).body(content.clone()), 400)
            .error("DIGEST_INVALID")
            .json("/errors/0/detail/actual", &*digest),
        row("by digest", by(&digest).body(content.clone()), 201).without("oci-tag"),
        row("with tags", by(&format!("{digest}?tag=a&tag=b&tag=1.0")).body(content.clone()), 201)
            .with("oci-tag", "a, b, 1.0")
            .with("docker-content-digest", &digest),
        pull("by the first", "a"),
        pull("by the last", "1.0"),
        row("all are listed", get("/v2/acme/app/tags/list"), 200).json("/tags", json!(["1.0", "a", "b"])),
        row("by sha512", by(&format!("{long}?tag=long")).body(content.clone()), 201)
            .with("docker-content-digest", &long)
            .with("location", format!("/v2/acme/app/manifests/{long}")),
        pull("by that digest", &long).with("docker-content-digest", &long),
        pull("by its tag", "long").with("docker-content-digest", &long).with("etag", format!("\"{long}\"")),
        pull("by the other digest still", &digest).with("docker-content-digest", &digest),
        row("a tag that is none", by(&format!("{digest}?tag=-a")).body(content.clone()), 400).error("MANIFEST_INVALID"),
        row("a tag for a tag", by("a?tag=b").body(content.clone()), 400).error("MANIFEST_INVALID"),
        row("too many tags", by(&format!("{digest}?{}", "tag=x&".repeat(101))).body(content.clone()), 414),
        row(
            "a hundred tags",
            {
                let tags: Vec<_> = (0..100).map(|n| format!("tag=t{n}")).collect();
                by(&format!("{digest}?{}", tags.join("&"))).body(content.clone())
            },
            201,
        ),
    ];
    check(&registry, rows)
}

#[test]
fn the_same_bytes_under_another_type() -> Result<()> {
    let registry = prepared(&[])?;
    let content = json!({"schemaVersion": 2, "config": descriptor(CONFIG, "{}"), "layers": []}).to_string();
    let rows = [
        row("as OCI", push(IMAGE, &content), 201),
        row("it is", get(V1), 200).with("content-type", IMAGE),
        row("as docker's", push(DOCKER_IMAGE, &content), 201),
        row("the last word counts", get(V1), 200).with("content-type", DOCKER_IMAGE),
        row("by digest too", get(format!("/v2/acme/app/manifests/{}", sha256(&content))), 200)
            .with("content-type", DOCKER_IMAGE),
    ];
    check(&registry, rows)
}

#[test]
fn no_larger_than_the_limit() -> Result<()> {
    const LIMIT: usize = 4 * 1024 * 1024;
    let registry = prepared(&[])?;
    let of_size = |size: usize| {
        let fill = |length: usize| {
            let mut manifest = image(b"{}", &[]);
            manifest["annotations"] = json!({ "acme": "x".repeat(length) });
            Value::to_string(&manifest)
        };
        let content = fill(size - fill(0).len());
        assert_eq!(content.len(), size);
        content
    };
    let (fits, exceeds) = (of_size(LIMIT), of_size(LIMIT + 1));
    let chunks = |content: &str| {
        let pieces: Vec<_> = content.as_bytes().chunks(100_000).collect();
        put(V1).header("Content-Type", IMAGE).chunked(&pieces)
    };
    let rows = [
        row("4 MiB fit", push(IMAGE, &fits), 201),
        row("and come back", get(V1), 200).body(fits.clone()),
        row("4 MiB without a stated length", chunks(&fits), 201),
        row("a byte more does not", push(IMAGE, &exceeds), 413).error("MANIFEST_INVALID").says("4194304"),
        row("nor without a stated length", chunks(&exceeds), 413).error("MANIFEST_INVALID"),
    ];
    check(&registry, rows)
}
