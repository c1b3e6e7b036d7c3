//! A browser: it keeps cookies, and sends the forms that it was shown.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use entrepot_test_harness::{Answer, Request, get, post};
use entrepot_test_people::PASSWORD;

use crate::Scene;

/// The cookie of a session, over plain HTTP.
pub(crate) const SESSION: &str = "entrepot";
/// A page that only who is logged in sees.
const SETTINGS: &str = "/settings";

pub(crate) struct Browser<'a> {
    scene: &'a Scene,
    pub(crate) cookies: BTreeMap<String, String>,
    /// The name under which it reaches the registry, if that matters.
    pub(crate) host: Option<&'static str>,
}

impl<'a> Browser<'a> {
    pub(crate) fn of(scene: &'a Scene) -> Self {
        Self { scene, cookies: BTreeMap::new(), host: None }
    }

    /// A browser in which somebody without a second factor has logged in.
    pub(crate) fn in_which(scene: &'a Scene, name: &str) -> Result<Self> {
        let mut browser = Self::of(scene);
        browser.log_in(name)?.expect(303)?;
        Ok(browser)
    }

    /// Sends the log-in form.
    pub(crate) fn log_in(&mut self, name: &str) -> Result<Answer> {
        self.send("/login", "/login", &[("name", name), ("password", PASSWORD)])
    }

    /// Logs in as somebody with a second factor, as far as a password goes.
    pub(crate) fn half_way(&mut self, name: &str) -> Result<String> {
        between(&self.log_in(name)?.expect(200)?.text(), "name=\"waiting\" value=\"", "\"")
    }

    /// Shows a second factor.
    pub(crate) fn prove(&mut self, waiting: &str, code: &str) -> Result<Answer> {
        self.send("/login", "/login/second-factor", &[("waiting", waiting), ("code", code)])
    }

    pub(crate) fn look(&mut self, path: &str) -> Result<Answer> {
        self.ask(get(path))
    }

    /// Whether somebody is logged in.
    pub(crate) fn is_in(&mut self) -> Result<bool> {
        Ok(self.look(SETTINGS)?.status == 200)
    }

    /// Whether this person is logged in, whom each page names.
    pub(crate) fn is_in_as(&mut self, name: &str) -> Result<bool> {
        Ok(self.look(SETTINGS)?.text().contains(&format!(">{name}</a>")))
    }

    /// Sends a form that `page` shows to `action`.
    pub(crate) fn send(&mut self, page: &str, action: &str, fields: &[(&str, &str)]) -> Result<Answer> {
        let shown = self.look(page)?;
        let csrf = between(&shown.text(), "name=\"csrf\" value=\"", "\"").with_context(|| page.to_owned())?;
        let mut form = format!("csrf={csrf}");
        for (name, value) in fields {
            form.push_str(&format!("&{name}={}", value.replace(' ', "+")));
        }
        let request = post(action).header("Content-Type", "application/x-www-form-urlencoded");
        self.ask(request.header("Sec-Fetch-Site", "same-origin").body(form))
    }

    fn ask(&mut self, request: Request) -> Result<Answer> {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = if cookies.is_empty() { request } else { request.header("Cookie", cookies.join("; ")) };
        let request = if let Some(host) = self.host { request.header("Host", host) } else { request };
        let answer = self.scene.ask(&request)?;
        for cookie in answer.joined("set-cookie").unwrap_or_default().split(", ") {
            let Some((name, value)) = cookie.split(';').next().and_then(|pair| pair.split_once('=')) else { continue };
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Ok(answer)
    }
}

/// What stands between two texts.
pub(crate) fn between(text: &str, before: &str, after: &str) -> Result<String> {
    let found = text.split_once(before).and_then(|(_, rest)| rest.split_once(after));
    let (found, _) = found.with_context(|| format!("no {before} in {text}"))?;
    Ok(found.to_owned())
}
