//! Tags that do not move, for those who may push all the same.

use anyhow::Result;
use entrepot_test_harness::content::{IMAGE, image, sha256};
use entrepot_test_harness::{Request, delete, get, put};

use crate::{PUBLIC, Scene};

fn put_tag(tag: &str, layers: &[&[u8]]) -> Request {
    put(format!("/v2/{PUBLIC}/manifests/{tag}")).header("Content-Type", IMAGE).body(image(b"{}", layers).to_string())
}

#[test]
fn an_immutable_tag_neither_moves_nor_goes() -> Result<()> {
    let scene = Scene::start()?;
    scene.people.freeze("ann/*", "v*")?;
    let layer: &[u8] = b"what everybody may read";
    let original = sha256(image(b"{}", &[layer]).to_string());
    // The rule is heard of within a second; the same content again moves nothing.
    std::thread::sleep(std::time::Duration::from_secs(1));
    scene.ask_as("ann", put_tag("v1", &[layer]))?.expect(201)?;
    scene.ask_as("ann", put_tag("v1", &[]))?.expect(403)?;
    scene.ask_as("ann", delete(format!("/v2/{PUBLIC}/manifests/v1")))?.expect(403)?;
    scene.ask_as("ann", delete(format!("/v2/{PUBLIC}/manifests/{original}")))?.expect(403)?;
    // By the digest of another manifest, with the tag in the query, as some clients name it.
    let other = sha256(image(b"{}", &[]).to_string());
    let named = put(format!("/v2/{PUBLIC}/manifests/{other}?tag=v1"));
    let answer = scene.ask_as("ann", named.header("Content-Type", IMAGE).body(image(b"{}", &[]).to_string()))?;
    anyhow::ensure!(matches!(answer.status, 201 | 403), "{}", answer.status);
    let now = scene.ask(&get(format!("/v2/{PUBLIC}/manifests/v1")))?.expect(200)?;
    anyhow::ensure!(now.required("docker-content-digest")? == original, "the tag moved");
    scene.ask_as("ann", put_tag("latest", &[]))?.expect(201)?;
    scene.ask_as("ann", put_tag("latest", &[layer]))?.expect(201).map(drop)
}
