//! A registry with people in it.

use std::io::Write as _;
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use entrepot_test_harness::content::{image, sha256};
use entrepot_test_harness::{Answer, Registry, Request, post, put, request};
use serde_json::{Value, json};

/// Everybody's password.
pub(crate) const PASSWORD: &str = "correct horse battery staple";
/// The first administrator.
pub(crate) const ROOT: &str = "root";

/// A registry that has an administrator.
pub(crate) struct World {
    pub(crate) registry: Registry,
    /// Each request comes from an address of its own, so that what some guess wrong slows no others.
    asked: AtomicU32,
}

/// What somebody shows.
#[derive(Clone, Debug)]
pub(crate) enum Shows {
    Nothing,
    Password(&'static str),
    Bearer(String),
    Basic(String, String),
}

impl World {
    pub(crate) fn start() -> Result<Self> {
        Self::with(&[])
    }

    /// One with other settings besides.
    pub(crate) fn with(settings: &[(&str, &str)]) -> Result<Self> {
        let world = Self::without_administrator(settings)?;
        make_administrator(&world.registry)?;
        Ok(world)
    }

    /// One that nobody governs.
    pub(crate) fn without_administrator(settings: &[(&str, &str)]) -> Result<Self> {
        let usual = [("ENTREPOT_ACCESS_ANONYMOUS", "pull"), ("ENTREPOT_HTTP_TRUSTED_PROXIES", "127.0.0.1/32")];
        let registry = Registry::with(&[&usual, settings].concat())?;
        Ok(Self { registry, asked: AtomicU32::new(1) })
    }

    /// Asks as somebody.
    pub(crate) fn ask(&self, shows: &Shows, request: Request) -> Result<Answer> {
        let number = self.asked.fetch_add(1, Ordering::Relaxed);
        let [_, a, b, c] = number.to_be_bytes();
        let request = request.header("X-Forwarded-For", format!("10.{a}.{b}.{c}"));
        let basic = |name: &str, password: &str| format!("Basic {}", STANDARD.encode(format!("{name}:{password}")));
        self.registry.ask(&match shows {
            Shows::Nothing => request,
            Shows::Password(name) => request.header("Authorization", basic(name, PASSWORD)),
            Shows::Basic(name, password) => request.header("Authorization", basic(name, password)),
            Shows::Bearer(token) => request.header("Authorization", format!("Bearer {token}")),
        })
    }

    /// Asks as the administrator, and expects it done.
    pub(crate) fn root(&self, method: &str, path: impl Into<String>, body: Option<Value>) -> Result<Value> {
        self.done(&Shows::Password(ROOT), method, path, body)
    }

    /// Asks, and expects it done.
    pub(crate) fn done(
        &self,
        shows: &Shows,
        method: &str,
        path: impl Into<String>,
        body: Option<Value>,
    ) -> Result<Value> {
        let path = path.into();
        let asked = match body {
            Some(body) => with_json(request(method, &path), &body),
            None => request(method, &path),
        };
        let answer = self.ask(shows, asked)?;
        anyhow::ensure!(answer.status < 300, "{method} {path}: {} {}", answer.status, answer.text());
        if answer.body.is_empty() { Ok(Value::Null) } else { answer.json() }
    }

    /// Makes an account with everybody's password.
    pub(crate) fn account(&self, name: &str) -> Result<()> {
        let body = json!({ "name": name, "password": PASSWORD, "email": format!("{name}@acme.example") });
        self.root("POST", "/api/v1/accounts", Some(body)).map(drop)
    }

    /// A token of a person, made by themselves.
    pub(crate) fn token(&self, name: &'static str, scopes: &[&str]) -> Result<String> {
        let made = self.made(&Shows::Password(name), format!("/api/v1/accounts/{name}/tokens"), scopes)?;
        Ok(made.1)
    }

    /// A token made at `path`, and its id before it.
    pub(crate) fn made(&self, shows: &Shows, path: String, scopes: &[&str]) -> Result<(String, String)> {
        let made = self.done(shows, "POST", path, Some(json!({ "label": "test", "scopes": scopes })))?;
        let text = |key: &str| made[key].as_str().map(str::to_owned).with_context(|| format!("no {key} in {made}"));
        Ok((text("id")?, text("token")?))
    }

    /// Pushes an image, and returns the digest of its manifest.
    pub(crate) fn push(&self, shows: &Shows, repository: &str, tag: &str) -> Result<String> {
        let (config, layer) = (format!("{{\"of\":\"{repository}:{tag}\"}}"), b"layer".as_slice());
        for blob in [config.as_bytes(), layer] {
            let path = format!("/v2/{repository}/blobs/uploads/?digest={}", sha256(blob));
            self.ask(shows, post(path).body(blob))?.expect(201)?;
        }
        let manifest = image(config.as_bytes(), &[layer]);
        let media_type = manifest["mediaType"].as_str().unwrap_or_default().to_owned();
        let content = manifest.to_string();
        let push = put(format!("/v2/{repository}/manifests/{tag}")).header("Content-Type", media_type);
        self.ask(shows, push.body(content.clone()))?.expect(201)?;
        Ok(sha256(content))
    }
}

/// A request with a JSON body.
pub(crate) fn with_json(request: Request, body: &Value) -> Request {
    request.header("Content-Type", "application/json").body(body.to_string())
}

/// As an operator does it, beside the registry that runs.
fn make_administrator(registry: &Registry) -> Result<()> {
    let mut command = registry.command(&format!("user create {ROOT} --admin --password-stdin"));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
    writeln!(child.stdin.take().context("no standard input")?, "{PASSWORD}")?;
    let status = child.wait()?;
    anyhow::ensure!(status.success(), "entrepot user create: {status}");
    Ok(())
}
