//! Plain requests by curl.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::Component;

/// Seconds that one request may take.
const LONGEST: &str = "30";

/// curl, with the arguments that all requests share.
#[derive(Debug, Clone)]
pub(super) struct Curl {
    program: PathBuf,
    arguments: Vec<String>,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    /// The status code.
    pub(super) status: u16,
    head: String,
    /// The body.
    pub(super) body: Vec<u8>,
}

impl Curl {
    /// curl without the settings of whoever runs the tests.
    pub(super) fn new() -> Result<Self> {
        let program = Component::named("curl").and_then(Component::locate).context("curl is not installed")?;
        let arguments = ["--disable", "--silent", "--show-error", "--include", "--noproxy", "*", "--max-time", LONGEST];
        Ok(Self { program, arguments: arguments.map(str::to_owned).into() })
    }

    /// With more arguments.
    pub(super) fn with<const N: usize>(mut self, arguments: [&str; N]) -> Self {
        self.arguments.extend(arguments.map(str::to_owned));
        self
    }

    /// Sends a request, with a small body if there is one (before a large one, curl would ask whether it is welcome).
    pub(super) fn send(&self, method: &str, url: &str, body: Option<&[u8]>) -> Result<Answer> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).args(["--request", method, "--url", url]);
        if body.is_some() {
            command.args(["--data-binary", "@-"]);
        }
        let mut curl = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        // curl reads all of it before it sends, so neither waits for the other. Taken, so that it ends.
        if let (Some(mut input), Some(body)) = (curl.stdin.take(), body) {
            input.write_all(body).context("cannot give the body to curl")?;
        }
        let output = curl.wait_with_output()?;
        ensure!(output.status.success(), "{method} {url}: {}", String::from_utf8_lossy(&output.stderr).trim());
        Answer::parse(&output.stdout).with_context(|| format!("{method} {url}"))
    }

    /// Sends a request and fails if the answer is not a success.
    pub(super) fn expect(&self, method: &str, url: &str, body: Option<&[u8]>) -> Result<Answer> {
        let answer = self.send(method, url, body)?;
        let said = String::from_utf8_lossy(&answer.body);
        ensure!((200..300).contains(&answer.status), "{method} {url}: {} {}", answer.status, said.trim());
        Ok(answer)
    }
}

impl Answer {
    fn parse(output: &[u8]) -> Result<Self> {
        let end = output.windows(4).position(|four| four == b"\r\n\r\n").context("the answer has no head")?;
        let head = String::from_utf8_lossy(&output[..end]).into_owned();
        let status = head.split(' ').nth(1).and_then(|code| code.get(..3)).context("the answer has no status")?;
        Ok(Self { status: status.parse()?, body: output[end + 4..].to_vec(), head })
    }

    /// The value of the first header called `name`, in any case.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }
}
