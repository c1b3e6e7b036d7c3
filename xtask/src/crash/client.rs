//! A client: one thread that pushes, moves and deletes until the server dies.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::content::Content;
use super::http::{Answer, Client, Request};
use super::model::{Model, REPOSITORIES};
use super::random::Random;
use super::trouble::{Outcome, wrong};

/// One client. Its number says which manifests, tags and uploads of the model are its own, in this round and the next ones.
#[derive(Debug)]
pub(super) struct Worker<'a> {
    pub(super) number: usize,
    pub(super) random: Random,
    client: Client,
    model: &'a Mutex<Model>,
}

impl<'a> Worker<'a> {
    pub(super) fn new(number: usize, address: SocketAddr, model: &'a Mutex<Model>, random: Random) -> Self {
        Self { number, random, client: Client::new(address), model }
    }

    /// Works until `stop` is set or something goes wrong.
    pub(super) fn work(&mut self, stop: &AtomicBool) -> Outcome<()> {
        while !stop.load(Ordering::Relaxed) {
            let repository = self.repository();
            match self.random.below(100) {
                0..16 => {
                    let content = self.blob();
                    self.push_blob(repository, &content)?;
                }
                16..22 => self.push_blob_and_stop_short(repository)?,
                22..32 => self.resume_any()?,
                32..37 => self.mount_any(repository)?,
                37..58 => self.push_image(repository)?,
                58..64 => self.push_shared_image(repository)?,
                64..70 => self.push_index(repository)?,
                70..76 => self.push_referrer(repository)?,
                76..82 => self.move_tag(repository)?,
                82..87 => self.delete_tag(repository)?,
                87..93 => self.delete_manifest(repository)?,
                _ => self.delete_blob(repository)?,
            }
        }
        Ok(())
    }

    pub(super) fn model(&self) -> MutexGuard<'a, Model> {
        // Another client that panicked ends the campaign anyway.
        self.model.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn repository(&mut self) -> &'static str {
        REPOSITORIES[self.random.below(REPOSITORIES.len())]
    }

    /// A blob that others push too, or one that nobody has seen.
    pub(super) fn blob(&mut self) -> Arc<Content> {
        if self.random.chance(55) {
            let model = self.model();
            // The pool is never empty.
            return Arc::clone(&model.pool[self.random.below(model.pool.len())]);
        }
        let content = Content::random(&mut self.random);
        self.model().keep(content)
    }

    /// Sends a request. No answer may blame the server itself.
    pub(super) fn send(&mut self, request: &Request<'_>) -> Outcome<Answer> {
        let answer = self.client.send(request).map_err(|error| {
            let size = request.body.len();
            io::Error::new(error.kind(), format!("{} {} with {size} bytes: {error}", request.method, request.target))
        })?;
        if answer.status >= 500 {
            return wrong(format!("{} {}: {}", request.method, request.target, answer.describe()));
        }
        Ok(answer)
    }

    /// Sends half a request.
    pub(super) fn cut(&mut self, request: &Request<'_>, length: usize) -> Outcome<()> {
        Ok(self.client.cut(request, length)?)
    }
}
