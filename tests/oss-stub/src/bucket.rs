//! What the bucket holds: objects and unfinished uploads, their bytes in files.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures_util::StreamExt as _;
use http_body_util::{BodyExt as _, BodyStream};
use hyper::body::Incoming;
use md5::{Digest as _, Md5};

use crate::answer::Refusal;
use crate::request::Ask;

/// The largest body of one request.
const LARGEST: u64 = 5 << 30;

/// The one bucket.
#[derive(Debug)]
pub(crate) struct Bucket {
    directory: PathBuf,
    next: AtomicU64,
    content: Mutex<Content>,
}

/// Everything in it.
#[derive(Debug, Default)]
pub(crate) struct Content {
    /// The objects by their key.
    pub(crate) objects: BTreeMap<String, Stored>,
    /// The unfinished uploads by key and id.
    pub(crate) uploads: BTreeMap<(String, String), Upload>,
}

/// Bytes that were received. Their file goes with this.
#[derive(Debug)]
pub(crate) struct Stored {
    path: PathBuf,
    /// How many they are.
    pub(crate) size: u64,
    /// Their tag, in quotes.
    pub(crate) tag: String,
    /// When they came.
    pub(crate) modified: SystemTime,
}

/// A multipart upload that is neither complete nor aborted.
#[derive(Debug)]
pub(crate) struct Upload {
    /// When it began.
    pub(crate) begun: SystemTime,
    /// Its parts by their number.
    pub(crate) parts: BTreeMap<u32, Stored>,
}

impl Bucket {
    pub(crate) fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned(), next: AtomicU64::new(1), content: Mutex::default() }
    }

    /// What it holds, for as long as the caller looks.
    pub(crate) fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number that was never given before.
    pub(crate) fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Writes a body to a file, and checks its size and its MD5 sum if the request names one. An incomplete body leaves
    /// nothing.
    pub(crate) async fn receive(&self, ask: &Ask, body: Incoming) -> Result<Stored, Refusal> {
        let mut stored = self.new_file();
        let mut file = File::create(&stored.path)?;
        let mut sum = Md5::new();
        let mut body = BodyStream::new(body);
        while let Some(frame) = body.next().await {
            let frame = frame.map_err(|error| Refusal::bad("IncompleteBody", error.to_string()))?;
            let Ok(bytes) = frame.into_data() else { continue };
            sum.update(&bytes);
            stored.size += bytes.len() as u64;
            if stored.size > LARGEST {
                return Err(Refusal::bad("EntityTooLarge", "5 GiB are the most."));
            }
            file.write_all(&bytes)?;
        }
        let sum = sum.finalize();
        check_sum(ask, &sum)?;
        stored.tag = format!("\"{}\"", hex::encode_upper(sum));
        Ok(stored)
    }

    /// Puts the bytes of parts one after the other into a new file.
    pub(crate) fn join(&self, parts: &[&Stored]) -> io::Result<Stored> {
        let mut whole = self.new_file();
        let mut file = File::create(&whole.path)?;
        let mut tags = Md5::new();
        for part in parts {
            io::copy(&mut part.open()?, &mut file)?;
            whole.size += part.size;
            tags.update(part.tag.as_bytes());
        }
        whole.tag = format!("\"{}-{}\"", hex::encode_upper(tags.finalize()), parts.len());
        Ok(whole)
    }

    fn new_file(&self) -> Stored {
        let path = self.directory.join(self.number().to_string());
        Stored { path, size: 0, tag: String::new(), modified: SystemTime::now() }
    }
}

impl Stored {
    /// The bytes; they can be read on when the object is gone.
    pub(crate) fn open(&self) -> io::Result<File> {
        File::open(&self.path)
    }
}

impl Drop for Stored {
    fn drop(&mut self) {
        // The directory goes too, at the latest then it is gone.
        drop(fs::remove_file(&self.path));
    }
}

/// Reads a document, and checks its MD5 sum if the request names one.
pub(crate) async fn document(ask: &Ask, body: Incoming) -> Result<String, Refusal> {
    let body = body.collect().await.map_err(|error| Refusal::bad("IncompleteBody", error.to_string()))?.to_bytes();
    check_sum(ask, &Md5::digest(&body))?;
    String::from_utf8(body.into()).map_err(|_| malformed("it is not text"))
}

/// A document that cannot be read.
pub(crate) fn malformed(why: impl ToString) -> Refusal {
    Refusal::bad("MalformedXML", why.to_string())
}

fn check_sum(ask: &Ask, sum: &[u8]) -> Result<(), Refusal> {
    match ask.header("content-md5") {
        Some(named) if named != BASE64_STANDARD.encode(sum) => {
            Err(Refusal::bad("InvalidDigest", "The Content-MD5 is not that of the body."))
        }
        _ => Ok(()),
    }
}
