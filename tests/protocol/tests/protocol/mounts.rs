//! Mounting a blob of another repository (end-11).

use anyhow::Result;
use entrepot_test_harness::content::sha256;
use entrepot_test_harness::{Registry, check, get, head, post, put, row};

#[test]
fn with_and_without_a_source() -> Result<()> {
    let registry = Registry::start()?;
    let digest = registry.push_blob("acme/source", "shared")?;
    let unknown = sha256("never pushed");
    let uploads = |name: &str, query: &str| post(format!("/v2/acme/{name}/blobs/uploads/?{query}"));
    let rows = [
        row("not there before", head(format!("/v2/acme/app/blobs/{digest}")), 404),
        row("from a repository that has it", uploads("app", &format!("mount={digest}&from=acme/source")), 201)
            .with("location", format!("/v2/acme/app/blobs/{digest}"))
            .with("docker-content-digest", &digest)
            .body(""),
        row("it is there", get(format!("/v2/acme/app/blobs/{digest}")), 200).body("shared"),
        row("again", uploads("app", &format!("mount={digest}&from=acme/source")), 201),
        row("onto itself", uploads("source", &format!("mount={digest}&from=acme/source")), 201),
        row("from wherever it is", uploads("anywhere", &format!("mount={digest}")), 201)
            .with("location", format!("/v2/acme/anywhere/blobs/{digest}")),
        row("it is there too", get(format!("/v2/acme/anywhere/blobs/{digest}")), 200).body("shared"),
        row(
            "from a repository that lacks it: upload it",
            uploads("b", &format!("mount={unknown}&from=acme/source")),
            202,
        )
        .with("range", "0-0"),
        row("that upload works", put(format!("<location>?digest={unknown}")).body("never pushed"), 201),
        row("from a repository that is not", uploads("c", &format!("mount={digest}&from=acme/nowhere")), 202),
        row("from no valid name", uploads("c", &format!("mount={digest}&from=ACME//")), 202),
        row("nobody has it", uploads("c", &format!("mount={}", sha256("nobody's"))), 202),
        row("no digest", uploads("c", "mount=sha256:12&from=acme/source"), 400).error("DIGEST_INVALID"),
        row("a name with encoded slash", uploads("d", &format!("mount={digest}&from=acme%2Fsource")), 201),
        row("c still has nothing", head(format!("/v2/acme/c/blobs/{digest}")), 404),
    ];
    check(&registry, rows)
}
