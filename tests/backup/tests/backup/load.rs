//! Clients that push images and delete them again, and remember what they were told.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use anyhow::{Context as _, Result};
use entrepot_test_harness::content::{CONFIG, EMPTY, IMAGE, LAYER, descriptor, image, index, noise, sha256};
use entrepot_test_harness::{Answer, Connection, Request, delete, post, put};
use serde_json::{Value, json};

/// Bytes of the layer that several images share.
const SHARED: usize = 40_000;

/// An image with what belongs to it.
#[derive(Clone, Debug)]
pub(crate) struct Pushed {
    pub(crate) repository: String,
    /// The bytes of every manifest, by its digest: of the image, the index over it and what refers to it.
    pub(crate) manifests: BTreeMap<String, String>,
    /// Every blob by its digest.
    pub(crate) blobs: BTreeMap<String, Vec<u8>>,
}

/// A client that asks on connections of its own.
#[derive(Clone, Copy)]
pub(crate) struct Client(pub(crate) SocketAddr);

impl Client {
    /// Asks once.
    pub(crate) fn ask(self, request: &Request) -> Result<Answer> {
        let mut connection = Connection::open(self.0)?;
        connection.ask(request, "Connection: close\r\n")?;
        connection.answer(request.method())
    }

    /// Pushes image `number` to a repository: two layers of which one is like that of every tenth image, an index over it, and a
    /// signature of it.
    pub(crate) fn push(self, number: u64) -> Result<Pushed> {
        let repository = format!("acme/app-{}", number % 5);
        let (shared, own) =
            (noise(1_000_000 + number % 10, SHARED), noise(number, 3_000 + (number % 7) as usize * 20_000));
        let config = json!({ "number": number }).to_string().into_bytes();
        let mut pushed = Pushed { repository, manifests: BTreeMap::new(), blobs: BTreeMap::new() };
        for blob in [&shared, &own, &config, &b"{}".to_vec()] {
            self.blob(&pushed.repository, blob)?;
            pushed.blobs.insert(sha256(blob), blob.clone());
        }
        let image = image(&config, &[&shared, &own]);
        let image = self.manifest(&mut pushed, None, &image)?;
        self.manifest(&mut pushed, Some(&format!("v{number}")), &index(std::slice::from_ref(&image)))?;
        let signature = json!({
            "schemaVersion": 2, "mediaType": IMAGE, "artifactType": "application/vnd.acme.signature", "subject": image,
            "config": descriptor(EMPTY, b"{}"), "layers": [descriptor(LAYER, &own)],
        });
        self.manifest(&mut pushed, None, &signature)?;
        Ok(pushed)
    }

    fn blob(self, repository: &str, blob: &[u8]) -> Result<()> {
        let request = post(format!("/v2/{repository}/blobs/uploads/?digest={}", sha256(blob))).body(blob);
        self.ask(&request)?.expect(201).map(drop).context(CONFIG)
    }

    fn manifest(self, pushed: &mut Pushed, tag: Option<&str>, manifest: &Value) -> Result<Value> {
        let (text, media_type) = (manifest.to_string(), manifest["mediaType"].as_str().context("a media type")?);
        let digest = sha256(&text);
        let request = put(format!("/v2/{}/manifests/{}", pushed.repository, tag.unwrap_or(&digest)));
        self.ask(&request.header("Content-Type", media_type).body(text.clone()))?.expect(201)?;
        pushed.manifests.insert(digest, text.clone());
        Ok(descriptor(media_type, text))
    }

    /// Deletes an image with its index and its signature, and those of its blobs that are `unshared`: another image with the others
    /// may just be pushed.
    pub(crate) fn delete(self, pushed: &Pushed, unshared: impl Fn(&[u8]) -> bool) -> Result<()> {
        let repository = &pushed.repository;
        let names = |text: &str, digest: &str| text.contains(digest);
        // What names another goes first.
        let mut manifests: Vec<_> = pushed.manifests.iter().collect();
        manifests.sort_by_key(|(_, text)| !pushed.manifests.keys().any(|digest| names(text, digest)));
        for (digest, _) in manifests {
            self.ask(&delete(format!("/v2/{repository}/manifests/{digest}")))?.expect(202)?;
        }
        for (digest, _) in pushed.blobs.iter().filter(|(_, blob)| unshared(blob)) {
            self.ask(&delete(format!("/v2/{repository}/blobs/{digest}")))?.expect(202)?;
        }
        Ok(())
    }
}

/// What was told of images, each by its number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    /// Those that were pushed and not deleted.
    pub(crate) there: BTreeMap<u64, Pushed>,
    /// Those that were deleted, or whose delete was begun.
    pub(crate) gone: BTreeMap<u64, Pushed>,
}

/// Clients at work.
pub(crate) struct Load {
    told: Arc<Mutex<Told>>,
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Result<()>>>,
}

impl Load {
    /// Starts clients that push on from the number `from`, and delete every third image again that they pushed.
    pub(crate) fn start(client: Client, from: u64, clients: u32) -> Self {
        let (told, over) = (Arc::new(Mutex::new(Told::default())), Arc::new(AtomicBool::new(false)));
        let next = Arc::new(AtomicU64::new(from));
        let threads = (0..clients).map(|_| {
            let (told, over, next) = (Arc::clone(&told), Arc::clone(&over), Arc::clone(&next));
            thread::spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let pushed = client.push(number).with_context(|| format!("image {number}"))?;
                    lock(&told).there.insert(number, pushed);
                    if number % 3 == 0 {
                        let victim = number.saturating_sub(3 * u64::from(clients)).max(from) / 3 * 3;
                        let Some(pushed) = lock(&told).there.remove(&victim) else { continue };
                        lock(&told).gone.insert(victim, pushed.clone());
                        client
                            .delete(&pushed, |blob| blob.len() != SHARED && blob != b"{}")
                            .with_context(|| format!("deleting image {victim}"))?;
                    }
                }
                Ok(())
            })
        });
        let threads = threads.collect();
        Self { told, over, threads }
    }

    /// What was told until now.
    pub(crate) fn told(&self) -> Told {
        lock(&self.told).clone()
    }

    /// Ends it, and returns everything that was told.
    pub(crate) fn end(mut self) -> Result<Told> {
        self.over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.join().map_err(|_| anyhow::anyhow!("a client panicked"))??;
        }
        Ok(self.told())
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

fn lock(told: &Mutex<Told>) -> std::sync::MutexGuard<'_, Told> {
    told.lock().unwrap_or_else(PoisonError::into_inner)
}
