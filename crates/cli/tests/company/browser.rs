//! A browser that keeps cookies, as far as logging in needs one.

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use entrepot_test_harness::{Answer, Registry, get, post};
use entrepot_test_support::servers::OidcProvider;

use crate::SOON;

/// Where people reach the registry. It listens elsewhere, so what begins with this is asked for there.
pub(crate) const PUBLIC_URL: &str = "http://registry.acme.example";

/// Somebody's browser.
#[derive(Clone, Debug, Default)]
pub(crate) struct Browser {
    cookies: BTreeMap<String, String>,
}

impl Browser {
    /// Asks for a page, and keeps the cookies that come with it.
    pub(crate) fn look(&mut self, registry: &Registry, place: &str) -> Result<Answer> {
        let path = place.strip_prefix(PUBLIC_URL).unwrap_or(place);
        let answer = registry.ask(&get(path).header("Cookie", self.cookie()))?;
        self.take(&answer);
        Ok(answer)
    }

    /// Sends a form of the page at `path`.
    pub(crate) fn send(&mut self, registry: &Registry, path: &str, form: &str) -> Result<Answer> {
        let page = self.look(registry, path)?.expect(200)?.text();
        let (_, rest) = page.split_once("name=\"csrf\" value=\"").context("a page without a form")?;
        let code = rest.split('"').next().unwrap_or_default();
        let request = post(path)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .header("Sec-Fetch-Site", "same-origin")
            .header("Cookie", self.cookie())
            .body(format!("csrf={code}&{form}"));
        let answer = registry.ask(&request)?;
        self.take(&answer);
        Ok(answer)
    }

    /// As far as the provider's page: where that is.
    pub(crate) fn leave(&mut self, registry: &Registry, next: &str) -> Result<String> {
        let page = self.look(registry, &format!("/login?next={next}"))?.expect(200)?.text();
        let (before, _) = page.split_once(">Log in with Acme</a>").context("no button")?;
        let place =
            before.rsplit("href=\"").next().and_then(|rest| rest.split('"').next()).context("it leads nowhere")?;
        ensure!(place.starts_with(PUBLIC_URL), "the button leads to {place}");
        let place = place.to_owned();
        let answer = self.look(registry, &place)?.expect(303)?;
        Ok(answer.required("location")?.to_owned())
    }

    /// As far as the way back, as the one with this subject there.
    pub(crate) fn come_back(&mut self, registry: &Registry, provider: &OidcProvider, subject: &str) -> Result<String> {
        let place = self.leave(registry, "/settings/tokens")?;
        provider.log_in(&place, subject)
    }

    /// All of it: the answer in the end.
    pub(crate) fn log_in(&mut self, registry: &Registry, provider: &OidcProvider, subject: &str) -> Result<Answer> {
        let back = self.come_back(registry, provider, subject)?;
        self.look(registry, &back)
    }

    /// Makes a token on the page for that.
    pub(crate) fn make_token(&mut self, registry: &Registry) -> Result<String> {
        let made = self.send(registry, "/settings/tokens", "label=laptop&scopes=pull&scopes=push&lifetime=30")?;
        let text = made.expect(200)?.text();
        let at = text.find("ept_").context("no token")?;
        Ok(text[at..].chars().take_while(|letter| letter.is_ascii_alphanumeric() || "-_".contains(*letter)).collect())
    }

    /// Whether somebody is logged in.
    pub(crate) fn is_in(&mut self, registry: &Registry) -> Result<bool> {
        Ok(self.look(registry, "/settings")?.status == 200)
    }

    /// Waits until nobody is logged in any more: what a replica remembers it may believe for a second.
    pub(crate) fn falls_out(&mut self, registry: &Registry) -> Result<()> {
        let start = Instant::now();
        while self.is_in(registry)? {
            ensure!(start.elapsed() < SOON, "the session goes on");
            sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// With another's cookie of this name in place of its own.
    pub(crate) fn with_cookie_of(mut self, other: &Self, name: &str) -> Result<Self> {
        let value = other.cookies.get(name).with_context(|| format!("no cookie {name}"))?;
        self.cookies.insert(name.to_owned(), value.clone());
        Ok(self)
    }

    fn take(&mut self, answer: &Answer) {
        for (_, cookie) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let pair = cookie.split(';').next().and_then(|pair| pair.split_once('='));
            let Some((name, value)) = pair else { continue };
            match value {
                "" => drop(self.cookies.remove(name)),
                value => drop(self.cookies.insert(name.to_owned(), value.to_owned())),
            }
        }
    }

    fn cookie(&self) -> String {
        let pairs: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("; ")
    }
}
