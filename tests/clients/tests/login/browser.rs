//! A browser as far as it is needed here: curl, which keeps cookies, and finds the code of a form in its page.

use anyhow::{Context as _, Result, ensure};
use entrepot_client_tests::tool::Tool;
use entrepot_test_people::PASSWORD;

use crate::Port;

/// Somebody's browser.
pub(crate) struct Browser {
    curl: Tool,
    origin: String,
}

impl Browser {
    /// One in which `name` is logged in; `None` if there is no curl.
    pub(crate) fn logged_in(port: &Port, name: &str) -> Result<Option<Self>> {
        let home = port.registry.directory();
        let Some(curl) = Tool::find("curl", home) else { return Ok(None) };
        let jar = home.join(format!("{name}.cookies"));
        let curl = curl
            .with_arguments(["--silent", "--show-error", "--fail-with-body"])
            .with_arguments([
                "--cacert".as_ref(),
                port.registry.authority.as_ref().context("no authority")?.as_os_str(),
            ])
            .with_arguments(["--cookie".as_ref(), jar.as_os_str(), "--cookie-jar".as_ref(), jar.as_os_str()]);
        let browser = Self { curl, origin: format!("https://{}", port.registry.host) };
        browser.send("/login", "/login", &[("name", name), ("password", PASSWORD)])?;
        Ok(Some(browser))
    }

    /// What is on a page.
    pub(crate) fn look(&self, page: &str) -> Result<String> {
        let url = if page.starts_with('/') { format!("{}{page}", self.origin) } else { page.to_owned() };
        self.curl.run([url])
    }

    /// Sends a form of `page`, and goes where that leads.
    pub(crate) fn send(&self, page: &str, form: &str, fields: &[(&str, &str)]) -> Result<String> {
        let shown = self.look(page)?;
        let (_, rest) = shown.split_once("name=\"csrf\" value=\"").context("a page without a form")?;
        let code = rest.split('"').next().context("no code")?;
        let fields = fields.iter().copied().chain([("csrf", code)]).map(|(name, value)| format!("{name}={value}"));
        let fields: Vec<_> = fields.flat_map(|field| ["--data-urlencode".to_owned(), field]).collect();
        let origin = ["--header".to_owned(), format!("Origin: {}", self.origin), "--location".to_owned()];
        let answer = self.curl.run(fields.into_iter().chain(origin).chain([format!("{}{form}", self.origin)]))?;
        ensure!(!answer.contains("role=\"alert\""), "{form}: {answer}");
        Ok(answer)
    }
}
