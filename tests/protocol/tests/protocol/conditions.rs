//! Conditional requests (RFC 9110, section 13): what a client has need not be sent, and what it has not seen not be
//! overwritten.

use anyhow::Result;
use entrepot_test_harness::content::{IMAGE, image, noise, sha256};
use entrepot_test_harness::{Registry, Row, check, get, head, put, row};

#[test]
fn what_the_client_has_is_not_sent() -> Result<()> {
    let registry = Registry::start()?;
    registry.push_blob("acme/app", "{}")?;
    let large = registry.push_blob("acme/app", noise(3, 100_000))?;
    let manifest = registry.push_manifest("acme/app", "v1", &image(b"{}", &[]))?;
    let mut rows: Vec<Row> = Vec::new();
    for (path, digest) in [
        ("/v2/acme/app/manifests/v1".to_owned(), &manifest),
        (format!("/v2/acme/app/manifests/{manifest}"), &manifest),
        (format!("/v2/acme/app/blobs/{}", sha256("{}")), &sha256("{}")),
        (format!("/v2/acme/app/blobs/{large}"), &large),
    ] {
        let other = sha256("something else");
        for tag in [
            format!("\"{digest}\""),
            format!("W/\"{digest}\""),
            digest.clone(),
            format!("\"{other}\", \"{digest}\""),
            "*".to_owned(),
        ] {
            for request in [get(&path), head(&path)] {
                rows.push(
                    row(format!("If-None-Match: {tag}"), request.header("If-None-Match", &tag), 304)
                        .with("etag", format!("\"{digest}\""))
                        .with("docker-content-digest", digest)
                        .body(""),
                );
            }
        }
        rows.push(row("it has something else", get(&path).header("If-None-Match", format!("\"{other}\"")), 200));
        rows.push(row("it knows no tag", get(&path).header("If-None-Match", "\"\""), 200));
    }
    let absent = format!("/v2/acme/app/blobs/{}", sha256("absent"));
    rows.push(row("there is nothing", get(absent).header("If-None-Match", "*"), 404).error("BLOB_UNKNOWN"));
    check(&registry, rows)
}

#[test]
fn what_the_client_has_not_seen_is_not_overwritten() -> Result<()> {
    let registry = Registry::start()?;
    for config in ["1", "2", "3"] {
        registry.push_blob("acme/app", config)?;
    }
    let [one, two, three] = ["1", "2", "3"].map(|config| image(config.as_bytes(), &[]).to_string());
    let [first, second, third] = [&one, &two, &three].map(sha256);
    let push = |name: &str, value: &str, content: &str| {
        put("/v2/acme/app/manifests/v1").header("Content-Type", IMAGE).header(name, value).body(content)
    };
    let rows = [
        row("there must be one, but is not", push("If-Match", "*", &one), 412).error("DENIED"),
        row("there must be this one, but is none", push("If-Match", &format!("\"{first}\""), &two), 412),
        row("nothing was pushed", head("/v2/acme/app/manifests/v1"), 404),
        row("there must be none", push("If-None-Match", "*", &one), 201),
        row("there must be none, but is", push("If-None-Match", "*", &two), 412)
            .error("DENIED")
            .json("/errors/0/detail/current", &*first),
        row("there must be another", push("If-Match", &format!("\"{second}\""), &two), 412)
            .json("/errors/0/detail/current", &*first),
        row("still the first", get("/v2/acme/app/manifests/v1"), 200).body(one),
        row("there must be this one", push("If-Match", &format!("\"{first}\""), &two), 201)
            .with("docker-content-digest", &second),
        row("one of these", push("If-Match", &format!("\"{first}\", \"{second}\""), &three), 201)
            .with("docker-content-digest", &third),
        row("any", push("If-Match", "*", &two), 201),
        row("the second again", get("/v2/acme/app/manifests/v1"), 200).body(two),
        row("a list that is none", push("If-Match", "\"yesterday's\"", &three), 400).error("UNSUPPORTED"),
        row(
            "of a digest: it is there",
            {
                put(format!("/v2/acme/app/manifests/{first}"))
                    .header("Content-Type", IMAGE)
                    .header("If-None-Match", "*")
                    .body(image(b"1", &[]).to_string())
            },
            412,
        ),
    ];
    check(&registry, rows)
}
