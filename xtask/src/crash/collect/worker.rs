//! A client: pushes what may be condemned at that moment, pulls, deletes and restores, until the server dies.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::super::content::Content;
use super::super::http::{Answer, Request};
use super::super::servers::Servers;
use super::super::trouble::{Outcome, Trouble, wrong};
use super::image::{Image, Manifest, Passing, Standing};
use super::rules::{self, KEPT};
use super::{ALL_GONE, GRACE, TRASH, Tally};
use crate::random::Random;

const REPOSITORIES: [&str; 3] = ["acme/app", "acme/base/runtime", "acme/web"];
/// How long a client waits after what it asked for was not done.
const PAUSE: Duration = Duration::from_millis(20);
/// How often what must go is asked for.
const LOOK: Duration = Duration::from_millis(200);
/// Images that a client has at most.
const MOST: usize = 8;
/// How many of a hundred images get a tag that a rule is about.
const FOR_A_WHILE: usize = 40;

/// One client with its images.
pub(super) struct Worker<'a> {
    number: usize,
    servers: Servers,
    pool: &'a [Arc<Content>],
    random: Random,
    images: &'a mut Vec<Image>,
    pub(super) tally: Tally,
}

impl<'a> Worker<'a> {
    pub(super) fn new(
        number: usize,
        servers: Servers,
        pool: &'a [Arc<Content>],
        random: Random,
        images: &'a mut Vec<Image>,
    ) -> Self {
        Self { number, servers, pool, random, images, tally: Tally::default() }
    }

    /// Works until `stop` is set or something goes wrong.
    pub(super) fn work(&mut self, stop: &AtomicBool) -> Outcome<()> {
        while !stop.load(Ordering::Relaxed) {
            match self.step(stop) {
                // Others may still serve. What that request did is found out later.
                Err(Trouble::Gone(_) | Trouble::Busy(_)) if self.servers.are_replicas() => thread::sleep(PAUSE),
                other => other?,
            }
        }
        Ok(())
    }

    /// One piece of work.
    fn step(&mut self, stop: &AtomicBool) -> Outcome<()> {
        match self.random.below(100) {
            _ if self.images.len() >= MOST => self.delete_any(),
            0..45 => self.push(stop),
            45..60 => self.pull_any(),
            60..80 => self.delete_any(),
            _ => self.restore_any(),
        }
    }

    /// Pushes an image as clients do: asks for its blobs, sends those that are missing, takes its time, and then its manifests.
    fn push(&mut self, stop: &AtomicBool) -> Outcome<()> {
        let for_a_while = self.random.chance(FOR_A_WHILE);
        // Into one, so that there soon are more than the rule keeps.
        let chosen = if for_a_while { self.number % REPOSITORIES.len() } else { self.random.below(REPOSITORIES.len()) };
        let repository = REPOSITORIES[chosen];
        let tag = rules::tag(self.number, for_a_while, self.random.below(1_000_000));
        let image = Image::new(&mut self.random, self.pool, repository, tag, for_a_while);
        self.images.push(image);
        let at = self.images.len() - 1;
        let begun = Instant::now();
        let blobs: Vec<_> = self.images[at].manifests().flat_map(|manifest| manifest.blobs.clone()).collect();
        for blob in &blobs {
            self.push_blob(repository, blob)?;
        }
        let pause = Instant::now() + Duration::from_millis(self.random.below(1300) as u64);
        while Instant::now() < pause && !stop.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(5));
        }
        self.set(at);
        let requests: Vec<_> = self.images[at].manifests().map(|manifest| put(&self.images[at], manifest)).collect();
        for (target, media_type, body) in requests {
            let request = Request::new("PUT", target).header("content-type", media_type).body(&body);
            let answer = self.send(&request)?;
            if answer.status == 201 {
                continue;
            }
            if begun.elapsed() < GRACE || answer.status != 404 {
                return wrong(format!("PUT {} after {:?}: {}", request.target, begun.elapsed(), answer.describe()));
            }
            self.tally.late += 1;
            self.delete(at)?;
            // Until its platforms are gone too.
            self.images[at].standing = Standing::Doubtful;
            self.delete_parts(at)?;
            self.images.remove(at);
            return Ok(());
        }
        self.images[at].standing = Standing::There;
        self.images[at].was_there = true;
        self.tally.pushed += 1;
        Ok(())
    }

    /// Its tag is the last that was set in the repository from now on.
    fn set(&mut self, at: usize) {
        if self.images[at].passing.is_none() {
            return;
        }
        let (now, repository) = (Instant::now(), self.images[at].repository);
        let others = self.images.iter_mut().filter(|image| image.repository == repository);
        others.filter_map(|image| image.passing.as_mut()).for_each(|passing| passing.another(now));
        self.images[at].passing = Some(Passing::default());
    }

    fn push_blob(&mut self, repository: &str, blob: &Content) -> Outcome<()> {
        let digest = &blob.digest;
        let asked = self.send(&Request::new("HEAD", format!("/v2/{repository}/blobs/{digest}")))?;
        match asked.status {
            200 if self.random.chance(90) => return Ok(()),
            200 | 404 => {}
            _ => return wrong(format!("HEAD of blob {digest}: {}", asked.describe())),
        }
        if self.random.chance(40) {
            let from = REPOSITORIES[self.random.below(REPOSITORIES.len())];
            let target = format!("/v2/{repository}/blobs/uploads/?mount={digest}&from={from}");
            match self.send(&Request::new("POST", target))?.status {
                201 => return Ok(()),
                // An upload was begun, which nobody goes on with.
                202 => {}
                status => return wrong(format!("mount of {digest}: {status}")),
            }
        }
        let target = format!("/v2/{repository}/blobs/uploads/?digest={digest}");
        let request = Request::new("POST", target).header("content-type", "application/octet-stream").body(&blob.bytes);
        let sent = self.send(&request)?;
        if sent.status == 201 { Ok(()) } else { wrong(format!("POST of blob {digest}: {}", sent.describe())) }
    }

    fn pull_any(&mut self) -> Outcome<()> {
        let there = self.those(|standing| matches!(standing, Standing::There));
        let Some(&at) = self.random.pick(&there) else { return Ok(()) };
        self.look(at)?;
        self.tally.pulled += 1;
        Ok(())
    }

    fn delete_any(&mut self) -> Outcome<()> {
        let there = self.those(|standing| matches!(standing, Standing::There));
        if let Some(&at) = self.random.pick(&there) {
            return self.delete_there(at);
        }
        // What was deleted long ago cannot be restored.
        self.images.retain(|image| !matches!(image.standing, Standing::Deleted(at) if at.elapsed() > TRASH * 2));
        thread::sleep(Duration::from_millis(20));
        Ok(())
    }

    /// Deletes what must be there, if no rule did.
    fn delete_there(&mut self, at: usize) -> Outcome<()> {
        if self.delete(at)? || self.images[at].loose().is_some() {
            return Ok(());
        }
        wrong(format!("{} was there and cannot be deleted", self.images[at].tag))
    }

    /// Deletes what the tag shows. Whether it was there.
    fn delete(&mut self, at: usize) -> Outcome<bool> {
        let image = &mut self.images[at];
        image.standing = Standing::Doubtful;
        let begun = Instant::now();
        let target = image.target();
        let answer = self.send(&Request::new("DELETE", target))?;
        match answer.status {
            202 => {}
            404 => {
                self.gone(at, begun);
                return Ok(false);
            }
            _ => return wrong(format!("DELETE of an image: {}", answer.describe())),
        }
        self.images[at].standing = Standing::Deleted(begun);
        self.tally.deleted += 1;
        Ok(true)
    }

    /// It is not there: a rule let it go when it might, or otherwise it went at `begun`.
    fn gone(&mut self, at: usize, begun: Instant) {
        let loose = self.images[at].loose();
        self.tally.retired += usize::from(loose.is_some());
        self.images[at].standing = Standing::Deleted(loose.unwrap_or(begun));
    }

    /// Whether a rule has let it go.
    fn let_go(&mut self, at: usize) -> Outcome<bool> {
        let Some(loose) = self.images[at].loose() else { return Ok(false) };
        let gone = self.send(&Request::new("GET", self.images[at].target()))?.status == 404;
        if gone {
            self.gone(at, loose);
        }
        Ok(gone)
    }

    /// Deletes platforms whose index has not come, and a signature that came when its image was gone: as untagged manifests they
    /// would stay.
    fn delete_parts(&mut self, at: usize) -> Outcome<()> {
        let image = &self.images[at];
        let of = |part: &Manifest| format!("/v2/{}/manifests/{}", image.repository, part.content.digest);
        for target in image.platforms.iter().chain(&image.signature).map(of).collect::<Vec<_>>() {
            let answer = self.send(&Request::new("DELETE", &target))?;
            if !matches!(answer.status, 202 | 404) {
                return wrong(format!("DELETE {target}: {}", answer.describe()));
            }
        }
        Ok(())
    }

    fn restore_any(&mut self) -> Outcome<()> {
        let deleted = self.those(|standing| matches!(standing, Standing::Deleted(_)));
        let Some(&at) = self.random.pick(&deleted) else { return Ok(()) };
        let Standing::Deleted(since) = self.images[at].standing else { return Ok(()) };
        let (repository, digest) = (self.images[at].repository, self.images[at].top.content.digest.clone());
        let listed = self.send(&Request::new("GET", format!("/api/v1/trash/{repository}?limit=500")))?;
        let page: Value = serde_json::from_slice(&listed.body).unwrap_or_default();
        let Some(items) = page["items"].as_array() else {
            return wrong(format!("the trash of {repository}: {}", listed.describe()));
        };
        let entry = items.iter().rev().find(|entry| entry["name"] == digest.as_str());
        let Some(id) = entry.and_then(|entry| entry["id"].as_str()) else { return self.missed(at, since) };
        let target = format!("/api/v1/trash-entries/{id}/{repository}");
        self.images[at].standing = Standing::Doubtful;
        self.set(at);
        let answer = self.send(&Request::new("POST", target))?;
        match answer.status {
            200 => {
                self.images[at].standing = Standing::There;
                self.tally.restored += 1;
                self.check(at)
            }
            404 => self.missed(at, since),
            _ => wrong(format!("restoring {digest}: {}", answer.describe())),
        }
    }

    /// What was deleted is not in the trash: only time may have taken it from there, or nothing was there to delete.
    fn missed(&mut self, at: usize, since: Instant) -> Outcome<()> {
        if since.elapsed() < TRASH && self.images[at].was_there {
            return wrong(format!(
                "{} was deleted {:?} ago, and is not in the trash",
                self.images[at].tag,
                since.elapsed()
            ));
        }
        self.images.remove(at);
        Ok(())
    }

    /// After a death: what must be there is, as a whole.
    pub(super) fn verify(&mut self) -> Outcome<()> {
        for at in self.those(|standing| matches!(standing, Standing::There)) {
            self.look(at)?;
        }
        Ok(())
    }

    /// After a death: what may be there is there as a whole or not at all, and then goes.
    pub(super) fn settle(&mut self) -> Outcome<()> {
        for at in self.those(|standing| matches!(standing, Standing::Doubtful)).into_iter().rev() {
            let there = match self.send(&Request::new("GET", self.images[at].target()))?.status {
                // Its signature may not have come.
                200 => self.or_let_go(at, Self::check_without_signature)? && self.delete(at)?,
                404 => false,
                status => return wrong(format!("GET of an image: {status}")),
            };
            if !there {
                self.delete_parts(at)?;
            }
            self.images.remove(at);
        }
        Ok(())
    }

    /// Waits until no more is there of what rules are about than they keep.
    pub(super) fn await_rules(&mut self) -> Outcome<()> {
        let begun = Instant::now();
        for repository in REPOSITORIES {
            loop {
                let mut left = Vec::new();
                for at in self.those(|standing| matches!(standing, Standing::There)) {
                    let about = self.images[at].repository == repository && self.images[at].passing.is_some();
                    if about && !self.let_go(at)? {
                        left.push(self.images[at].tag.clone());
                    }
                }
                if left.len() <= KEPT {
                    break;
                }
                if begun.elapsed() > ALL_GONE {
                    return wrong(format!("a rule keeps {KEPT} of these in {repository}, but all are there: {left:?}"));
                }
                thread::sleep(LOOK);
            }
        }
        Ok(())
    }

    pub(super) fn delete_all(&mut self) -> Outcome<()> {
        for at in self.those(|standing| matches!(standing, Standing::There)) {
            self.delete_there(at)?;
        }
        self.images.clear();
        Ok(())
    }

    fn those(&self, which: impl Fn(&Standing) -> bool) -> Vec<usize> {
        let found = self.images.iter().enumerate().filter(|(_, image)| which(&image.standing));
        found.map(|(at, _)| at).collect()
    }

    /// That all of an image is there, or nothing, because a rule let it go.
    fn look(&mut self, at: usize) -> Outcome<()> {
        self.or_let_go(at, Self::check).map(drop)
    }

    /// Whether what `check` looks for is there; `false`: a rule let it go, perhaps just then.
    fn or_let_go(&mut self, at: usize, check: impl Fn(&mut Self, usize) -> Outcome<()>) -> Outcome<bool> {
        match check(self, at) {
            Ok(()) => Ok(true),
            Err(Trouble::Wrong(_)) if self.let_go(at)? => Ok(false),
            Err(trouble) => Err(trouble),
        }
    }

    /// That all of an image is there, byte for byte.
    fn check(&mut self, at: usize) -> Outcome<()> {
        self.check_without_signature(at)?;
        let image = &self.images[at];
        let Some(signature) = &image.signature else { return Ok(()) };
        let (repository, digest) = (image.repository, signature.content.digest.clone());
        let requests = requests(repository, signature);
        let target = format!("/v2/{repository}/referrers/{}", image.top.content.digest);
        let listed = self.send(&Request::new("GET", target))?;
        if !String::from_utf8_lossy(&listed.body).contains(&digest) {
            return wrong(format!("the signature {digest} in {repository} is not listed: {}", listed.describe()));
        }
        self.compare(requests)
    }

    fn check_without_signature(&mut self, at: usize) -> Outcome<()> {
        let image = &self.images[at];
        let parts = image.platforms.iter().chain([&image.top]);
        let all = parts.flat_map(|manifest| requests(image.repository, manifest)).collect();
        self.compare(all)
    }

    fn compare(&mut self, expected: Vec<(String, Vec<u8>)>) -> Outcome<()> {
        for (target, bytes) in expected {
            let answer = self.send(&Request::new("GET", &target))?;
            if answer.status != 200 || answer.body != bytes {
                return wrong(format!("GET {target}, which must be there: {}", answer.describe()));
            }
        }
        Ok(())
    }

    fn send(&mut self, request: &Request<'_>) -> Result<Answer, Trouble> {
        self.servers.send(request, &mut self.random)
    }
}

/// What is asked for to pull a manifest and its blobs, and what must be answered.
fn requests(repository: &str, manifest: &Manifest) -> Vec<(String, Vec<u8>)> {
    let content = &manifest.content;
    let blobs = manifest.blobs.iter();
    let blobs = blobs.map(|blob| (format!("/v2/{repository}/blobs/{}", blob.digest), blob.bytes.clone()));
    [(format!("/v2/{repository}/manifests/{}", content.digest), content.bytes.clone())]
        .into_iter()
        .chain(blobs)
        .collect()
}

/// How a manifest of an image is pushed: what the tag shows by the tag, all others by their digests.
fn put(image: &Image, manifest: &Manifest) -> (String, &'static str, Vec<u8>) {
    let digest = &manifest.content.digest;
    let name = if *digest == image.top.content.digest { &image.tag } else { digest };
    let target = format!("/v2/{}/manifests/{name}", image.repository);
    (target, manifest.media_type, manifest.content.bytes.clone())
}
