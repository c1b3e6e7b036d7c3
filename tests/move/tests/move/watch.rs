//! A client that pulls all the time, and tries to push.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use entrepot_test_harness::post;

use crate::registry::Client;

/// The client, in a thread of its own.
pub(crate) struct Watch {
    end: Arc<AtomicBool>,
    thread: JoinHandle<Result<Seen>>,
}

/// What it saw.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Pulls; each was served.
    pub(crate) pulls: u64,
    /// Pushes that were taken, before the move began.
    pub(crate) taken: u64,
    /// Pushes that were refused with 503.
    pub(crate) refused: u64,
    /// The sentences that came with these, each once.
    pub(crate) sentences: Vec<String>,
}

impl Watch {
    /// Pulls `repository:tag`, which has `manifest` and `layer`.
    pub(crate) fn start(
        client: Client,
        repository: &'static str,
        tag: &'static str,
        manifest: &str,
        layer: &[u8],
    ) -> Self {
        let end = Arc::new(AtomicBool::new(false));
        let (told, manifest, layer) = (Arc::clone(&end), manifest.to_owned(), layer.to_owned());
        let thread = std::thread::spawn(move || {
            let mut seen = Seen::default();
            while !told.load(Ordering::Relaxed) {
                client.expect(repository, tag, &manifest, &layer)?;
                seen.pulls += 1;
                seen.push(client, repository)?;
                sleep(Duration::from_millis(20));
            }
            Ok(seen)
        });
        Self { end, thread }
    }

    /// Ends it.
    pub(crate) fn end(self) -> Result<Seen> {
        self.end.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow!("the client panicked"))?
    }
}

impl Seen {
    fn push(&mut self, client: Client, repository: &str) -> Result<()> {
        // An upload that is begun leaves a row, which only the very first ones may.
        let answer = client.ask(&post(format!("/v2/{repository}/blobs/uploads/")))?;
        match answer.status {
            202 => self.taken += 1,
            503 => {
                ensure!(answer.header("retry-after").is_some(), "no Retry-After");
                let sentence = answer.json()?["errors"][0]["message"].as_str().context("a sentence")?.to_owned();
                self.refused += 1;
                if !self.sentences.contains(&sentence) {
                    self.sentences.push(sentence);
                }
            }
            other => anyhow::bail!("{other}: {}", answer.text()),
        }
        ensure!(self.refused == 0 || answer.status == 503, "a push was taken after others were refused");
        Ok(())
    }
}
