//! What docker keeps of logins, where it keeps them in its own file: a name and a password or token for each registry.
//!
//! A login token that docker got in place of the password is not taken: it is good for pushing and pulling alone. Neither is what
//! is in a store of the operating system, which only docker's own helpers open.

use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::error::Error;

#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    auths: HashMap<String, Login>,
}

#[derive(Deserialize)]
struct Login {
    /// Name and password with a colon between, in base64.
    #[serde(default)]
    auth: String,
    /// What stands in place of the password.
    #[serde(default, rename = "identitytoken")]
    identity_token: String,
}

/// The name and the password that docker shows to `registry`, if the file at `path` has them.
pub(crate) fn login(path: &Path, registry: &str) -> Result<Option<(String, String)>, Error> {
    let content = match fs::read(path) {
        Ok(content) => content,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::file(path, error)),
    };
    // Where in the file it is says enough; what stands there may be secret.
    let unreadable = |error: serde_json::Error| format!("line {} is not as docker writes it", error.line());
    let config: Config = serde_json::from_slice(&content).map_err(|error| Error::file(path, unreadable(error)))?;
    Ok(config.auths.get(registry).and_then(Login::password))
}

impl Login {
    fn password(&self) -> Option<(String, String)> {
        let text = String::from_utf8(STANDARD.decode(&self.auth).ok()?).ok()?;
        let (name, password) = text.split_once(':')?;
        let usable = self.identity_token.is_empty() && !name.is_empty() && !password.is_empty();
        usable.then(|| (name.to_owned(), password.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_found_where_docker_left_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.json");
        assert_eq!(login(&path, "localhost:5000").unwrap(), None);
        let auth = STANDARD.encode("ann:landed:and-stored");
        let content = format!(
            r#"{{"auths":{{"localhost:5000":{{"auth":"{auth}"}},"kept.acme.example":{{}},
                "token.acme.example":{{"auth":"{auth}","identitytoken":"x"}}}},"credsStore":"pass"}}"#
        );
        fs::write(&path, content).unwrap();
        let expected = Some(("ann".to_owned(), "landed:and-stored".to_owned()));
        assert_eq!(login(&path, "localhost:5000").unwrap(), expected);
        for registry in ["localhost", "kept.acme.example", "token.acme.example"] {
            assert_eq!(login(&path, registry).unwrap(), None, "{registry}");
        }
        fs::write(&path, r#"{"auths":"secret"}"#).unwrap();
        let error = login(&path, "localhost").unwrap_err().to_string();
        assert!(error.ends_with("config.json: line 1 is not as docker writes it"), "{error}");
    }
}
