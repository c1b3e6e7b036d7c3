//! What people may do who did not log in.

use anyhow::Result;
use entrepot_test_harness::content::{IMAGE, image, sha256};
use entrepot_test_harness::{Registry, Request, check, delete, get, head, patch, post, put, row};

fn reads() -> Vec<Request> {
    let digest = sha256("{}");
    vec![
        get("/v2/_catalog"),
        get("/v2/acme/app/tags/list"),
        get("/v2/acme/app/manifests/v1"),
        get(format!("/v2/acme/app/blobs/{digest}")),
        get(format!("/v2/acme/app/referrers/{digest}")),
    ]
}

fn writes() -> Vec<Request> {
    let digest = sha256("{}");
    let upload = "/v2/acme/app/blobs/uploads/01980000-0000-7000-8000-000000000000";
    vec![
        post("/v2/acme/app/blobs/uploads/"),
        post(format!("/v2/acme/app/blobs/uploads/?digest={digest}")).body("{}"),
        post(format!("/v2/acme/app/blobs/uploads/?mount={digest}&from=acme/other")),
        get(upload),
        patch(upload).body("x"),
        put(format!("{upload}?digest={digest}")),
        delete(upload),
        put("/v2/acme/app/manifests/v1").header("Content-Type", IMAGE).body(image(b"{}", &[]).to_string()),
        delete("/v2/acme/app/manifests/v1"),
        delete(format!("/v2/acme/app/blobs/{digest}")),
    ]
}

#[test]
fn pull() -> Result<()> {
    let registry = Registry::with(&[("ENTREPOT_ACCESS_ANONYMOUS", "pull")])?;
    let mut rows = vec![row("the base is open", get("/v2/"), 200)];
    for request in writes() {
        rows.push(row("no writing", request, 401).error("UNAUTHORIZED").says("without logging in"));
    }
    // Whether there is a repository that one may not see is not said.
    rows.push(row("nothing is there", get("/v2/acme/app/manifests/v1"), 401).error("UNAUTHORIZED"));
    rows.push(row("the catalog is open", get("/v2/_catalog"), 200));
    check(&registry, rows)
}

#[test]
fn none() -> Result<()> {
    let registry = Registry::with(&[("ENTREPOT_ACCESS_ANONYMOUS", "none")])?;
    let mut rows = Vec::new();
    for request in reads().into_iter().chain(writes()) {
        rows.push(row("nothing is allowed", request, 401).error("UNAUTHORIZED"));
    }
    rows.push(row("HEAD has no body either way", head("/v2/acme/app/manifests/v1"), 401).body(""));
    rows.push(row("health is nobody's secret", get("/healthz"), 200));
    check(&registry, rows)
}
