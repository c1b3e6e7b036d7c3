//! A provider that answers whatever it is told to: what no real one does.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// Where it describes itself.
pub(crate) const DISCOVERY: &str = "/.well-known/openid-configuration";
/// Where its keys are.
pub(crate) const KEYS: &str = "/jwks";

/// A lying provider.
pub(crate) struct Liar {
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
    listening: Option<JoinHandle<()>>,
}

/// What it answers.
#[derive(Clone)]
pub(crate) enum Say {
    /// Success with JSON.
    Json(Value),
    /// Another status, with JSON.
    Status(u16, Value),
    /// It sends elsewhere.
    Redirect(String),
    /// Success with that many spaces before an end that never comes right.
    Huge(usize),
    /// The beginning of an answer, and then nothing.
    Stall,
    /// Nothing at all.
    Never,
    /// Success with JSON, late.
    Late(Duration, Value),
}

#[derive(Default)]
struct Shared {
    answers: HashMap<String, Say>,
    /// What was asked: path and the whole request.
    asked: Vec<(String, String)>,
}

impl Liar {
    /// One that describes itself well, has these keys and nothing else.
    pub(crate) async fn start(keys: &[Value]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Mutex::new(Shared::default()));
        let listening = Some(tokio::spawn(listen(listener, Arc::clone(&shared))));
        let liar = Self { address, shared, listening };
        liar.say(DISCOVERY, Say::Json(liar.discovery()));
        liar.say(KEYS, Say::Json(json!({ "keys": keys })));
        liar
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What an honest provider at its place says of itself.
    pub(crate) fn discovery(&self) -> Value {
        let at = |path: &str| format!("{}{path}", self.url());
        json!({
            "issuer": self.url(), "jwks_uri": at(KEYS), "authorization_endpoint": at("/auth"),
            "token_endpoint": at("/token"), "userinfo_endpoint": at("/userinfo"),
        })
    }

    /// From now on, this is its answer there.
    pub(crate) fn say(&self, path: &str, answer: Say) {
        self.shared.lock().unwrap().answers.insert(path.to_owned(), answer);
    }

    /// How often it was asked there.
    pub(crate) fn asked(&self, path: &str) -> usize {
        self.shared.lock().unwrap().asked.iter().filter(|(at, _)| at == path).count()
    }

    /// The last request there: head and body.
    pub(crate) fn last(&self, path: &str) -> String {
        let shared = self.shared.lock().unwrap();
        shared.asked.iter().rev().find(|(at, _)| at == path).map(|(_, request)| request.clone()).unwrap()
    }

    /// Nobody listens any more.
    pub(crate) async fn stop(&mut self) {
        let task = self.listening.take().unwrap();
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
    }

    /// It listens again.
    pub(crate) async fn resume(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.listening = Some(tokio::spawn(listen(listener, Arc::clone(&self.shared))));
    }
}

impl Drop for Liar {
    fn drop(&mut self) {
        if let Some(task) = self.listening.take() {
            task.abort();
        }
    }
}

async fn listen(listener: TcpListener, shared: Arc<Mutex<Shared>>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        tokio::spawn(serve(stream, Arc::clone(&shared)));
    }
}

/// One request a connection.
async fn serve(mut stream: TcpStream, shared: Arc<Mutex<Shared>>) {
    let Some(request) = read(&mut stream).await else { return };
    let path = request.split(' ').nth(1).unwrap().split('?').next().unwrap().to_owned();
    let answer = {
        let mut shared = shared.lock().unwrap();
        shared.asked.push((path.clone(), request));
        shared.answers.get(&path).cloned().unwrap_or(Say::Status(404, json!({})))
    };
    let text = match answer {
        Say::Json(value) => whole(200, "", &value.to_string()),
        Say::Status(status, value) => whole(status, "", &value.to_string()),
        Say::Redirect(place) => whole(302, &format!("Location: {place}\r\n"), ""),
        Say::Huge(length) => whole(200, "", &" ".repeat(length)),
        Say::Stall => "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{".to_owned(),
        Say::Never => String::new(),
        Say::Late(after, value) => {
            sleep(after).await;
            whole(200, "", &value.to_string())
        }
    };
    let unfinished = text.is_empty() || text.ends_with('{');
    // Whoever asks may have gone.
    if stream.write_all(text.as_bytes()).await.is_ok() && unfinished {
        sleep(Duration::from_secs(60)).await;
    }
}

async fn read(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length =
            head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ").map(str::to_owned));
        if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
            return Some(text);
        }
    }
}

fn whole(status: u16, more: &str, body: &str) -> String {
    format!("HTTP/1.1 {status} As Told\r\nConnection: close\r\n{more}Content-Length: {}\r\n\r\n{body}", body.len())
}
