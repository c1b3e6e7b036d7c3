//! Manifests that are refused, each with a sentence that says why.

use anyhow::Result;
use entrepot_test_harness::content::{CONFIG, IMAGE, INDEX, descriptor, image, index};
use entrepot_test_harness::{Registry, check, get, put, row};
use serde_json::json;

#[test]
fn each_with_its_reason() -> Result<()> {
    let registry = Registry::start()?;
    registry.push_blob("acme/app", "{}")?;
    let good = image(b"{}", &[]).to_string();
    let both = {
        let mut manifest = image(b"{}", &[]);
        manifest["manifests"] = json!([]);
        manifest.to_string()
    };
    let without = |field: &str| {
        let mut manifest = image(b"{}", &[]);
        if let Some(fields) = manifest.as_object_mut() {
            fields.remove(field);
        }
        manifest.to_string()
    };
    let schema1 =
        r#"{"schemaVersion":1,"name":"acme/app","tag":"v1","architecture":"amd64","fsLayers":[],"history":[]}"#;
    let bad_digest = json!({
        "schemaVersion": 2, "config": {"mediaType": CONFIG, "digest": "sha256:XYZ", "size": 2}, "layers": [],
    })
    .to_string();
    let negative = json!({
        "schemaVersion": 2, "config": {"mediaType": CONFIG, "digest": descriptor(CONFIG, "{}")["digest"], "size": -1},
        "layers": [],
    });
    let contradiction = index(&[]).to_string();
    let table: [(&str, &str, &str, &str); 16] = [
        ("not JSON", IMAGE, "{", "JSON"),
        ("nothing", IMAGE, "", "JSON"),
        ("an array", IMAGE, "[]", "JSON"),
        ("two documents", IMAGE, "{}{}", "JSON"),
        (
            "schema 1 by type",
            "application/vnd.docker.distribution.manifest.v1+json",
            schema1,
            "schema 1 is not accepted",
        ),
        ("signed schema 1", "application/vnd.docker.distribution.manifest.v1+prettyjws", schema1, "docker 1.10"),
        ("schema 1 by content", "application/json", schema1, "schema 1 is not accepted"),
        ("schema 1 that claims to be 2", IMAGE, schema1, "schema 1 is not accepted"),
        ("header and field differ", IMAGE, &contradiction, "but the mediaType field says"),
        ("an image called an index", INDEX, &good, "but the mediaType field says"),
        ("a page for browsers", "text/html", "{}", "not a manifest type"),
        ("a picture with scripts", "image/svg+xml", "{}", "not a manifest type"),
        ("a script", "application/javascript", "{}", "not a manifest type"),
        ("a page as XML", "application/xhtml+xml", "{}", "not a manifest type"),
        ("both kinds at once", IMAGE, &both, "ambiguous"),
        ("a malformed digest", IMAGE, &bad_digest, "sha256:XYZ"),
    ];

    let mut rows = Vec::new();
    let push = |media_type: &str, content: &str| {
        put("/v2/acme/app/manifests/v1").header("Content-Type", media_type).body(content)
    };
    for (what, media_type, content, sentence) in table {
        rows.push(row(what, push(media_type, content), 400).error("MANIFEST_INVALID").says(sentence));
    }
    for field in ["schemaVersion", "config", "layers"] {
        rows.push(row(field, push(IMAGE, &without(field)), 400).error("MANIFEST_INVALID").says(field));
    }
    rows.push(row("a negative size", push(IMAGE, &negative.to_string()), 400).error("MANIFEST_INVALID"));
    rows.push(
        row("no type at all", put("/v2/acme/app/manifests/v1").body("{}"), 400)
            .error("MANIFEST_INVALID")
            .says("Content-Type"),
    );
    rows.push(row("a type that is not text", push("application/\u{fc}+json", &good), 400).error("MANIFEST_INVALID"));
    rows.push(row("nothing of all that is there", get("/v2/acme/app/manifests/v1"), 404).error("MANIFEST_UNKNOWN"));
    check(&registry, rows)
}
