//! Reading blobs (end-2), whole and in parts.

use anyhow::Result;
use entrepot_test_harness::content::{noise, sha256};
use entrepot_test_harness::{Registry, check, get, head, row};

/// A blob that is kept in memory once read, and one that is sent from its file.
const SIZES: [usize; 2] = [1000, 300_000];

#[test]
fn whole() -> Result<()> {
    let registry = Registry::start()?;
    for size in SIZES {
        let content = noise(1, size);
        let digest = registry.push_blob("acme/app", &content)?;
        let path = format!("/v2/acme/app/blobs/{digest}");
        let mut rows = Vec::new();
        for what in ["from the store", "from memory, where small ones are by now"] {
            rows.push(
                row(what, get(&path), 200)
                    .body(content.clone())
                    .with("content-type", "application/octet-stream")
                    .with("content-length", size.to_string())
                    .with("docker-content-digest", &digest)
                    .with("etag", format!("\"{digest}\""))
                    .with("accept-ranges", "bytes"),
            );
            rows.push(
                row("HEAD has the same headers", head(&path), 200)
                    .body("")
                    .with("content-length", size.to_string())
                    .with("docker-content-digest", &digest)
                    .with("accept-ranges", "bytes"),
            );
        }
        rows.push(row("not of another repository", get(path.replace("acme/app", "acme/b")), 404).error("BLOB_UNKNOWN"));
        rows.push(row("nor by HEAD", head(path.replace("acme/app", "acme/b")), 404).body(""));
        check(&registry, rows)?;
    }
    let nothing = sha256("nothing");
    check(
        &registry,
        [row("one that never was", get(format!("/v2/acme/app/blobs/{nothing}")), 404)
            .error("BLOB_UNKNOWN")
            .json("/errors/0/detail/digest", nothing)],
    )
}

#[test]
fn parts() -> Result<()> {
    let registry = Registry::start()?;
    for size in SIZES {
        let content = noise(2, size);
        let digest = registry.push_blob("acme/app", &content)?;
        let path = format!("/v2/acme/app/blobs/{digest}");
        let ask = |range: &str| get(&path).header("Range", range);
        let part = |what: &str, range: String, first: usize, last: usize| {
            row(what, ask(&range), 206)
                .body(&content[first..=last])
                .with("content-range", format!("bytes {first}-{last}/{size}"))
                .with("content-length", (last - first + 1).to_string())
                .with("docker-content-digest", &digest)
        };
        let none = |what: &str, range: String| {
            row(what, ask(&range), 416).with("content-range", format!("bytes */{size}")).error("SIZE_INVALID")
        };
        let whole = |what: &str, range: &str| row(what, ask(range), 200).body(content.clone());
        let rows = vec![
            part("the first byte", "bytes=0-0".into(), 0, 0),
            part("some in the middle", "bytes=100-199".into(), 100, 199),
            part("from somewhere to the end", "bytes=900-".into(), 900, size - 1),
            part("the last hundred", "bytes=-100".into(), size - 100, size - 1),
            part("more than there is, from the end", format!("bytes=-{}", size + 1), 0, size - 1),
            part("more than there is", "bytes=10-99999999999".into(), 10, size - 1),
            part("all of it", format!("bytes=0-{}", size - 1), 0, size - 1),
            none("after the end", format!("bytes={size}-")),
            none("far after the end", "bytes=18446744073709551615-".into()),
            none("the last none", "bytes=-0".into()),
            none("backwards", "bytes=5-3".into()),
            whole("several parts", "bytes=0-1,3-4"),
            whole("another unit", "lines=0-1"),
            whole("nonsense", "bytes=a-b"),
            row("the same content as before", ask("bytes=0-0").header("If-Range", format!("\"{digest}\"")), 206),
            row("other content than before", ask("bytes=0-0").header("If-Range", format!("\"{}\"", sha256("x"))), 200)
                .body(content.clone()),
            row("HEAD knows no parts", head(&path).header("Range", "bytes=0-0"), 200)
                .with("content-length", size.to_string()),
        ];
        check(&registry, rows)?;
    }
    Ok(())
}
