//! A data directory that the server may suddenly not write to.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use entrepot_test_harness::content::{noise, sha256};
use entrepot_test_harness::{Registry, get, head, patch, post, put};
use nix::unistd::Uid;
use tempfile::TempDir;

use crate::{Landmark, expect_error, program};

/// Nobody, for a server that permissions hold for although the test runs as root.
const NOBODY: u32 = 65534;

/// A registry that is not root.
fn unprivileged() -> Result<Registry> {
    let directory = TempDir::new()?;
    let program = directory.path().join("entrepot");
    fs::copy(program::ordinary()?, &program)?;
    let mut start = program.clone();
    if Uid::effective().is_root() {
        start = directory.path().join("entrepot-as-nobody");
        let script = format!(
            "#!/bin/sh\nexec setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups '{}' \"$@\"\n",
            program.display()
        );
        fs::write(&start, script)?;
        chmod(&start, 0o755)?;
        chmod(directory.path(), 0o755)?;
        let data = directory.path().join("data");
        fs::create_dir(&data)?;
        chown(&data, Some(NOBODY), Some(NOBODY))?;
    }
    Registry::of(&start, &[], directory)
}

fn chmod(path: &Path, mode: u32) -> Result<()> {
    fs::set_permissions(path, Permissions::from_mode(mode)).with_context(|| format!("chmod {}", path.display()))
}

/// Takes the right to write to a directory away until dropped.
struct Locked(PathBuf);

impl Locked {
    fn new(path: PathBuf) -> Result<Self> {
        chmod(&path, 0o500)?;
        Ok(Self(path))
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // If this fails, the test does, by what it asks next.
        let _reported = chmod(&self.0, 0o700);
    }
}

#[test]
fn to_stage_uploads() -> Result<()> {
    let mut registry = unprivileged()?;
    let landmark = Landmark::push(&registry, noise(11, 100_000))?;
    let content = noise(12, 100_000);
    let digest = sha256(&content);
    let whole = post(format!("/v2/acme/app/blobs/uploads/?digest={digest}")).body(content.clone());
    let location = registry.begin_upload("acme/app")?;

    let locked = Locked::new(registry.data().join("uploads"))?;
    let answer = expect_error(registry.ask(&whole)?, 500, "UNKNOWN")?;
    let id = answer.required("x-request-id")?.to_owned();
    registry.wait_for_log(|line| line.contains(&id) && line.contains("Permission denied"))?;
    expect_error(registry.ask(&patch(&location).body(content.clone()))?, 500, "UNKNOWN")?;
    registry.ask(&get("/readyz"))?.expect(503)?;
    landmark.expect(&registry)?;
    ensure!(registry.ask(&head(format!("/v2/acme/app/blobs/{digest}")))?.status == 404, "half a blob is shown");

    drop(locked);
    registry.ask(&get("/readyz"))?.expect(200)?;
    registry.ask(&patch(&location).body(content.clone()))?.expect(202)?;
    registry.ask(&put(format!("{location}?digest={digest}")))?.expect(201)?;
    registry.ask(&whole)?.expect(201)?;
    ensure!(registry.ask(&get(format!("/v2/acme/app/blobs/{digest}")))?.expect(200)?.body == content, "other bytes");
    Ok(())
}

#[test]
fn to_publish_blobs() -> Result<()> {
    let registry = unprivileged()?;
    let landmark = Landmark::push(&registry, noise(13, 100_000))?;
    let content = noise(14, 100_000);
    let digest = sha256(&content);
    let location = registry.begin_upload("acme/app")?;
    registry.ask(&patch(&location).body(content.clone()))?.expect(202)?;

    // The directory that the blob goes to is made when its first blob comes.
    let locked = Locked::new(registry.data().join("blobs/sha256"))?;
    let end = put(format!("{location}?digest={digest}"));
    for _ in 0..2 {
        expect_error(registry.ask(&end)?, 500, "UNKNOWN")?;
        ensure!(registry.ask(&head(format!("/v2/acme/app/blobs/{digest}")))?.status == 404, "it is shown");
        ensure!(registry.upload_size(&location)? == 100_000, "the upload lost what was acknowledged");
    }
    landmark.expect(&registry)?;

    drop(locked);
    registry.ask(&end)?.expect(201)?;
    ensure!(registry.ask(&get(format!("/v2/acme/app/blobs/{digest}")))?.expect(200)?.body == content, "other bytes");
    Ok(())
}

#[test]
fn to_read_blobs() -> Result<()> {
    let registry = unprivileged()?;
    let content = noise(15, 100_000);
    let digest = registry.push_blob("acme/app", &content)?;
    let path = format!("/v2/acme/app/blobs/{digest}");
    let file = registry.data().join("blobs/sha256").join(&digest[7..9]).join(&digest[7..]);
    chmod(&file, 0o000)?;
    expect_error(registry.ask(&get(&path))?, 500, "UNKNOWN")?;
    chmod(&file, 0o600)?;
    ensure!(registry.ask(&get(&path))?.expect(200)?.body == content, "other bytes");
    Ok(())
}
