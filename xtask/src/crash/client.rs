//! A client: one thread that pushes, moves and deletes until the server dies.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::content::Content;
use super::http::{Answer, Request};
use super::model::{Model, REPOSITORIES};
use super::servers::Servers;
use super::trouble::{Outcome, Trouble};
use crate::random::Random;

/// How long a client waits that was asked to try again later: less than it was asked to.
const PAUSE: Duration = Duration::from_millis(20);

/// One client. Its number says which manifests, tags and uploads of the model are its own, in this round and the next ones.
#[derive(Debug)]
pub(super) struct Worker<'a> {
    pub(super) number: usize,
    pub(super) random: Random,
    pub(super) servers: Servers,
    model: &'a Mutex<Model>,
}

impl<'a> Worker<'a> {
    pub(super) fn new(number: usize, servers: Servers, model: &'a Mutex<Model>, random: Random) -> Self {
        Self { number, random, servers, model }
    }

    /// Works until `stop` is set or something goes wrong. Where there are replicas, it goes on after a request that one of
    /// them did not answer or could not do.
    pub(super) fn work(&mut self, stop: &AtomicBool) -> Outcome<()> {
        while !stop.load(Ordering::Relaxed) {
            match self.step() {
                Err(Trouble::Gone(_)) if self.servers.are_replicas() => {}
                Err(Trouble::Busy(_)) if self.servers.are_replicas() => thread::sleep(PAUSE),
                other => other?,
            }
        }
        Ok(())
    }

    /// One piece of work.
    fn step(&mut self) -> Outcome<()> {
        let repository = self.repository();
        match self.random.below(100) {
            0..14 => {
                let content = self.blob();
                self.push_blob(repository, &content)
            }
            14..20 => self.push_blob_and_stop_short(repository),
            20..29 => self.resume_any(),
            29..34 => self.mount_any(repository),
            34..53 => self.push_image(repository),
            53..59 => self.push_shared_image(repository),
            59..64 => self.push_index(repository),
            64..69 => self.push_referrer(repository),
            69..75 => self.move_tag(repository),
            75..79 => self.delete_tag(repository),
            79..85 => self.delete_manifest(repository),
            85..91 => self.delete_blob(repository),
            _ => self.pull(repository),
        }
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
        let common = self.random.below(100);
        if common == 0
            && let Some(large) = self.random.pick(&self.model().large).cloned()
        {
            return large;
        }
        if common < 55 {
            let model = self.model();
            // The pool is never empty.
            return Arc::clone(&model.pool[self.random.below(model.pool.len())]);
        }
        let content = Content::random(&mut self.random);
        self.model().keep(content)
    }

    /// Sends a request. No answer may blame the server itself.
    pub(super) fn send(&mut self, request: &Request<'_>) -> Outcome<Answer> {
        self.servers.send(request, &mut self.random)
    }

    /// Sends half a request.
    pub(super) fn cut(&mut self, request: &Request<'_>, length: usize) -> Outcome<()> {
        Ok(self.servers.cut(request, length, &mut self.random)?)
    }
}
