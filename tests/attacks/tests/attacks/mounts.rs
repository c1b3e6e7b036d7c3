//! Mounts from what one may not read.

use anyhow::{Result, ensure};
use entrepot_test_harness::content::sha256;
use entrepot_test_harness::{get, head, patch, post, put};

use crate::{PRIVATE, PUBLIC, SECRET, Scene, basic, bearer, with};

#[test]
fn a_mount_from_a_private_repository_is_an_upload_like_any_other() -> Result<()> {
    let scene = Scene::start()?;
    let (secret, absent) = (sha256(SECRET), sha256("absent"));
    let mallory = basic("mallory", entrepot_test_people::PASSWORD);
    let scopes = ["repository:mallory/app:pull,push".to_owned(), format!("repository:{PRIVATE}:pull")];
    let token = bearer(&scene.registry_token(&mallory, &[&scopes[0], &scopes[1]])?);
    let mut said = Vec::new();
    for authorization in [&mallory, &token] {
        for query in [
            format!("mount={secret}&from={PRIVATE}"),
            format!("mount={secret}"),
            format!("mount={secret}&from={PRIVATE}%2F..%2Fsecret"),
            format!("mount={secret}&from="),
            format!("mount={absent}&from={PRIVATE}"),
            format!("mount={absent}&from=nobody/here"),
        ] {
            let answer = scene.ask(&with(post(format!("/v2/mallory/app/blobs/uploads/?{query}")), authorization))?;
            answer.required("docker-upload-uuid")?;
            said.push((query, answer.status, answer.header("docker-content-digest").is_some(), answer.text()));
        }
    }
    for (query, status, has_digest, text) in &said {
        ensure!(*status == 202 && !has_digest && text.is_empty(), "{query}: {status} {text}");
    }
    scene.ask_as("mallory", head(format!("/v2/mallory/app/blobs/{secret}")))?.expect(404)?;
    // What anybody may read may be mounted.
    let public = sha256("what everybody may read");
    let query = format!("mount={public}&from={PUBLIC}");
    scene.ask_as("mallory", post(format!("/v2/mallory/app/blobs/uploads/?{query}")))?.expect(201)?;
    // Into what one may only read, nothing.
    scene.ask_as("mallory", post(format!("/v2/{PUBLIC}/blobs/uploads/?{query}")))?.expect(403).map(drop)
}

#[test]
fn an_upload_belongs_to_its_repository() -> Result<()> {
    let scene = Scene::start()?;
    let begun = scene.ask_as("ann", post(format!("/v2/{PRIVATE}/blobs/uploads/")))?.expect(202)?;
    let location = begun.required("location")?.to_owned();
    scene.ask_as("ann", patch(&location).body(SECRET))?.expect(202)?;
    let (elsewhere, digest) = (location.replace(PRIVATE, "mallory/app"), sha256(SECRET));
    for request in [get(&location), patch(&location).body("x"), put(format!("{location}?digest={digest}"))] {
        scene.ask(&request)?.expect(401)?;
        scene.ask_as("mallory", request)?.expect(403)?;
    }
    for request in [get(&elsewhere), patch(&elsewhere).body("x"), put(format!("{elsewhere}?digest={digest}"))] {
        scene.ask_as("mallory", request)?.expect(404)?;
    }
    scene.ask_as("ann", put(format!("{location}?digest={digest}")))?.expect(201).map(drop)
}
