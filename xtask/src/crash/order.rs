//! The order of the system calls of a push, on which surviving a power cut depends: bytes are synced before they get their
//! name, the name is synced before the row is committed, and the commit is synced before the client is told. Seen from outside
//! by `strace`.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;

use super::content::{Algorithm, Content};
use super::http::{Client, Request};
use super::trouble::{Outcome, wrong};
use crate::random::Random;

const CALLS: &str = "trace=fsync,fdatasync,rename,renameat,renameat2,write,writev,sendto,sendmsg,pwrite64";

/// What came of watching.
#[derive(Debug)]
pub(super) enum Watched {
    /// The calls came in the right order, or they did not.
    Judged(Outcome<()>),
    /// There is no `strace` here, or it may not trace.
    Impossible(String),
}

/// Pushes a blob in chunks, one at once, and a manifest to a server under `strace`, in the new directory `directory`.
pub(super) fn watch(program: &Path, directory: &Path) -> Result<Watched> {
    let trace = directory.join("trace");
    let started = Command::new("strace")
        .args(["-f", "-y", "-s", "64", "-e", CALLS, "-o"])
        .arg(&trace)
        .arg(program)
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(directory.join("data"))
        .env("ENTREPOT_LOG_LEVEL", "warn")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let child = match started {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Ok(Watched::Impossible("strace is not installed".to_owned()));
        }
        other => other.context("cannot start strace")?,
    };
    let mut tracer = Tracer(child);
    let mut line = String::new();
    if let Some(stdout) = tracer.0.stdout.take() {
        BufReader::new(stdout).read_line(&mut line)?;
    }
    let Some(address) = line.split_once("http://").and_then(|(_, rest)| rest.split(';').next()?.parse().ok()) else {
        return Ok(Watched::Impossible("strace may not trace here".to_owned()));
    };
    // The purge with which the server begins writes to the database as well.
    std::thread::sleep(Duration::from_millis(500));
    let pushed = push(&mut Client::new(address));
    tracer.stop()?;
    if let Err(trouble) = pushed {
        return Ok(Watched::Judged(Err(trouble)));
    }
    let text = fs::read_to_string(&trace).context("cannot read what strace wrote")?;
    Ok(Watched::Judged(judge(&calls(&text))))
}

/// `strace` with the server under it.
struct Tracer(Child);

impl Tracer {
    fn stop(&mut self) -> Result<()> {
        self.signal(Signal::SIGTERM);
        self.0.wait()?;
        Ok(())
    }

    /// Signals the traced process: `strace` itself would let go of it and leave it running.
    fn signal(&self, signal: Signal) {
        let id = self.0.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
        for child in children.split_whitespace().filter_map(|child| child.parse().ok()) {
            // It may be gone already.
            let _gone = kill(Pid::from_raw(child), signal);
        }
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        self.signal(Signal::SIGKILL);
        let _ended = self.0.wait();
    }
}

fn push(client: &mut Client) -> Outcome<()> {
    let mut random = Random::new(&[1]);
    let mut expect = |request: Request<'_>, status: u16| {
        let answer = client.send(&request)?;
        if answer.status != status {
            return wrong(format!("{} {}: {}", request.method, request.target, answer.describe()));
        }
        Ok(answer.header("location").unwrap_or_default().to_owned())
    };
    let layer = Content::new(Algorithm::Sha256, random.bytes(300_000));
    let config = Content::new(Algorithm::Sha256, random.bytes(5000));
    let uploads = "/v2/acme/order/blobs/uploads/";
    let location = expect(Request::new("POST", uploads), 202)?;
    let location = expect(Request::new("PATCH", location).body(&layer.bytes), 202)?;
    expect(Request::new("PUT", format!("{location}?digest={}", layer.digest)), 201)?;
    expect(Request::new("POST", format!("{uploads}?digest={}", config.digest)).body(&config.bytes), 201)?;
    let descriptor = |content: &Content| json!({ "mediaType": "application/octet-stream", "digest": content.digest, "size": content.bytes.len() });
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let manifest = json!({
        "schemaVersion": 2, "mediaType": media_type, "config": descriptor(&config), "layers": [descriptor(&layer)],
    });
    let body = manifest.to_string();
    let request = Request::new("PUT", "/v2/acme/order/manifests/latest").header("content-type", media_type);
    expect(request.body(body.as_bytes()), 201)?;
    Ok(())
}

/// A system call: when it began and ended, as lines of the trace.
#[derive(Debug)]
struct Call {
    text: String,
    begun: usize,
    ended: usize,
}

impl Call {
    fn is_sync(&self, path_end: &str) -> bool {
        self.text.contains("sync(") && self.text.contains(&format!("{path_end}>"))
    }

    fn is_answer(&self, status: u16) -> bool {
        self.text.contains(&format!("HTTP/1.1 {status}"))
    }

    fn is_commit(&self) -> bool {
        self.text.starts_with("pwrite64(") && self.text.contains("entrepot.db-wal>")
    }
}

/// The calls of a trace, in the order in which they began. Calls of several threads overlap.
fn calls(trace: &str) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::new();
    let mut open = HashMap::new();
    for (number, line) in trace.lines().enumerate() {
        let Some((thread, text)) = line.split_once(char::is_whitespace) else { continue };
        let text = text.trim_start();
        if text.starts_with("<... ") {
            let call = open.remove(thread).and_then(|index: usize| calls.get_mut(index));
            if let Some(call) = call {
                call.ended = number;
                call.text.push_str(text);
            }
            continue;
        }
        if text.ends_with("<unfinished ...>") {
            open.insert(thread, calls.len());
        }
        calls.push(Call { text: text.to_owned(), begun: number, ended: number });
    }
    calls
}

fn judge(calls: &[Call]) -> Outcome<()> {
    let after = |time: usize, what: &str, is: &dyn Fn(&Call) -> bool| {
        let found = calls.iter().find(|call| call.begun > time && is(call));
        found.map_or_else(|| wrong(format!("the trace shows no {what} when there should be one")), Ok)
    };
    let before = |one: &Call, other: &Call| {
        if one.ended < other.begun {
            return Ok(());
        }
        wrong(format!("in the wrong order: {} must end before {} begins", one.text, other.text))
    };
    let staged_sync = |call: &Call| call.text.contains("sync(") && call.text.contains("/uploads/");
    let wal_sync = |call: &Call| call.is_sync("entrepot.db-wal");

    // The chunk: its bytes and the name of its file, then the row, then the answer.
    let begun = after(0, "answer to POST", &|call| call.is_answer(202))?;
    let chunk = after(begun.ended, "answer to PATCH", &|call| call.is_answer(202))?;
    let bytes = after(begun.ended, "sync of the chunk", &staged_sync)?;
    let name = after(begun.ended, "sync of the uploads directory", &|call| call.is_sync("/uploads"))?;
    let row = after(begun.ended, "row of the chunk", &|call| call.is_commit())?;
    for (one, other) in [(bytes, row), (name, row), (row, chunk)] {
        before(one, other)?;
    }

    // Each blob: bytes, name, directory, row, answer.
    let mut time = begun.ended;
    for _ in 0..2 {
        let rename = after(time, "rename", &|call| call.text.starts_with("rename") && call.text.contains("/blobs/"))?;
        let synced = after(time, "sync of the bytes", &staged_sync)?;
        let directory =
            rename.text.split("/blobs/").nth(1).and_then(|path| path.rsplit_once('/')).unwrap_or_default().0;
        let named = after(rename.ended, "sync of the blob's directory", &|call| call.is_sync(directory))?;
        let row = after(rename.begun, "row of the blob", &|call| call.is_commit())?;
        let committed = after(row.ended, "sync of the commit", &wal_sync)?;
        let told = after(rename.begun, "answer", &|call| call.is_answer(201))?;
        for (one, other) in [(synced, rename), (named, row), (committed, told)] {
            before(one, other)?;
        }
        time = told.ended;
    }

    // The manifest is a row and no file.
    let told = after(time, "answer to the manifest", &|call| call.is_answer(201))?;
    let row = after(time, "row of the manifest", &|call| call.is_commit())?;
    before(after(row.ended, "sync of the manifest", &wal_sync)?, told)
}
