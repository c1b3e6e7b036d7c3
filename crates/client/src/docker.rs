//! What docker keeps of logins, where it keeps them: a name and a password or token for each registry, in its own file or with a program
//! that this file names. podman and skopeo have files of the same form, and read docker's.

mod document;
mod helper;

use std::fmt;
use std::fs::{self, DirBuilder};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use self::document::Object;
use self::helper::Helper;
use crate::error::Error;

/// A file with logins.
#[derive(Clone, Debug)]
pub struct Logins {
    path: PathBuf,
}

/// A login: a name, and a password or a token. It prints no secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Kept {
    username: String,
    secret: String,
    /// Whether the token stands in place of a password, at the token service alone.
    is_identity: bool,
}

impl Kept {
    /// A name and what is shown with it.
    pub(crate) fn password(username: String, secret: String) -> Self {
        Self { username, secret, is_identity: false }
    }

    /// A token that docker shows in place of a password.
    pub(crate) fn identity(username: String, secret: String) -> Self {
        Self { username, secret, is_identity: true }
    }

    /// Who is logged in; empty if that is not kept.
    pub fn username(&self) -> &str {
        &self.username
    }

    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }

    /// The name and the password, if that is what it is.
    pub(crate) fn pair(&self) -> Option<(&str, &str)> {
        (!self.is_identity).then_some((self.username.as_str(), self.secret.as_str()))
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").field("username", &self.username).finish_non_exhaustive()
    }
}

/// A login as the file has it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    /// Name and password with a colon between, in base64.
    auth: String,
    /// What stands in place of the password.
    #[serde(rename = "identitytoken")]
    identity_token: String,
}

impl Entry {
    fn kept(self) -> Option<Kept> {
        let text = String::from_utf8(STANDARD.decode(&self.auth).ok()?).ok()?;
        // docker fills what it stores with zeros at times.
        let (name, password) = text.trim_end_matches('\0').split_once(':')?;
        let name = name.to_owned();
        if !self.identity_token.is_empty() {
            return Some(Kept::identity(name, self.identity_token));
        }
        let usable = !name.is_empty() && !password.is_empty();
        usable.then(|| Kept::password(name, password.to_owned()))
    }
}

impl Logins {
    /// Those of docker, which keeps its configuration in `directory`.
    pub fn of_docker(directory: &Path) -> Self {
        Self::at(directory.join("config.json"))
    }

    /// Those in a file.
    pub fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// Whether the file itself has a login for `registry`, as far as it can be read.
    pub fn has(&self, registry: &str) -> bool {
        self.in_file(registry).is_ok_and(|kept| kept.is_some())
    }

    /// What the file itself has for `registry`.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn in_file(&self, registry: &str) -> Result<Option<Kept>, Error> {
        self.entry(&self.read()?, registry)
    }

    /// Keeps a login for `registry`, in place of an older one, and says where.
    ///
    /// # Errors
    /// The file or the program that keeps logins cannot be used.
    pub fn keep(&self, registry: &str, kept: &Kept) -> Result<String, Error> {
        let mut document = self.read()?;
        let helper = self.helper(&document, registry)?;
        let auths = document.open("auths").map_err(|error| self.unreadable(&error))?;
        let pair = STANDARD.encode(match kept.is_identity {
            true => format!("{}:", kept.username),
            false => format!("{}:{}", kept.username, kept.secret),
        });
        let put = match (&helper, kept.is_identity) {
            // docker leaves an empty entry, by which it knows where somebody is logged in.
            (Some(_), _) => auths.put(registry, &[]),
            (None, true) => auths.put(registry, &[("auth", &pair), ("identitytoken", &kept.secret)]),
            (None, false) => auths.put(registry, &[("auth", &pair)]),
        };
        put.map_err(|error| self.unreadable(&error))?;
        if let Some(helper) = &helper {
            helper.store(registry, kept)?;
        }
        self.write(&document)?;
        Ok(helper.map_or_else(|| self.path.display().to_string(), |helper| helper.program().to_owned()))
    }

    /// Takes the login for `registry` away, and returns it.
    ///
    /// # Errors
    /// As with [`Logins::keep`].
    pub fn forget(&self, registry: &str) -> Result<Option<Kept>, Error> {
        let mut document = self.read()?;
        let mut kept = self.entry(&document, registry)?;
        if let Some(helper) = self.helper(&document, registry)?
            && let Some(found) = helper.get(registry)?
        {
            helper.erase(registry)?;
            kept = kept.or(Some(found));
        }
        if document.read::<Object>("auths").is_ok_and(|auths| auths.is_some()) {
            document.open("auths").map_err(|error| self.unreadable(&error))?.remove(registry);
            self.write(&document)?;
        }
        Ok(kept)
    }

    fn entry(&self, document: &Object, registry: &str) -> Result<Option<Kept>, Error> {
        let auths: Option<Object> = self.part(document, "auths")?;
        let entry: Option<Entry> = auths.map(|auths| self.part(&auths, registry)).transpose()?.flatten();
        Ok(entry.and_then(Entry::kept))
    }

    /// The program that keeps the login for `registry`, if one does.
    fn helper(&self, document: &Object, registry: &str) -> Result<Option<Helper>, Error> {
        let own: Option<Object> = self.part(document, "credHelpers")?;
        let own: Option<String> = own.map(|own| self.part(&own, registry)).transpose()?.flatten();
        let name = match own {
            Some(name) => Some(name),
            None => self.part(document, "credsStore")?,
        };
        name.filter(|name: &String| !name.is_empty()).map(|name| Helper::named(&name, &self.path)).transpose()
    }

    fn part<T: for<'a> Deserialize<'a>>(&self, document: &Object, key: &str) -> Result<Option<T>, Error> {
        document.read(key).map_err(|error| self.unreadable(&error))
    }

    /// The whole file; nothing is in one that is not there, or is empty.
    fn read(&self) -> Result<Object, Error> {
        let content = match fs::read(&self.path) {
            Ok(content) => content,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Object::default()),
            Err(error) => return Err(Error::file(&self.path, error)),
        };
        if content.trim_ascii().is_empty() {
            return Ok(Object::default());
        }
        serde_json::from_slice(&content).map_err(|error| self.unreadable(&error))
    }

    /// Puts another file in its place, whole and for its owner alone. A link to the file stays one.
    fn write(&self, document: &Object) -> Result<(), Error> {
        let failed = |error: std::io::Error| Error::file(&self.path, error);
        let text = document.text().map_err(|error| self.unreadable(&error))?;
        let path = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed)?;
        let mut file = tempfile::Builder::new().prefix(".logins").tempfile_in(directory).map_err(failed)?;
        file.write_all(&text).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
        file.persist(&path).map(drop).map_err(|error| failed(error.error))
    }

    /// Where in the file it is says enough; what stands there may be secret.
    fn unreadable(&self, error: &serde_json::Error) -> Error {
        Error::file(&self.path, format!("line {} is not as docker writes it", error.line().max(1)))
    }
}

#[cfg(test)]
mod tests;
