//! Pushing blobs (end-4, 5, 6, 13, 14), in all forms.

use anyhow::Result;
use entrepot_test_harness::content::{sha256, sha512};
use entrepot_test_harness::{Registry, Row, check, delete, get, head, patch, post, put, row};

const UPLOADS: &str = "/v2/acme/app/blobs/uploads/";

fn begin() -> Row {
    row("POST begins an upload", post(UPLOADS), 202).with("range", "0-0").with("content-length", "0").body("")
}

fn blob(digest: &str) -> String {
    format!("/v2/acme/app/blobs/{digest}")
}

#[test]
fn in_one_request() -> Result<()> {
    let registry = Registry::start()?;
    let (content, other) = ("in one request", "in chunks");
    let (digest, chunked) = (sha256(content), sha256(other));
    check(
        &registry,
        [
            row("a blob comes whole", post(format!("{UPLOADS}?digest={digest}")).body(content), 201)
                .with("location", blob(&digest))
                .with("docker-content-digest", &digest)
                .body(""),
            row("it is there", get(blob(&digest)), 200).body(content),
            row("it may come again", post(format!("{UPLOADS}?digest={digest}")).body(content), 201),
            row(
                "a length is not needed",
                post(format!("{UPLOADS}?digest={chunked}")).chunked(&[b"in ", b"chu", b"nks"]),
                201,
            )
            .with("docker-content-digest", &chunked),
            row("it is there too", get(blob(&chunked)), 200).body(other),
            row(
                "another digest than the content's is refused",
                post(format!("{UPLOADS}?digest={}", sha256("x"))).body("y"),
                400,
            )
            .error("DIGEST_INVALID")
            .json("/errors/0/detail/stated", sha256("x"))
            .json("/errors/0/detail/actual", sha256("y")),
            row("and nothing is kept of it", head(blob(&sha256("y"))), 404),
            row("nor under the wrong name", head(blob(&sha256("x"))), 404),
            row("a digest must be one", post(format!("{UPLOADS}?digest=sha256:12")).body("y"), 400)
                .error("DIGEST_INVALID"),
            row("of a known algorithm", post(format!("{UPLOADS}?digest=md5:{}", "0".repeat(32))).body("y"), 400)
                .error("DIGEST_INVALID"),
            row(
                "the colon may be encoded",
                post(format!("{UPLOADS}?digest={}", digest.replace(':', "%3A"))).body(content),
                201,
            )
            .with("docker-content-digest", &digest),
        ],
    )
}

#[test]
fn post_then_put() -> Result<()> {
    let registry = Registry::start()?;
    let digest = sha256("whole");
    let rows = [
        begin().with("oci-chunk-min-length", "65536"),
        row("PUT brings everything", put(format!("<location>?digest={digest}")).body("whole"), 201)
            .with("location", blob(&digest))
            .with("docker-content-digest", &digest),
        row("the blob is there", get("<location>"), 200).body("whole").with("content-type", "application/octet-stream"),
    ];
    check(&registry, rows)
}

#[test]
fn streamed_in_one_patch() -> Result<()> {
    let registry = Registry::start()?;
    let digest = sha256("streamed");
    let rows = [
        begin(),
        row("PATCH without length or range", patch("<location>").chunked(&[b"stre", b"amed"]), 202)
            .with("range", "0-7"),
        row("GET says how far it is", get("<location>"), 204).with("range", "0-7").body(""),
        row("the end names the digest", put(format!("<location>?digest={digest}")), 201),
        row("the blob is there", get("<location>"), 200).body("streamed"),
    ];
    check(&registry, rows)
}

#[test]
fn in_ranges() -> Result<()> {
    let registry = Registry::start()?;
    let digest = sha256("onetwothree");
    let chunk = |range: &str, content: &str| patch("<location>").header("Content-Range", range).body(content);
    let rows = [
        begin(),
        row("the first range", chunk("0-2", "one"), 202).with("range", "0-2"),
        row("the first again is out of order", chunk("0-2", "one"), 416)
            .error("BLOB_UPLOAD_INVALID")
            .with("range", "0-2")
            .says("3 bytes"),
        row("a range after a gap too", chunk("4-6", "two"), 416).error("BLOB_UPLOAD_INVALID").with("range", "0-2"),
        row("a range that is none", chunk("three to five", "two"), 416).error("BLOB_UPLOAD_INVALID"),
        row("nothing of that was taken", get("<location>"), 204).with("range", "0-2"),
        row("the next range", chunk("3-5", "two"), 202).with("range", "0-5"),
        row("the spelling of RFC 9110", chunk("bytes 6-7/11", "th"), 202).with("range", "0-7"),
        row(
            "the last chunk out of order",
            put(format!("<location>?digest={digest}")).header("Content-Range", "9-10").body("ee"),
            416,
        )
        .with("range", "0-7"),
        row(
            "the last chunk comes with PUT",
            put(format!("<location>?digest={digest}")).header("Content-Range", "8-10").body("ree"),
            201,
        )
        .with("docker-content-digest", &digest),
        row("the blob is there", get("<location>"), 200).body("onetwothree"),
    ];
    check(&registry, rows)
}

#[test]
fn a_range_of_another_length_than_the_body() -> Result<()> {
    let registry = Registry::start()?;
    let rows = [
        begin(),
        row("longer than the body", patch("<location>").header("Content-Range", "0-9").body("one"), 400)
            .error("SIZE_INVALID")
            .json("/errors/0/detail/stated", 10)
            .json("/errors/0/detail/actual", 3),
        row("shorter than the body", patch("<location>").header("Content-Range", "0-0").body("one"), 400)
            .error("SIZE_INVALID"),
        row("nothing was taken", get("<location>"), 204).with("range", "0-0"),
        row("the upload goes on", patch("<location>").header("Content-Range", "0-2").body("one"), 202)
            .with("range", "0-2"),
        row(
            "PUT with a range of another length",
            put(format!("<location>?digest={}", sha256("onetwo"))).header("Content-Range", "3-9").body("two"),
            400,
        )
        .error("SIZE_INVALID"),
    ];
    check(&registry, rows)
}

#[test]
fn the_digest_at_the_end() -> Result<()> {
    let registry = Registry::start()?;
    let rows = [
        begin(),
        row("some content", patch("<location>").body("content"), 202),
        row("PUT without a digest", put("<location>"), 400).error("DIGEST_INVALID").says("digest=sha256:"),
        row("PUT with half a digest", put("<location>?digest=sha256:abc"), 400).error("DIGEST_INVALID"),
        row("the upload is still there", get("<location>"), 204).with("range", "0-6"),
        row("another digest", put(format!("<location>?digest={}", sha256("x"))), 400).error("DIGEST_INVALID"),
        row("which ends the upload", get("<location>"), 404).error("BLOB_UPLOAD_UNKNOWN"),
        row("nothing is there under it", head(blob(&sha256("x"))), 404),
        row("nor under its own", head(blob(&sha256("content"))), 404),
    ];
    check(&registry, rows)
}

#[test]
fn sha512_end_to_end() -> Result<()> {
    let registry = Registry::start()?;
    let (content, late) = ("of sha512", "of sha512, said late");
    let (digest, late_digest) = (sha512(content), sha512(late));
    let rows = [
        row("the algorithm is said at the beginning", post(format!("{UPLOADS}?digest-algorithm=sha512")), 202),
        row("content", patch("<location>").body("of "), 202),
        row("more content", put(format!("<location>?digest={digest}")).body("sha512"), 201)
            .with("docker-content-digest", &digest)
            .with("location", blob(&digest)),
        row("it is there", get(blob(&digest)), 200).body(content).with("etag", format!("\"{digest}\"")),
        begin(),
        row("content before anybody says which", patch("<location>").body(late), 202),
        row("the algorithm is said at the end", put(format!("<location>?digest={late_digest}")), 201),
        row("it is there", get(blob(&late_digest)), 200).body(late),
        row("in one request", post(format!("{UPLOADS}?digest={}", sha512("z"))).body("z"), 201),
        row("a wrong one", post(format!("{UPLOADS}?digest={}", sha512("z"))).body("y"), 400).error("DIGEST_INVALID"),
        row("an algorithm nobody knows", post(format!("{UPLOADS}?digest-algorithm=crc32")), 400)
            .error("DIGEST_INVALID")
            .says("crc32"),
    ];
    check(&registry, rows)
}

#[test]
fn the_empty_blob() -> Result<()> {
    let registry = Registry::start()?;
    let digest = sha256("");
    let rows = [
        row("in one request", post(format!("{UPLOADS}?digest={digest}")), 201),
        row("it is there", get(blob(&digest)), 200).body("").with("content-length", "0"),
        row("without a body", head(blob(&digest)), 200).with("content-length", "0"),
        row("deleted", delete(blob(&digest)), 202),
        begin(),
        row("an empty PATCH", patch("<location>"), 202).with("range", "0-0"),
        row("with PUT", put(format!("<location>?digest={digest}")), 201),
        row("it is there again", get(blob(&digest)), 200).body(""),
        row("no byte of it can be asked for", get(blob(&digest)).header("Range", "bytes=0-0"), 416),
    ];
    check(&registry, rows)
}

#[test]
fn cancelled() -> Result<()> {
    let registry = Registry::start()?;
    let rows = [
        begin(),
        row("some content", patch("<location>").body("content"), 202),
        row("DELETE gives it up", delete("<location>"), 204).body(""),
        row("it is gone", get("<location>"), 404).error("BLOB_UPLOAD_UNKNOWN"),
        row("for writing too", patch("<location>").body("more"), 404).error("BLOB_UPLOAD_UNKNOWN"),
        row("and for ending", put(format!("<location>?digest={}", sha256("content"))), 404)
            .error("BLOB_UPLOAD_UNKNOWN"),
        row("and for giving up", delete("<location>"), 404).error("BLOB_UPLOAD_UNKNOWN"),
    ];
    check(&registry, rows)?;
    let left = registry.leftovers()?;
    anyhow::ensure!(left == 0, "{left} files or objects are left of it");
    Ok(())
}

#[test]
fn ids_that_name_no_upload() -> Result<()> {
    let registry = Registry::start()?;
    let unknown = format!("{UPLOADS}01980000-0000-7000-8000-000000000000");
    let location = registry.begin_upload("acme/app")?;
    let elsewhere = location.replace("acme/app", "acme/other");
    let digest = sha256("");
    let mut rows = Vec::new();
    for (what, path) in [("one that never was", &unknown), ("of another repository", &elsewhere)] {
        rows.push(row(what, get(path), 404).error("BLOB_UPLOAD_UNKNOWN"));
        rows.push(row(what, patch(path).body("x"), 404).error("BLOB_UPLOAD_UNKNOWN"));
        rows.push(row(what, put(format!("{path}?digest={digest}")), 404).error("BLOB_UPLOAD_UNKNOWN"));
        rows.push(row(what, delete(path), 404).error("BLOB_UPLOAD_UNKNOWN"));
    }
    for id in ["x", "..", "0", "%2e%2e%2fblobs", "01980000-0000-7000-8000-00000000000g", "%00"] {
        rows.push(row("none at all", get(format!("{UPLOADS}{id}")), 404));
    }
    rows.push(row("the upload itself is untouched", get(location), 204).with("range", "0-0"));
    check(&registry, rows)
}
