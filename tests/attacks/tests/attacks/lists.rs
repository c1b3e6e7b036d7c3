//! Lists and errors that could tell of what is private.

use anyhow::{Result, ensure};
use entrepot_test_harness::content::sha256;
use entrepot_test_harness::{get, head};

use crate::{PRIVATE, PUBLIC, SECRET, Scene, basic, bearer, reads, with};

#[test]
fn the_catalog_has_no_private_names() -> Result<()> {
    let scene = Scene::start()?;
    let names = |authorization: &str| -> Result<Vec<String>> {
        let token = scene.registry_token(authorization, &["registry:catalog:*"])?;
        let mut names = Vec::new();
        let mut path = "/v2/_catalog?n=1".to_owned();
        loop {
            let page = scene.ask(&with(get(&path), &bearer(&token)))?.expect(200)?;
            names.extend(page.json()?["repositories"].as_array().into_iter().flatten().map(|name| name.to_string()));
            let Some(link) = page.header("link") else { return Ok(names) };
            path = link.trim_start_matches('<').split('>').next().unwrap_or_default().to_owned();
            ensure!(!path.contains("secret"), "a link names what is private: {link}");
        }
    };
    let quoted = |name: &str| format!("\"{name}\"");
    ensure!(names("")? == [quoted(PUBLIC)]);
    ensure!(names(&basic("mallory", entrepot_test_people::PASSWORD))? == [quoted(PUBLIC)]);
    ensure!(names(&basic("ann", entrepot_test_people::PASSWORD))? == [quoted(PUBLIC), quoted(PRIVATE)]);
    // A page that begins behind a private name tells nothing of it.
    let page = scene.ask(&get("/v2/_catalog?last=ann/secre"))?.expect(200)?;
    ensure!(page.json()?["repositories"] == serde_json::json!([]), "{}", page.text());
    // A token that is for one repository is for that one in the list too.
    let narrow = scene.people.token("ann", "pull", &[PUBLIC])?.secret;
    ensure!(names(&basic("ann", &narrow))? == [quoted(PUBLIC)]);
    Ok(())
}

#[test]
fn a_private_repository_and_none_are_told_apart_by_nothing() -> Result<()> {
    let scene = Scene::start()?;
    let nobody = String::new();
    let mallory = basic("mallory", entrepot_test_people::PASSWORD);
    let token = bearer(&scene.registry_token(&mallory, &[&format!("repository:{PRIVATE}:pull")])?);
    for authorization in [&nobody, &mallory, &token] {
        for there in reads() {
            let mut said = Vec::new();
            for name in [PRIVATE, "ann/absent", "nobody/secret"] {
                let request = get(there.target().replace(PRIVATE, name));
                let request = if authorization.is_empty() { request } else { with(request, authorization) };
                let answer = scene.ask(&request)?;
                ensure!(matches!(answer.status, 401 | 403), "{}: {}", request.target(), answer.status);
                let challenge = answer.header("www-authenticate").unwrap_or_default().replace(name, "NAME");
                said.push((
                    answer.status,
                    challenge,
                    answer.text().replace(name, "NAME"),
                    answer.header("link").is_some(),
                ));
            }
            ensure!(said.iter().all(|one| *one == said[0]), "{said:?}");
        }
    }
    // A digest that is known from elsewhere opens nothing, in no repository that mallory may read.
    let digest = sha256(SECRET);
    scene.ask_as("mallory", head(format!("/v2/{PUBLIC}/blobs/{digest}")))?.expect(404)?;
    scene.ask_as("mallory", head(format!("/v2/mallory/any/blobs/{digest}")))?.expect(404).map(drop)
}
