//! Attacks on a running registry, each tried and refused.
//!
//! In every scene ann has a private and a public repository, with an image in each; mallory has an account and wants more.

mod browser;
mod credentials;
mod immutable;
mod lists;
mod mounts;
mod passkeys;
mod paths;
mod realm;
mod scopes;
mod second_factor;
mod sessions;
mod signatures;
mod timing;

use anyhow::{Context as _, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use entrepot_access::Visibility;
use entrepot_test_harness::content::{IMAGE, image, sha256};
use entrepot_test_harness::{Answer, Registry, Request, get, post, put};
use entrepot_test_people::{PASSWORD, People};

/// What ann's private image has in its layer.
const SECRET: &[u8] = b"what nobody but ann may read";
/// Ann's private repository.
const PRIVATE: &str = "ann/secret";
/// Ann's public repository.
const PUBLIC: &str = "ann/open";

struct Scene {
    registry: Registry,
    people: People,
}

impl Scene {
    fn start() -> Result<Self> {
        Self::with(&[])
    }

    fn with(settings: &[(&str, &str)]) -> Result<Self> {
        let registry = Registry::with(&[&[("ENTREPOT_ACCESS_ANONYMOUS", "pull")], settings].concat())?;
        let people = People::of(&registry.data())?;
        people.person("ann")?;
        people.person("mallory")?;
        people.repository(PRIVATE, Visibility::Private)?;
        people.repository(PUBLIC, Visibility::Public)?;
        let scene = Self { registry, people };
        scene.push("ann", PRIVATE, SECRET)?;
        scene.push("ann", PUBLIC, b"what everybody may read")?;
        Ok(scene)
    }

    fn ask(&self, request: &Request) -> Result<Answer> {
        self.registry.ask(request)
    }

    /// Asks as somebody who shows a password.
    fn ask_as(&self, who: &str, request: Request) -> Result<Answer> {
        self.ask(&request.header("Authorization", basic(who, PASSWORD)))
    }

    /// Pushes an image with one layer, tagged v1.
    fn push(&self, who: &str, repository: &str, layer: &[u8]) -> Result<()> {
        for blob in [&b"{}"[..], layer] {
            let digest = sha256(blob);
            let upload = post(format!("/v2/{repository}/blobs/uploads/?digest={digest}")).body(blob);
            self.ask_as(who, upload)?.expect(201)?;
        }
        let manifest = put(format!("/v2/{repository}/manifests/v1"));
        let manifest = manifest.header("Content-Type", IMAGE).body(image(b"{}", &[layer]).to_string());
        self.ask_as(who, manifest)?.expect(201).map(drop)
    }

    /// What the token service gives for `authorization` (nothing, if it is empty) and these scopes.
    fn granted(&self, authorization: &str, scopes: &[&str]) -> Result<Answer> {
        let query: String = scopes.iter().map(|scope| format!("&scope={scope}")).collect();
        let request = get(format!("/token?service=entrepot{query}"));
        self.ask(&if authorization.is_empty() { request } else { request.header("Authorization", authorization) })
    }

    /// A registry token.
    fn registry_token(&self, authorization: &str, scopes: &[&str]) -> Result<String> {
        let granted = self.granted(authorization, scopes)?.expect(200)?.json()?;
        Ok(granted["token"].as_str().context("no token")?.to_owned())
    }

    /// What docker stores in place of ann's password.
    fn identity_token(&self) -> Result<String> {
        let form = format!(
            "grant_type=password&client_id=docker&access_type=offline&service=entrepot&username=ann&password={}",
            PASSWORD.replace(' ', "+")
        );
        let granted = self.ask(&token_form(&form))?.expect(200)?.json()?;
        Ok(granted["refresh_token"].as_str().context("no refresh token")?.to_owned())
    }
}

fn token_form(form: &str) -> Request {
    post("/token").header("Content-Type", "application/x-www-form-urlencoded").body(form)
}

fn basic(username: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{username}:{password}")))
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

fn with(request: Request, authorization: &str) -> Request {
    request.header("Authorization", authorization)
}

/// Reading ann's private image, in every way there is.
fn reads() -> Vec<Request> {
    let digest = sha256(SECRET);
    vec![
        get(format!("/v2/{PRIVATE}/manifests/v1")),
        get(format!("/v2/{PRIVATE}/blobs/{digest}")),
        get(format!("/v2/{PRIVATE}/tags/list")),
        get(format!("/v2/{PRIVATE}/referrers/{digest}")),
    ]
}
