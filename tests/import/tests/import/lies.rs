//! What a registry says that is badly made or means no good. No real one does, so it is said by hand.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use anyhow::{Result, ensure};
use entrepot_client_tests::blob::sha256;

use crate::here::{Here, status};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const TAGS: &str = "/v2/acme/app/tags/list?n=500";

/// A registry that gives the same answer to a question each time, and hears all that it is asked.
struct Liar {
    address: SocketAddr,
    heard: Arc<Mutex<String>>,
    answers: Arc<Mutex<HashMap<String, String>>>,
}

impl Liar {
    /// One with the repository `acme/app`, and nothing in it.
    fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let liar = Self { address: listener.local_addr()?, heard: Arc::default(), answers: Arc::default() };
        liar.says("/v2/", "200 OK", "", "{}");
        liar.says("/v2/_catalog?n=500", "200 OK", "", r#"{"repositories":["acme/app"]}"#);
        let (heard, answers) = (Arc::clone(&liar.heard), Arc::clone(&liar.answers));
        // It listens until the tests end.
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (heard, answers) = (Arc::clone(&heard), Arc::clone(&answers));
                thread::spawn(move || answer(&client, &heard, &answers));
            }
        });
        Ok(liar)
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it says from now on. `headers` are whole lines.
    fn says(&self, target: &str, status: &str, headers: &str, content: &str) {
        let length = content.len();
        let text =
            format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{content}");
        self.answers.lock().unwrap().insert(target.to_owned(), text);
    }

    /// Has a manifest, and returns its digest.
    fn has(&self, manifest: &str) -> String {
        let digest = sha256(manifest.as_bytes());
        let headers = format!("Content-Type: {MANIFEST}\r\nDocker-Content-Digest: {digest}\r\n");
        self.says(&format!("/v2/acme/app/manifests/{digest}"), "200 OK", &headers, manifest);
        digest
    }

    /// Has an image without layers under a tag, and returns its digest.
    fn has_image(&self, tag: &str) -> String {
        let digest = self.has(&self.manifest(&format!(r#","annotations":{{"tag":"{tag}"}}"#)));
        self.shows(tag, &digest);
        digest
    }

    /// A manifest that names nothing but an empty config; `more` are members.
    fn manifest(&self, more: &str) -> String {
        let config = sha256(b"{}");
        self.says(&format!("/v2/acme/app/blobs/{config}"), "200 OK", "", "{}");
        let config = format!(r#"{{"mediaType":"application/vnd.oci.empty.v1+json","digest":"{config}","size":2}}"#);
        format!(r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{config},"layers":[]{more}}}"#)
    }

    fn shows(&self, tag: &str, digest: &str) {
        let headers = format!("Content-Type: {MANIFEST}\r\nDocker-Content-Digest: {digest}\r\n");
        self.says(&format!("/v2/acme/app/manifests/{tag}"), "200 OK", &headers, "");
    }

    fn heard(&self) -> String {
        self.heard.lock().unwrap().clone()
    }
}

fn answer(mut client: &TcpStream, heard: &Mutex<String>, answers: &Mutex<HashMap<String, String>>) {
    let mut lines = BufReader::new(client).lines().map_while(Result::ok);
    let Some(first) = lines.next() else { return };
    let rest: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    *heard.lock().unwrap() += &format!("{first}\n{}\n", rest.join("\n"));
    let mut words = first.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let none = "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".to_owned();
    let text = answers.lock().unwrap().get(target).cloned().unwrap_or(none);
    let end = if method == "HEAD" { text.find("\r\n\r\n").map_or(text.len(), |at| at + 4) } else { text.len() };
    // Who has gone away hears nothing.
    let _gone = client.write_all(&text.as_bytes()[..end]);
}

#[test]
fn pages_that_go_round_in_a_circle_end() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let liar = Liar::start()?;
    let link = format!("Link: <{TAGS}>; rel=\"next\"\r\n");
    liar.says(TAGS, "200 OK", &link, r#"{"tags":["v1"]}"#);
    let output = Here::new(directory.path())?.incomplete(&["distribution", "--from", &liar.url()])?;
    ensure!(output.contains("its pages go round in a circle"), "{output}");
    Ok(())
}

#[test]
fn a_page_that_is_missing_is_not_the_end_of_a_list() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let liar = Liar::start()?;
    let digest = liar.has_image("v1");
    liar.has_image("v2");
    liar.says(TAGS, "200 OK", "", r#"{"tags":["v1","v2"]}"#);
    let here = Here::new(directory.path())?;
    here.complete(&["distribution", "--from", &liar.url(), "--public"])?;
    // From now on the page with v2 is missing.
    let link = "Link: </v2/acme/app/tags/list?last=v1>; rel=\"next\"\r\n";
    liar.says(TAGS, "200 OK", link, r#"{"tags":["v1"]}"#);
    let output = here.incomplete(&["distribution", "--from", &liar.url(), "--delete"])?;
    ensure!(output.contains("the page is not there"), "{output}");
    let server = here.serve()?;
    ensure!(status(server.address(), "acme/app", "v2")? == 200, "the tag on the missing page was removed");
    ensure!(status(server.address(), "acme/app", &digest)? == 200);
    Ok(())
}

/// Where a redirect leads has no say in where the password goes.
#[test]
fn nobody_else_asks_for_the_password() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let (liar, thief) = (Liar::start()?, Liar::start()?);
    liar.says(TAGS, "307 Temporary Redirect", &format!("Location: {}/there\r\n", thief.url()), "");
    let challenge = format!("WWW-Authenticate: Bearer realm=\"{}/token\",service=\"x\"\r\n", thief.url());
    thief.says("/there", "401 Unauthorized", &challenge, "");
    let password = directory.path().join("password");
    std::fs::write(&password, "landed-and-stored")?;
    let file = password.display().to_string();
    let from = ["distribution", "--from", &liar.url(), "--username", "ann", "--password-file", &file];
    Here::new(directory.path())?.incomplete(&from)?;
    let heard = thief.heard();
    ensure!(heard.contains("GET /there") && !heard.contains("/token") && !heard.contains("uthorization"), "{heard}");
    Ok(())
}

/// All pages of them, and of whatever type they are said to be; also if another manifest has none.
#[test]
fn everything_that_refers_to_an_image_comes_along() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let liar = Liar::start()?;
    let image = liar.manifest("");
    let digest = liar.has(&image);
    liar.shows("v1", &digest);
    liar.has_image("first");
    liar.says(TAGS, "200 OK", "", r#"{"tags":["first","v1"]}"#);
    let pages = [format!("/v2/acme/app/referrers/{digest}"), format!("/v2/acme/app/referrers/{digest}?last=1")];
    for (number, page) in pages.iter().enumerate() {
        let more = format!(
            r#","subject":{{"mediaType":"{MANIFEST}","digest":"{digest}","size":{}}},"annotations":{{"n":"{number}"}}"#,
            image.len()
        );
        let referrer = liar.has(&liar.manifest(&more));
        let entry = format!(r#"{{"mediaType":"application/vnd.acme.unheard-of+json","digest":"{referrer}","size":1}}"#);
        let link = format!("Link: <{}>; rel=\"next\"\r\n", pages[1]);
        liar.says(
            page,
            "200 OK",
            if number == 0 { &link } else { "" },
            &format!(r#"{{"schemaVersion":2,"manifests":[{entry}]}}"#),
        );
    }
    let output = Here::new(directory.path())?.complete(&["distribution", "--from", &liar.url()])?;
    ensure!(output.contains("  4 manifests, and 0 were here already"), "{output}");
    Ok(())
}
