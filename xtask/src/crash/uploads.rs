//! Pushing blobs in every form, leaving uploads half done, and taking them up again.

use std::sync::Arc;

use super::client::Worker;
use super::content::Content;
use super::http::{Answer, Request};
use super::model::{Key, Upload};
use super::trouble::{Outcome, wrong};

/// How often a client asks again where an upload is before it calls that a finding. Once is enough: the server lets a
/// request that was cut write down what came before it lets the next one in.
const TRIES: usize = 3;

/// What became of a chunk or of a last request.
enum Step {
    Done,
    /// The upload is elsewhere than the client thought, because an earlier request had been cut.
    Elsewhere,
    /// The upload is unknown, and may be.
    Unknown,
}

impl Worker<'_> {
    /// Pushes a blob in one form or another.
    pub(super) fn push_blob(&mut self, repository: &'static str, content: &Arc<Content>) -> Outcome<()> {
        if self.random.chance(30) {
            return self.push_whole(repository, content);
        }
        let id = self.begin_upload(repository, content)?;
        self.continue_upload(id)
    }

    /// Begins an upload and cancels it, leaves it as it is, hangs up in the middle, or claims a wrong digest.
    pub(super) fn push_blob_and_stop_short(&mut self, repository: &'static str) -> Outcome<()> {
        let content = self.blob();
        let id = self.begin_upload(repository, &content)?;
        if content.bytes.len() > 4 {
            for _ in 0..self.random.below(3) {
                let (_, length) = self.next_chunk(id);
                if length > 0 {
                    self.append(id, length)?;
                }
            }
        }
        match self.random.below(5) {
            0 => self.cancel(id),
            1 => self.finish_wrongly(id),
            2 | 3 => self.hang_up(id),
            _ => Ok(()),
        }
    }

    /// Takes up one of the uploads that this client left in this round or an earlier one.
    pub(super) fn resume_any(&mut self) -> Outcome<()> {
        let own: Vec<u64> =
            self.model().uploads.iter().filter(|(_, upload)| upload.owner == self.number).map(|(id, _)| *id).collect();
        match self.random.pick(&own) {
            Some(id) => self.resume(*id),
            None => Ok(()),
        }
    }

    /// Asks where the upload is, goes on from there and finishes it.
    pub(super) fn resume(&mut self, id: u64) -> Outcome<()> {
        if self.ask(id)? { self.continue_upload(id) } else { Ok(()) }
    }

    /// Asks how far an upload is and compares that with what was acknowledged; false if it is unknown, and may be.
    pub(super) fn ask(&mut self, id: u64) -> Outcome<bool> {
        let upload = self.upload(id);
        let least = self.model().least(&upload);
        let answer = self.send(&Request::new("GET", &upload.location))?;
        match answer.status {
            204 => {
                let size = progress(&answer)?;
                // "0-0" stands for no byte and for one.
                let least = least.unwrap_or_default();
                let possible = least <= size || (size == 0 && least == 1);
                if !possible || size > upload.sent {
                    return wrong(format!(
                        "upload {} has {size} bytes; {} were acknowledged, {least} must be there, and {} were sent",
                        upload.location, upload.acknowledged, upload.sent
                    ));
                }
                self.change(id, |upload| upload.acknowledged = size.max(least));
                Ok(true)
            }
            404 if upload.doubtful || least.is_none() => {
                self.model().uploads.remove(&id);
                Ok(false)
            }
            _ => wrong(format!("an upload that was not ended: GET {}: {}", upload.location, answer.describe())),
        }
    }

    /// Decides that the upload shall become another blob, shorter or longer, whose beginning the server has already: nothing of
    /// what it received and did not acknowledge may remain. Only right after [`Worker::ask`], when no request is under way.
    pub(super) fn change_rest(&mut self, id: u64) {
        let upload = self.upload(id);
        // "0-0" stands for no byte and for one.
        if upload.acknowledged == 0 {
            return;
        }
        let mut bytes = upload.content.bytes[..upload.acknowledged].to_vec();
        let length = self.random.below(2 * (upload.content.bytes.len() - upload.acknowledged) + 1);
        bytes.extend(self.random.bytes(length));
        let content = self.model().keep(Content::new(upload.content.algorithm(), bytes));
        self.change(id, |upload| {
            upload.content = content;
            upload.sent = upload.acknowledged;
        });
    }

    /// Sends the rest of an upload and finishes it.
    pub(super) fn continue_upload(&mut self, id: u64) -> Outcome<()> {
        let in_chunks = self.random.chance(65);
        let mut tries = 0;
        loop {
            let (rest, length) = self.next_chunk(id);
            let append = rest > 2 && in_chunks && self.random.chance(75);
            let step = if append { self.append(id, length)? } else { self.finish(id)? };
            match step {
                Step::Done if append => {}
                Step::Done | Step::Unknown => return Ok(()),
                Step::Elsewhere => {
                    tries += 1;
                    if tries == TRIES {
                        return wrong(format!("upload {} is never where it says", self.upload(id).location));
                    }
                    if !self.ask(id)? {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// `POST ?digest=`: the whole blob in one request.
    fn push_whole(&mut self, repository: &'static str, content: &Arc<Content>) -> Outcome<()> {
        let key = (repository, content.digest.clone());
        let target = format!("/v2/{repository}/blobs/uploads/?digest={}", content.digest);
        let request = Request::new("POST", target).body(&content.bytes);
        if self.random.chance(6) && content.bytes.len() > 1 {
            // Nothing may come of it.
            let length = self.random.below(content.bytes.len());
            return self.cut(&request, length);
        }
        let begun = self.begin_link(&key);
        let answer = self.send(&request)?;
        if answer.status != 201 {
            return wrong(format!("POST of blob {}: {}", content.digest, answer.describe()));
        }
        self.acknowledge_link(&key, begun);
        Ok(())
    }

    fn begin_upload(&mut self, repository: &'static str, content: &Arc<Content>) -> Outcome<u64> {
        let mut target = format!("/v2/{repository}/blobs/uploads/");
        if self.random.chance(50) && content.digest.starts_with("sha512") {
            target.push_str("?digest-algorithm=sha512");
        }
        let answer = self.send(&Request::new("POST", target))?;
        self.keep_session(repository, content, &answer)
    }

    /// Remembers the session that a POST answered with.
    pub(super) fn keep_session(
        &mut self,
        repository: &'static str,
        content: &Arc<Content>,
        answer: &Answer,
    ) -> Outcome<u64> {
        let (202, Some(location)) = (answer.status, answer.header("location")) else {
            return wrong(format!("POST of an upload to {repository}: {}", answer.describe()));
        };
        let mut model = self.model();
        let id = model.tick();
        model.acknowledged += 1;
        let upload = Upload {
            owner: self.number,
            repository,
            location: location.to_owned(),
            content: Arc::clone(content),
            acknowledged: 0,
            kept: None,
            sent: 0,
            doubtful: false,
        };
        model.uploads.insert(id, upload);
        Ok(id)
    }

    /// `PATCH` with the next `length` bytes.
    fn append(&mut self, id: u64, length: usize) -> Outcome<Step> {
        let upload = self.upload(id);
        let (first, end) = (upload.acknowledged, upload.acknowledged + length);
        let ranged = upload.sent > first || self.random.chance(70);
        self.change(id, |upload| upload.sent = upload.sent.max(end));
        let mut request = Request::new("PATCH", &upload.location).body(&upload.content.bytes[first..end]);
        if ranged {
            request = request.header("content-range", format!("{first}-{}", end - 1));
        }
        let answer = self.send(&request).inspect_err(|_| {
            // Another replica may append such bytes at any time, wherever the upload is by then. Who does not know what became
            // of them begins again.
            if !ranged && self.servers.are_replicas() {
                self.model().uploads.remove(&id);
            }
        })?;
        match answer.status {
            202 if progress(&answer)? == end => {
                self.model().acknowledged += 1;
                self.change(id, |upload| (upload.acknowledged, upload.sent) = (end, end));
                Ok(Step::Done)
            }
            _ => self.refused(id, &upload, &answer),
        }
    }

    /// `PUT` with the rest of the bytes, or none if there is none.
    fn finish(&mut self, id: u64) -> Outcome<Step> {
        let upload = self.upload(id);
        let (first, end) = (upload.acknowledged, upload.content.bytes.len());
        let key = (upload.repository, upload.content.digest.clone());
        let rest = &upload.content.bytes[first..];
        let mut request = Request::new("PUT", upload.ending(&upload.content.digest)).body(rest);
        if !rest.is_empty() && (upload.sent > first || self.random.chance(50)) {
            request = request.header("content-range", format!("{first}-{}", end - 1));
        }
        self.change(id, |upload| (upload.sent, upload.doubtful) = (end, true));
        let begun = self.begin_link(&key);
        let answer = self.send(&request)?;
        if answer.status == 201 {
            self.acknowledge_link(&key, begun);
            self.model().end_upload(id);
            return Ok(Step::Done);
        }
        self.model().link(&key).refuse(begun);
        self.refused(id, &upload, &answer)
    }

    /// Judges an answer that refuses a request to `before`.
    fn refused(&mut self, id: u64, before: &Upload, answer: &Answer) -> Outcome<Step> {
        let least = self.model().least(before);
        match answer.status {
            // An earlier request was cut, and of that more has arrived than the client knew; or less is left of it.
            416 if before.sent > before.acknowledged || least.is_none_or(|least| least < before.acknowledged) => {
                let size = progress(answer)?;
                if size == 0 && before.acknowledged == 0 {
                    // "0-0" stands for no byte and for one; it is not none.
                    self.change(id, |upload| upload.acknowledged = 1);
                }
                self.change(id, |upload| (upload.sent, upload.doubtful) = (before.sent, before.doubtful));
                Ok(Step::Elsewhere)
            }
            // The earlier request is still under way at another replica.
            409 if before.sent > before.acknowledged && self.servers.are_replicas() => {
                self.change(id, |upload| (upload.sent, upload.doubtful) = (before.sent, before.doubtful));
                Ok(Step::Elsewhere)
            }
            404 if before.doubtful || least.is_none() => {
                self.model().uploads.remove(&id);
                Ok(Step::Unknown)
            }
            _ => wrong(format!(
                "upload {} at {} of {} bytes, {} sent: {}",
                before.location,
                before.acknowledged,
                before.content.bytes.len(),
                before.sent,
                answer.describe()
            )),
        }
    }

    fn cancel(&mut self, id: u64) -> Outcome<()> {
        let upload = self.upload(id);
        self.change(id, |upload| upload.doubtful = true);
        let answer = self.send(&Request::new("DELETE", &upload.location))?;
        self.ended(id, &upload, &answer, 204)
    }

    /// `PUT` with another blob's digest: refused, and the upload is gone.
    fn finish_wrongly(&mut self, id: u64) -> Outcome<()> {
        let upload = self.upload(id);
        let other = self.blob();
        if other.bytes == upload.content.bytes || upload.sent > upload.acknowledged {
            return Ok(());
        }
        let rest = &upload.content.bytes[upload.acknowledged..];
        self.change(id, |upload| (upload.sent, upload.doubtful) = (upload.content.bytes.len(), true));
        let answer = self.send(&Request::new("PUT", upload.ending(&other.digest)).body(rest))?;
        self.ended(id, &upload, &answer, 400)
    }

    /// The upload must be gone if the answer has the status that says so.
    fn ended(&mut self, id: u64, upload: &Upload, answer: &Answer, expected: u16) -> Outcome<()> {
        if answer.status != expected {
            return wrong(format!("{} should have been ended: {}", upload.location, answer.describe()));
        }
        let mut model = self.model();
        model.acknowledged += 1;
        if model.database_crashes {
            // What ends a session without a blob is not waited for either.
            model.uploads.remove(&id);
            return Ok(());
        }
        model.end_upload(id);
        drop(model);
        let answer = self.send(&Request::new("GET", &upload.location))?;
        if answer.status != 404 {
            return wrong(format!("{} was ended but is there: {}", upload.location, answer.describe()));
        }
        Ok(())
    }

    /// Sends a part of the next chunk and closes the connection.
    ///
    /// The server may come to read it only after later requests of this client, on another connection: the range is what lets it
    /// see that these bytes are late then. Without one it would have to append them.
    fn hang_up(&mut self, id: u64) -> Outcome<()> {
        let upload = self.upload(id);
        let (first, end) = (upload.acknowledged, upload.content.bytes.len());
        let rest = &upload.content.bytes[first..];
        if rest.len() < 4 || upload.sent > first {
            return Ok(());
        }
        let length = 2 + self.random.below(rest.len() - 3);
        self.change(id, |upload| upload.sent = first + length);
        // A last request that is cut ends nothing.
        let request = if self.random.chance(25) {
            Request::new("PUT", upload.ending(&upload.content.digest))
        } else {
            Request::new("PATCH", &upload.location)
        };
        self.cut(&request.header("content-range", format!("{first}-{}", end - 1)).body(rest), length)
    }

    /// Bytes that are left, and how many of them come next: never one alone, as its progress reads like none.
    fn next_chunk(&mut self, id: u64) -> (usize, usize) {
        let upload = self.upload(id);
        let rest = upload.content.bytes.len() - upload.acknowledged;
        let length = if rest <= 4 || self.random.chance(30) { rest } else { 2 + self.random.below(rest - 3) };
        (rest, length)
    }

    pub(super) fn begin_link(&self, key: &Key) -> u64 {
        let mut model = self.model();
        let now = model.tick();
        model.link(key).begin(true, now);
        now
    }

    pub(super) fn acknowledge_link(&self, key: &Key, begun: u64) {
        let mut model = self.model();
        let now = model.tick();
        model.acknowledged += 1;
        model.link(key).acknowledge(begun, now);
    }

    fn upload(&self, id: u64) -> Upload {
        // Only this client ends its uploads, and it asks for none that it has ended.
        self.model().uploads[&id].clone()
    }

    fn change(&self, id: u64, change: impl FnOnce(&mut Upload)) {
        if let Some(upload) = self.model().uploads.get_mut(&id) {
            change(upload);
        }
    }
}

impl Upload {
    fn ending(&self, digest: &str) -> String {
        format!("{}?digest={digest}", self.location)
    }
}

/// The number of bytes that the `Range` header of an answer states; 0 also stands for 1.
fn progress(answer: &Answer) -> Outcome<usize> {
    let last = answer.header("range").and_then(|range| range.strip_prefix("0-")).and_then(|last| last.parse().ok());
    match last {
        Some(0) => Ok(0),
        Some(last) => Ok(usize::saturating_add(last, 1)),
        None => wrong(format!("no range in {}", answer.describe())),
    }
}
