//! The registry on a disk that is full, that it may not write to, that is slow, or that fails, and over a database or an object
//! store that does: clear errors, nothing half done to be seen, and service that goes on when they do.

mod disk;
mod failing;
mod full;
mod objects;
mod permission;
mod postgres;
mod program;
mod slow;

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use entrepot_test_harness::content::{image, sha256};
use entrepot_test_harness::{Answer, Registry, get};

/// Checks that an answer is an error as clients expect it: a status, a code, and a sentence that tells no paths.
fn expect_error(answer: Answer, status: u16, code: &str) -> Result<Answer> {
    let answer = answer.expect(status)?;
    ensure!(answer.code()? == code, "{}", answer.text());
    let message = answer.json()?["errors"][0]["message"].as_str().unwrap_or_default().to_owned();
    ensure!(message.len() > 20 && message.contains(' ') && !message.contains("/data"), "no sentence: {message}");
    Ok(answer)
}

/// How long an answer of `/readyz` may take, whatever database and store do.
const AT_ONCE: Duration = Duration::from_secs(2);

fn expect_ready(registry: &Registry, ready: bool) -> Result<()> {
    let start = Instant::now();
    let answer = registry.ask(&get("/readyz"))?;
    ensure!(start.elapsed() < AT_ONCE, "/readyz took {:?}", start.elapsed());
    answer.expect(if ready { 200 } else { 503 })?;
    ensure!(registry.ask(&get("/healthz"))?.status == 200, "it is alive all the same");
    Ok(())
}

fn becomes_ready(registry: &Registry) -> Result<()> {
    let start = Instant::now();
    while registry.ask(&get("/readyz"))?.status != 200 {
        ensure!(start.elapsed() < Duration::from_secs(10), "it does not recover");
        sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// An image that was pushed whole, and can be asked for later.
struct Landmark {
    layer: Vec<u8>,
    manifest: String,
}

impl Landmark {
    fn push(registry: &Registry, layer: Vec<u8>) -> Result<Self> {
        registry.push_blob("acme/landmark", "{}")?;
        registry.push_blob("acme/landmark", &layer)?;
        let manifest = image(b"{}", &[&layer]);
        registry.push_manifest("acme/landmark", "v1", &manifest)?;
        Ok(Self { layer, manifest: manifest.to_string() })
    }

    /// Whatever happens to others, this is served as it was.
    fn expect(&self, registry: &Registry) -> Result<()> {
        let manifest = registry.ask(&get("/v2/acme/landmark/manifests/v1"))?.expect(200)?;
        ensure!(manifest.text() == self.manifest, "the manifest has other bytes");
        let layer = registry.ask(&get(format!("/v2/acme/landmark/blobs/{}", sha256(&self.layer))))?.expect(200)?;
        ensure!(layer.body == self.layer, "the layer has other bytes");
        Ok(())
    }
}
