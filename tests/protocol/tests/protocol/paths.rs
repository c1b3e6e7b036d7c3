//! Base, methods, and paths that are easily misread.

use anyhow::Result;
use entrepot_test_harness::content::{IMAGE, image, sha256};
use entrepot_test_harness::{Registry, check, delete, get, head, patch, post, put, request, row};
use serde_json::json;

#[test]
fn base_and_what_is_beside_the_api() -> Result<()> {
    let registry = Registry::start()?;
    let rows = [
        row("this is a registry", get("/v2/"), 200).body("{}").with("content-type", "application/json"),
        row("without the slash", get("/v2"), 200),
        row("by HEAD", head("/v2/"), 200).body(""),
        row("with a query", get("/v2/?a=b"), 200),
        row("nothing here", get("/nothing"), 404),
        row("version 1", get("/v1/_ping"), 404),
        row("beside it", get("/v2x/"), 404),
        row("not an endpoint", get("/v2/acme"), 404).error("UNSUPPORTED"),
        row("nor this", get("/v2/acme/app/layers/x"), 404).error("UNSUPPORTED"),
        row("nor content trust, yet", get("/v2/localhost:5000/acme/app/_trust/tuf/root.json"), 404)
            .error("UNSUPPORTED"),
    ];
    check(&registry, rows)
}

#[test]
fn methods_that_a_path_does_not_know() -> Result<()> {
    let registry = Registry::start()?;
    let digest = sha256("x");
    let table = [
        ("/v2/".to_owned(), "GET, HEAD"),
        ("/v2/_catalog".to_owned(), "GET"),
        ("/v2/acme/app/tags/list".to_owned(), "GET"),
        (format!("/v2/acme/app/referrers/{digest}"), "GET"),
        ("/v2/acme/app/manifests/v1".to_owned(), "GET, HEAD, PUT, DELETE"),
        (format!("/v2/acme/app/blobs/{digest}"), "GET, HEAD, DELETE"),
        ("/v2/acme/app/blobs/uploads/".to_owned(), "POST"),
        ("/v2/acme/app/blobs/uploads/01980000-0000-7000-8000-000000000000".to_owned(), "GET, HEAD, PATCH, PUT, DELETE"),
    ];
    let mut rows = Vec::new();
    for (path, allow) in table {
        for method in ["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS", "BREW"] {
            if !allow.split(", ").any(|known| known == method) {
                let mut line =
                    row(format!("{method} is unknown here"), request(method, &path), 405).with("allow", allow);
                if method != "HEAD" {
                    line = line.error("UNSUPPORTED");
                }
                rows.push(line);
            }
        }
    }
    check(&registry, rows)
}

#[test]
fn names() -> Result<()> {
    let registry = Registry::start()?;
    let content = image(b"{}", &[]).to_string();
    let longest = format!("acme/{}", "a".repeat(250));
    for name in ["a", "acme/blobs/tags", "manifests", "tags/list/blobs/uploads", "a.b/c_d/e__f/g--h/0", &longest] {
        let config = registry.push_blob(name, "{}")?;
        let rows = [
            row(name, put(format!("/v2/{name}/manifests/v1")).header("Content-Type", IMAGE).body(content.clone()), 201)
                .with("location", format!("/v2/{name}/manifests/{}", sha256(&content))),
            row(name, get(format!("/v2/{name}/manifests/v1")), 200).body(content.clone()),
            row(name, get(format!("/v2/{name}/blobs/{config}")), 200).body("{}"),
            row("an encoded colon", get(format!("/v2/{name}/blobs/{}", config.replace(':', "%3a"))), 200).body("{}"),
            row("encoded slashes", get(format!("/v2/{}/manifests/v1", name.replace('/', "%2F"))), 200),
            row(name, get(format!("/v2/{name}/tags/list")), 200).json("/name", name).json("/tags", json!(["v1"])),
            row(name, get(format!("/v2/{name}/referrers/{config}")), 200),
            row(name, delete(format!("/v2/{name}/manifests/v1")), 202),
        ];
        check(&registry, rows)?;
    }
    let too_long = format!("acme/{}", "a".repeat(251));
    let mut rows = Vec::new();
    for name in [
        "Acme/app",
        "acme//app",
        "/acme",
        "acme/",
        "acme..app",
        "-acme",
        "acme/_app",
        "acme%20app",
        "%c3%a4",
        "acme/../app",
        &too_long,
    ] {
        let digest = sha256("x");
        for request in [
            get(format!("/v2/{name}/manifests/v1")),
            get(format!("/v2/{name}/tags/list")),
            get(format!("/v2/{name}/blobs/{digest}")),
            post(format!("/v2/{name}/blobs/uploads/")),
            put(format!("/v2/{name}/manifests/v1")).header("Content-Type", IMAGE).body(content.clone()),
            patch(format!("/v2/{name}/blobs/uploads/01980000-0000-7000-8000-000000000000")).body("x"),
            get(format!("/v2/{name}/referrers/{digest}")),
        ] {
            rows.push(row("no name of a repository", request, 400).error("NAME_INVALID").says("repository name"));
        }
    }
    check(&registry, rows)
}

#[test]
fn references() -> Result<()> {
    let registry = Registry::start()?;
    registry.push_blob("acme/app", "{}")?;
    let content = image(b"{}", &[]).to_string();
    let push = |reference: &str| {
        put(format!("/v2/acme/app/manifests/{reference}")).header("Content-Type", IMAGE).body(content.clone())
    };
    let mut rows = Vec::new();
    for tag in ["1", "_", "A.b-c_d", "list", "latest", &"t".repeat(128)] {
        rows.push(row("a tag", push(tag), 201));
        rows.push(row("a tag", get(format!("/v2/acme/app/manifests/{tag}")), 200).body(content.clone()));
    }
    for (tag, code) in [
        (".a", "MANIFEST_INVALID"),
        ("-a", "MANIFEST_INVALID"),
        ("a%20b", "MANIFEST_INVALID"),
        ("a@b", "MANIFEST_INVALID"),
        (&*"t".repeat(129), "MANIFEST_INVALID"),
        ("sha256:abc", "DIGEST_INVALID"),
        (&*sha256("x").to_uppercase(), "DIGEST_INVALID"),
        (&*format!("md5:{}", "0".repeat(32)), "DIGEST_INVALID"),
        ("a:b", "DIGEST_INVALID"),
    ] {
        rows.push(row(tag, push(tag), 400).error(code));
        rows.push(row(tag, get(format!("/v2/acme/app/manifests/{tag}")), 400).error(code));
    }
    rows.push(row("no such tag", get("/v2/acme/app/manifests/none"), 404).error("MANIFEST_UNKNOWN"));
    rows.push(row("by HEAD", head("/v2/acme/app/manifests/none"), 404).body(""));
    rows.push(row("no such repository", get("/v2/acme/none/manifests/v1"), 404).error("NAME_UNKNOWN"));
    check(&registry, rows)
}
