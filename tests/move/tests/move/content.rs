//! Many manifests with what belongs to them, in the shapes that registries have, put into a SQLite file directly: pushing
//! them would take longer than moving them.

use std::io::Write;
use std::path::Path;

use anyhow::{Context as _, Result};
use entrepot_test_harness::content::{CONFIG, IMAGE, INDEX, LAYER, noise, sha256};
use serde_json::{Value, json};

use crate::shell::Shell;

/// Manifests of one repository.
const PER_REPOSITORY: u64 = 100;
/// Layers that all images of a repository share.
const SHARED: u64 = 5;
/// Microseconds since 1970, somewhere in 2024.
const TIME: u64 = 1_720_000_000_000_000;
/// Ids begin behind those of what was pushed, with a gap.
const FIRST_ID: u64 = 1_001;
/// Text that somebody who copies it without care would change.
const ANNOTATIONS: &str = r#"{"org.acme.who":"Jürgen \u00e9 漢字 \\N\t| '' \" $1"}"#;

/// Adds `manifests` of them.
pub(crate) fn fill(file: &Path, manifests: u64) -> Result<()> {
    Shell::over(file).transact(|to| {
        let mut filling = Filling { to, blobs: FIRST_ID, manifests: FIRST_ID };
        for number in 0..manifests / PER_REPOSITORY {
            filling.repository(number)?;
        }
        for number in 0..manifests / 50 {
            let (state, size) = (hex::encode(noise(number, 180)), number * 7);
            writeln!(
                filling.to,
                "INSERT INTO uploads (id, repository, size, state, started_at, active_at)
                VALUES ('upload-{number:08}', 'acme/new-{number}', {size}, x'{state}', {TIME}, {});",
                i64::MAX
            )?;
        }
        Ok(())
    })
}

/// Where the statements go, and the next ids.
struct Filling<'a> {
    to: &'a mut dyn Write,
    blobs: u64,
    manifests: u64,
}

/// Something that a manifest names.
#[derive(Clone)]
struct Named {
    id: u64,
    digest: String,
    size: u64,
}

impl Filling<'_> {
    fn repository(&mut self, number: u64) -> Result<()> {
        let (id, name) = (FIRST_ID + number, format!("acme/team-{}/app-{number}", number % 17));
        writeln!(self.to, "INSERT INTO repositories (id, name, created_at) VALUES ({id}, '{name}', {TIME});")?;
        let mut shared = Vec::new();
        for layer in 0..SHARED {
            shared.push(self.blob(id, &format!("{name} layer {layer}"), 1_000_000 + layer)?);
        }
        let mut earlier: Vec<Named> = Vec::new();
        for at in 0..PER_REPOSITORY {
            let (blobs, children) = match earlier.as_slice() {
                [.., a, b] if at % 10 == 9 => (Vec::new(), vec![a.clone(), b.clone()]),
                _ => {
                    let config = self.blob(id, &format!("{name} config {at}"), 7_000 + at)?;
                    let own = self.blob(id, &format!("{name} own layer {at}"), 1 << 33)?;
                    ([config].into_iter().chain(shared.iter().cloned()).chain([own]).collect(), Vec::new())
                }
            };
            let mut content = if blobs.is_empty() { index(&children) } else { image(&blobs, at)? };
            if at == 0 {
                // Almost four MiB in one repository of fifty.
                let length = if number % 50 == 1 { 3_900_000 } else { 100_000 };
                content["annotations"]["org.acme.long"] = hex::encode(noise(number, length / 2)).into();
            }
            let subject = if at % 20 == 7 { earlier.first() } else { None };
            let manifest = self.manifest(id, &content, subject, TIME + at)?;
            for blob in &blobs {
                let (manifest, blob) = (manifest.id, blob.id);
                writeln!(
                    self.to,
                    "INSERT INTO manifest_blobs (manifest_id, blob_id, repository_id) VALUES ({manifest}, {blob}, {id});"
                )?;
            }
            for child in &children {
                let (manifest, child) = (manifest.id, child.id);
                writeln!(
                    self.to,
                    "INSERT INTO manifest_children (manifest_id, child_id) VALUES ({manifest}, {child});"
                )?;
            }
            self.tag(id, &format!("v1.{at}.0-rc_{number}"), manifest.id)?;
            if at + 1 == PER_REPOSITORY {
                self.tag(id, "latest", manifest.id)?;
            }
            earlier.push(manifest);
        }
        Ok(())
    }

    /// A blob that is linked. Its bytes are nowhere, which nobody asks here.
    fn blob(&mut self, repository: u64, of: &str, size: u64) -> Result<Named> {
        let (id, digest) = (self.blobs, sha256(of));
        self.blobs += 1;
        writeln!(
            self.to,
            "INSERT INTO blobs (id, digest, size, created_at) VALUES ({id}, '{digest}', {size}, {TIME});"
        )?;
        writeln!(self.to, "INSERT INTO repository_blobs (repository_id, blob_id) VALUES ({repository}, {id});")?;
        Ok(Named { id, digest, size })
    }

    fn manifest(&mut self, repository: u64, content: &Value, subject: Option<&Named>, time: u64) -> Result<Named> {
        let text = content.to_string();
        let (id, digest, size) = (self.manifests, sha256(&text), text.len() as u64);
        self.manifests += 1;
        let media_type = content["mediaType"].as_str().context("a media type")?;
        let (artifact_type, subject, annotations) = match subject {
            Some(subject) => (
                "'application/vnd.acme.sbom+json'".to_owned(),
                format!("'{}'", subject.digest),
                format!("'{}'", ANNOTATIONS.replace('\'', "''")),
            ),
            None => ("NULL".to_owned(), "NULL".to_owned(), "NULL".to_owned()),
        };
        let bytes = hex::encode(text);
        writeln!(
            self.to,
            "INSERT INTO manifests (id, repository_id, digest, media_type, artifact_type, subject, size, annotations,
                created_at, content)
            VALUES ({id}, {repository}, '{digest}', '{media_type}', {artifact_type}, {subject}, {size}, {annotations},
                {time}, x'{bytes}');"
        )?;
        Ok(Named { id, digest, size })
    }

    fn tag(&mut self, repository: u64, name: &str, manifest: u64) -> Result<()> {
        Ok(writeln!(
            self.to,
            "INSERT INTO tags (repository_id, name, manifest_id, updated_at) VALUES ({repository}, '{name}', {manifest}, {TIME});"
        )?)
    }
}

fn descriptor(media_type: &str, of: &Named) -> Value {
    json!({ "mediaType": media_type, "digest": of.digest, "size": of.size })
}

fn image(blobs: &[Named], at: u64) -> Result<Value> {
    let (config, layers) = blobs.split_first().context("a config")?;
    Ok(json!({
        "schemaVersion": 2,
        "mediaType": IMAGE,
        "config": descriptor(CONFIG, config),
        "layers": layers.iter().map(|layer| descriptor(LAYER, layer)).collect::<Vec<_>>(),
        "annotations": { "org.opencontainers.image.revision": sha256(at.to_string()) },
    }))
}

fn index(children: &[Named]) -> Value {
    let described = children.iter().zip(["amd64", "arm64"]).map(|(child, machine)| {
        let mut child = descriptor(IMAGE, child);
        child["platform"] = json!({ "os": "linux", "architecture": machine });
        child
    });
    json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": described.collect::<Vec<_>>() })
}
