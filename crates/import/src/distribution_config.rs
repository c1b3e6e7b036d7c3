//! What the configuration of a distribution registry (`config.yml`) means here.

mod rules;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use self::rules::{Meaning, RULES};
use crate::Error;

/// A configuration, as it is meant here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Translated {
    /// Settings of ours, as TOML, by section; those of the empty section belong to none.
    settings: BTreeMap<&'static str, BTreeMap<&'static str, String>>,
    /// What to do besides.
    todo: Vec<String>,
    /// What was set there and has no meaning here, with why.
    without: Vec<(String, String)>,
}

impl Translated {
    /// Reads `config.yml`.
    ///
    /// # Errors
    /// [`Error::Unreadable`]: it is no YAML of such a form.
    pub fn of(text: &str) -> Result<Self, Error> {
        let document: Value = serde_saphyr::from_str(text).map_err(|error| Error::unreadable("it", error))?;
        if document.get("storage").is_none() {
            return Err(Error::unreadable(
                "it",
                "it has no section storage, so it is not the configuration of a registry",
            ));
        }
        let mut given = BTreeMap::new();
        flatten("", &document, &mut given);
        let mut translated = Self::default();
        for (key, value) in &given {
            translated.take(key, value);
        }
        translated.add_what_differs(&given);
        Ok(translated)
    }

    /// Where the data of the old registry is, as the settings of a store; `None` if it is in no bucket.
    pub fn store(&self) -> Option<String> {
        let backend = self.settings.get("store")?.get("backend")?;
        let kept: Vec<_> =
            self.settings.iter().filter(|(name, _)| **name == "store" || format!("\"{name}\"") == *backend).collect();
        let mut text = String::new();
        for (name, settings) in kept {
            section(&mut text, name, settings);
        }
        Some(text)
    }

    fn take(&mut self, key: &str, value: &Value) {
        let Some((_, meaning)) = RULES.iter().find(|(known, _)| *known == key || is_below(key, known)) else {
            return self.without(key, "it is not known here");
        };
        match meaning {
            Meaning::Setting(section, name, written) => match written(value) {
                Some(written) => {
                    self.settings.entry(section).or_default().insert(name, written);
                }
                None => self.without(key, "its value has no meaning here"),
            },
            Meaning::Todo(sentence) => self.todo.push(sentence.replace("{}", &shown(value))),
            Meaning::Without(why) => self.without(key, why),
            Meaning::Nothing => {}
        }
    }

    fn without(&mut self, key: &str, why: &str) {
        self.without.push((key.to_owned(), why.to_owned()));
    }

    /// What holds there if nothing is said, and here does not.
    fn add_what_differs(&mut self, given: &BTreeMap<String, &Value>) {
        self.settings.entry("registry").or_default().entry("delete").or_insert_with(|| "false".to_owned());
        for backend in ["s3", "azure", "gcs", "oss", "swift"] {
            let prefix = format!("storage.{backend}.");
            if given.keys().any(|key| key.starts_with(&prefix)) {
                self.settings.entry("store").or_default().insert("backend", format!("\"{backend}\""));
            }
        }
        if given.get("storage.s3.secure").is_some_and(|secure| **secure == Value::Bool(false))
            && let Some(endpoint) = self.settings.get_mut("s3").and_then(|s3| s3.get_mut("endpoint"))
            && !endpoint.contains("://")
        {
            *endpoint = endpoint.replacen('"', "\"http://", 1);
        }
    }
}

/// Whether a key is of a group that is known as a whole.
fn is_below(key: &str, known: &str) -> bool {
    known.ends_with('.') && key.starts_with(known)
}

/// The settings by their path, with dots between.
fn flatten<'a>(path: &str, value: &'a Value, given: &mut BTreeMap<String, &'a Value>) {
    match value {
        Value::Object(entries) if !entries.is_empty() => {
            for (name, value) in entries {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                flatten(&path, value, given);
            }
        }
        value => {
            given.insert(path.to_owned(), value);
        }
    }
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn section(text: &mut String, name: &str, settings: &BTreeMap<&'static str, String>) {
    if !name.is_empty() {
        // Writing to memory does not fail.
        let _written = writeln!(text, "\n[{name}]");
    }
    for (key, value) in settings {
        let _written = writeln!(text, "{key} = {value}");
    }
}

impl std::fmt::Display for Translated {
    /// The settings, and the rest as comments behind them.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = String::new();
        for (name, settings) in &self.settings {
            section(&mut text, name, settings);
        }
        f.write_str(text.trim_start())?;
        if !self.todo.is_empty() {
            f.write_str("\n# To be done besides:\n")?;
        }
        self.todo.iter().try_for_each(|sentence| writeln!(f, "# - {sentence}"))?;
        if !self.without.is_empty() {
            f.write_str("\n# Without a meaning here:\n")?;
        }
        self.without.iter().try_for_each(|(key, why)| writeln!(f, "# - {key}: {why}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &str = r#"
version: 0.1
log:
  level: warn
  formatter: json
  accesslog:
    disabled: true
  fields:
    service: registry
storage:
  s3:
    accesskey: acme
    secretkey: "s3cret \"with\" quotes"
    region: eu-central-1
    regionendpoint: minio.acme.example:9000
    bucket: images
    rootdirectory: /old/data
    secure: false
    forcepathstyle: true
    chunksize: 5242880
  delete:
    enabled: true
  cache:
    blobdescriptor: redis
  maintenance:
    uploadpurging:
      enabled: true
      age: 168h
      interval: 24h
      dryrun: false
auth:
  htpasswd:
    realm: basic-realm
    path: /etc/registry/htpasswd
http:
  addr: :5000
  secret: asecretforlocaldevelopment
  host: https://registry.acme.example
  tls:
    certificate: /etc/registry/cert.pem
    key: /etc/registry/key.pem
  headers:
    X-Content-Type-Options: [nosniff]
notifications:
  endpoints:
    - name: alistener
      url: https://events.acme.example
proxy:
  remoteurl: https://registry-1.docker.io
invented:
  key: 1
"#;

    #[test]
    fn what_has_a_meaning_is_said_in_our_words() {
        let told = Translated::of(FULL).unwrap().to_string();
        for line in [
            "listen = \"0.0.0.0:5000\"",
            "[access]\nanonymous = \"none\"",
            "[http]\npublic_url = \"https://registry.acme.example\"",
            "access = false\nformat = \"json\"\nlevel = \"warn\"",
            "[registry]\ndelete = true",
            "access_key_id = \"acme\"",
            "endpoint = \"http://minio.acme.example:9000\"",
            "secret_access_key = \"s3cret \\\"with\\\" quotes\"",
            "prefix = \"old/data\"",
            "path_style = true",
            "[store]\nbackend = \"s3\"",
            "[tls]\ncert = \"/etc/registry/cert.pem\"\nkey = \"/etc/registry/key.pem\"",
            "expire_after = \"168h\"\npurge_interval = \"24h\"",
            "# - take the users over: entrepot user import-htpasswd /etc/registry/htpasswd",
            "# - http.secret: ",
            "# - notifications.endpoints: ",
            "# - proxy.remoteurl: ",
            "# - invented.key: it is not known here",
        ] {
            assert!(told.contains(line), "{line:?} is not in\n{told}");
        }
        assert!(!told.contains("asecretforlocaldevelopment"));
    }

    #[test]
    fn a_store_is_told_alone() {
        let store = Translated::of(FULL).unwrap().store().unwrap();
        assert!(store.contains("bucket = \"images\"") && store.contains("backend = \"s3\""), "{store}");
        assert!(!store.contains("[tls]"), "{store}");
        assert_eq!(Translated::of("storage:\n  filesystem:\n    rootdirectory: /x\n").unwrap().store(), None);
    }

    #[test]
    fn deleting_is_off_there_unless_it_is_said() {
        let told = Translated::of("version: 0.1\nstorage:\n  filesystem: {}\n").unwrap().to_string();
        assert_eq!(told, "[registry]\ndelete = false\n");
    }

    #[test]
    fn other_documents_are_refused() {
        for text in ["", "a: [", "services: {}", "42"] {
            assert!(Translated::of(text).is_err(), "{text:?}");
        }
    }
}
