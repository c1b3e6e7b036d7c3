//! A real OpenID provider: npm's `oidc-provider`, set up by a program of ours.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::curl::Curl;
use super::site::{PATIENCE, Site};
use crate::{Component, Port};

/// A running provider with the clients `basic` and `post`, named after where they send their secret.
#[derive(Debug)]
pub struct OidcProvider {
    site: Site,
    port: Port,
    redirect_uri: String,
}

/// How a provider is set up.
#[derive(Debug, Clone)]
pub struct OidcSettings {
    /// What it signs with: `RS256`, `ES256` or `EdDSA`.
    pub algorithm: &'static str,
    /// Whether the identity token has all claims; else only who it is about, and the rest is at the userinfo endpoint.
    pub in_token: bool,
    /// The people, as JSON: each one's claims by their subject (`sub`), which is also what they log in with.
    pub accounts: &'static str,
}

impl OidcProvider {
    /// The secret of both clients. It has what has to be encoded on the way.
    pub const SECRET: &str = "only for tests: 100% + a/b & ~";

    /// Where both clients send browsers back to if nothing else was said. Nobody listens there.
    pub const REDIRECT_URI: &str = "http://127.0.0.1:9/callback";

    /// Starts a provider.
    ///
    /// # Errors
    /// It cannot be started, or is not ready in time; the message has the end of its log.
    pub fn start(settings: &OidcSettings) -> Result<Option<Self>> {
        Self::start_for(settings, Self::REDIRECT_URI)
    }

    /// Starts a provider that sends browsers back to `redirect_uri`.
    ///
    /// # Errors
    /// As [`OidcProvider::start`].
    pub fn start_for(settings: &OidcSettings, redirect_uri: &str) -> Result<Option<Self>> {
        let Some(library) = Component::require("oidc-provider") else { return Ok(None) };
        let modules = library.ancestors().nth(3).context("the library is not in node_modules")?;
        let mut site = Site::new("oidc")?;
        let port = Port::claim()?;
        let script = site.path().join("provider.mjs");
        fs::write(&script, include_str!("oidc/provider.mjs"))?;
        let mut command = Command::new("node");
        command.arg(script).arg(modules).arg(port.number().to_string()).arg(settings.json(redirect_uri));
        let provider = site.start("provider", &mut command)?;
        provider.wait_until(PATIENCE, |output| output.contains("listening")).context("oidc-provider")?;
        Ok(Some(Self { site, port, redirect_uri: redirect_uri.to_owned() }))
    }

    /// Its identifier, and where it is.
    pub fn issuer(&self) -> String {
        format!("http://{}", self.port.address())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// Gives it new keys. Those before are no longer published.
    ///
    /// # Errors
    /// It does not answer.
    pub fn rotate(&self) -> Result<()> {
        self.tell("rotate", "").map(|_| ())
    }

    /// Replaces its people.
    ///
    /// # Errors
    /// It does not answer, or does not understand.
    pub fn set_accounts(&self, accounts: &str) -> Result<()> {
        self.tell("accounts", accounts).map(|_| ())
    }

    /// Lets each refresh token renew a login once from now on; a second time ends it.
    ///
    /// # Errors
    /// It does not answer.
    pub fn renew_once(&self) -> Result<()> {
        self.tell("once", "").map(|_| ())
    }

    /// Lets its userinfo endpoint fail from now on, or not any more.
    ///
    /// # Errors
    /// It does not answer.
    pub fn fail_userinfo(&self, fails: bool) -> Result<()> {
        self.tell("failing", if fails { "/me" } else { "" }).map(|_| ())
    }

    /// Makes tokens from now on, and does not hand them out; with `false` does, those that wait too.
    ///
    /// # Errors
    /// It does not answer.
    pub fn hold(&self, held: bool) -> Result<()> {
        self.tell(if held { "hold" } else { "release" }, "").map(|_| ())
    }

    /// How often tokens were asked for.
    ///
    /// # Errors
    /// It does not answer.
    pub fn tokens(&self) -> Result<usize> {
        Ok(self.tell("tokens", "")?.parse()?)
    }

    /// Signs a token as it does for a job: `claims` is a JSON object; `iss` is added.
    ///
    /// # Errors
    /// It does not answer, or does not understand.
    pub fn sign(&self, claims: &str) -> Result<String> {
        self.tell("sign", &format!(r#"{{"header":{{}},"claims":{claims}}}"#))
    }

    /// Logs in as the one with this subject where `url` leads, as somebody with a browser would who agrees to everything;
    /// gives the URL that the browser is sent back to.
    ///
    /// # Errors
    /// It does not come to that.
    pub fn log_in(&self, url: &str, subject: &str) -> Result<String> {
        let jar = self.site.path().join(format!("cookies-of-{subject}"));
        // Another browser every time, so that nobody is logged in from before.
        if jar.exists() {
            fs::remove_file(&jar)?;
        }
        let jar = jar.display().to_string();
        let browser = Curl::new()?.with(["--cookie-jar", &jar, "--cookie", &jar]);
        let mut place = url.to_owned();
        let forms = [format!("prompt=login&login={subject}&password=any"), "prompt=consent".to_owned()];
        for form in forms {
            place = self.follow(&browser, &place, None)?;
            if place.starts_with(&self.redirect_uri) {
                return Ok(place);
            }
            place = self.follow(&browser, &place, Some(&form))?;
        }
        self.follow(&browser, &place, None)
    }

    /// Sends a request, and gives the place that its answer sends to.
    fn follow(&self, browser: &Curl, url: &str, form: Option<&str>) -> Result<String> {
        let method = if form.is_some() { "POST" } else { "GET" };
        let answer = browser.send(method, url, form.map(str::as_bytes))?;
        let location = answer
            .header("Location")
            .with_context(|| format!("{method} {url}: {} {}", answer.status, String::from_utf8_lossy(&answer.body)))?;
        Ok(if location.starts_with('/') { format!("{}{location}", self.issuer()) } else { location.to_owned() })
    }

    fn tell(&self, what: &str, body: &str) -> Result<String> {
        let answer = Curl::new()?.expect("POST", &format!("{}/tests/{what}", self.issuer()), Some(body.as_bytes()))?;
        Ok(String::from_utf8(answer.body)?)
    }
}

impl OidcSettings {
    fn json(&self, redirect: &str) -> String {
        let Self { algorithm, in_token, accounts } = self;
        let secret = OidcProvider::SECRET;
        format!(
            r#"{{"algorithm":"{algorithm}","in_token":{in_token},"accounts":{accounts},"secret":"{secret}","redirect":"{redirect}"}}"#
        )
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn signs_with_other_keys_after_a_rotation_and_leaves_nothing() -> Result<()> {
        let settings = OidcSettings { algorithm: "ES256", in_token: false, accounts: "{}" };
        let Some(server) = OidcProvider::start(&settings)? else { return Ok(()) };
        let keys =
            || -> Result<Vec<u8>> { Ok(Curl::new()?.expect("GET", &format!("{}/jwks", server.issuer()), None)?.body) };
        let before = keys()?;
        assert_eq!(before, keys()?);
        server.rotate()?;
        assert_ne!(before, keys()?);
        let token = server.sign(r#"{"sub":"job","aud":"acme"}"#)?;
        assert_eq!(token.matches('.').count(), 2);
        assert!(server.sign("no JSON").is_err());
        let (address, directory) = (server.address(), server.site.path().to_owned());
        drop(server);
        assert!(TcpStream::connect(address).is_err(), "it still listens");
        assert!(!directory.exists());
        Ok(())
    }
}
