//! Whom a client asks: one server, or several replicas of one.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::http::{Answer, Client, Request};
use super::trouble::{Outcome, Trouble, wrong};
use crate::random::Random;

/// How long a client waits before it asks again for what it did not get.
const PAUSE: Duration = Duration::from_millis(100);

/// The servers of one client, each with its connection.
#[derive(Debug)]
pub(super) struct Servers {
    clients: Vec<Client>,
    /// Until when reads are tried again.
    deadline: Option<Instant>,
    /// What all clients of the replicas have seen of them; `None`: there is only one server.
    seen: Option<Arc<Seen>>,
}

/// How replicas answered.
#[derive(Debug)]
pub(super) struct Seen {
    /// Whether a request was lost at this replica: what it did is unknown, and it may still be doing it.
    lost: Vec<AtomicBool>,
    /// Requests without an answer.
    pub(super) unanswered: AtomicUsize,
    /// Requests that were answered with 503.
    pub(super) refused: AtomicUsize,
    /// Reads that were tried again.
    pub(super) repeated: AtomicUsize,
}

impl Seen {
    /// Of so many replicas.
    pub(super) fn of(replicas: usize) -> Self {
        Self {
            lost: (0..replicas).map(|_| AtomicBool::new(false)).collect(),
            unanswered: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            repeated: AtomicUsize::new(0),
        }
    }

    /// Whether a request was lost at this replica since this was asked last.
    pub(super) fn take_lost(&self, replica: usize) -> bool {
        self.lost[replica].swap(false, Ordering::Relaxed)
    }
}

impl Servers {
    /// One server, which is either there or dead.
    pub(super) fn one(address: SocketAddr) -> Self {
        Self { clients: vec![Client::new(address)], deadline: None, seen: None }
    }

    /// Replicas, of which any may be dead or without database or store at any time.
    pub(super) fn replicas(addresses: &[SocketAddr], seen: &Arc<Seen>) -> Self {
        let clients = addresses.iter().copied().map(Client::new).collect();
        Self { clients, deadline: None, seen: Some(Arc::clone(seen)) }
    }

    /// The same when all are well again: reads are tried until they succeed, or `patience` ends.
    pub(super) fn patient(mut self, patience: Duration) -> Self {
        self.deadline = Some(Instant::now() + patience);
        self
    }

    /// The same for a client that shows a token.
    pub(super) fn bearing(mut self, token: &str) -> Self {
        self.clients = self.clients.into_iter().map(|client| client.bearing(token)).collect();
        self
    }

    /// Whether there is more than one, so that a request may still be under way at one of them when the next is sent to
    /// another.
    pub(super) fn are_replicas(&self) -> bool {
        self.seen.is_some()
    }

    /// Sends the request to one of them, chosen at random; to another if that one is not there, or if nothing but a read
    /// failed.
    pub(super) fn send(&mut self, request: &Request<'_>, random: &mut Random) -> Outcome<Answer> {
        let Some(seen) = self.seen.clone() else { return judge(request, self.clients[0].send(request), false) };
        let first = random.below(self.clients.len());
        let harmless = matches!(request.method, "GET" | "HEAD");
        for attempt in 0.. {
            let replica = (first + attempt) % self.clients.len();
            let answer = self.clients[replica].send(request);
            let absent = answer.as_ref().is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused);
            let last = attempt + 1 >= self.clients.len();
            match judge(request, answer, true) {
                Err(Trouble::Gone(error)) => {
                    if !absent {
                        seen.unanswered.fetch_add(1, Ordering::Relaxed);
                        // A read that is still under way changes nothing.
                        seen.lost[replica].fetch_or(!harmless, Ordering::Relaxed);
                    }
                    if !(harmless || absent) || (last && !self.waits()) {
                        return Err(Trouble::Gone(error));
                    }
                }
                Err(Trouble::Busy(what)) => {
                    seen.refused.fetch_add(1, Ordering::Relaxed);
                    if !harmless || (last && !self.waits()) {
                        return Err(Trouble::Busy(what));
                    }
                }
                decided => return decided,
            }
            if self.deadline.is_some() {
                seen.repeated.fetch_add(1, Ordering::Relaxed);
                thread::sleep(PAUSE);
            }
        }
        wrong("no replica was asked")
    }

    /// Sends the first `length` bytes of the body to one of them, and hangs up.
    pub(super) fn cut(&mut self, request: &Request<'_>, length: usize, random: &mut Random) -> io::Result<()> {
        let first = random.below(self.clients.len());
        let mut outcome = Ok(());
        for attempt in 0..self.clients.len() {
            let replica = (first + attempt) % self.clients.len();
            outcome = self.clients[replica].cut(request, length);
            if !outcome.as_ref().is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused) {
                break;
            }
        }
        outcome
    }

    fn waits(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() < deadline)
    }
}

/// No answer may blame the server itself, but that of a replica may be that it cannot now.
fn judge(request: &Request<'_>, answer: io::Result<Answer>, may_be_busy: bool) -> Outcome<Answer> {
    let answer = answer.map_err(|error| {
        let size = request.body.len();
        io::Error::new(error.kind(), format!("{} {} with {size} bytes: {error}", request.method, request.target))
    })?;
    if answer.status < 500 {
        return Ok(answer);
    }
    let what = format!("{} {}: {}", request.method, request.target, answer.describe());
    match (answer.status, answer.header("retry-after")) {
        (503, Some(_)) if may_be_busy => Err(Trouble::Busy(what)),
        (503, None) if may_be_busy => wrong(format!("{what}, without Retry-After")),
        _ => wrong(what),
    }
}
