//! Passwords: how they are kept, and how one is compared with what is kept.

use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

use crate::Error;

/// Memory of one hash in KiB, passes over it, and lanes: the second choice of OWASP's password storage cheat sheet.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Shortest password, in characters (NIST SP 800-63B, section 5.1.1.2).
pub const MIN_PASSWORD: usize = 8;
/// Longest, in bytes: more than anybody types, and not enough to be a burden.
pub const MAX_PASSWORD: usize = 1024;
/// Hashes that are made at one time: each takes a processor and [`MEMORY_KIB`].
const AT_ONCE: usize = 4;
/// A cost above which bcrypt hashes of an imported file are refused: each step doubles the time of a login.
const MAX_BCRYPT_COST: u32 = 14;

/// What is compared with a password when there is nothing to compare it with, so that the answer takes as long: the hash of
/// 32 random bytes that nobody kept.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXRoaW5nIHNhbHR5$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ";

/// Hashes and compares passwords, a few at a time, off the asynchronous threads.
#[derive(Debug)]
pub(crate) struct Passwords(Semaphore);

impl Passwords {
    pub(crate) fn new() -> Self {
        Self(Semaphore::new(AT_ONCE))
    }

    /// What is kept of a password that somebody chose.
    ///
    /// # Errors
    /// [`Error::Invalid`] if it is too short or too long.
    pub(crate) async fn hash(&self, password: &str) -> Result<String, Error> {
        if password.chars().count() < MIN_PASSWORD || password.len() > MAX_PASSWORD {
            let why = format!("it has to have {MIN_PASSWORD} characters, and {MAX_PASSWORD} bytes at most");
            return Err(Error::invalid("password", why));
        }
        let password = password.to_owned();
        self.blocking(move || {
            let hash = hasher()?.hash_password(password.as_bytes());
            hash.map(|hash| hash.to_string())
                .map_err(|error| Error::Internal(format!("cannot hash a password: {error}")))
        })
        .await
    }

    /// Whether `password` is the one of which `kept` was kept. With nothing kept it is not, and to find that out takes as long.
    pub(crate) async fn verify(&self, password: &str, kept: Option<&str>) -> Result<bool, Error> {
        if password.len() > MAX_PASSWORD {
            return Ok(false);
        }
        let (password, kept) = (password.to_owned(), kept.map(str::to_owned));
        self.blocking(move || Ok(matches(&password, kept.as_deref().unwrap_or(NOBODY)) && kept.is_some())).await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let _place = self.0.acquire().await.map_err(|error| Error::Internal(error.to_string()))?;
        tokio::task::spawn_blocking(work).await.map_err(|error| Error::Internal(error.to_string()))?
    }
}

fn hasher() -> Result<Argon2<'static>, Error> {
    let parameters = Params::new(MEMORY_KIB, PASSES, LANES, None);
    let parameters = parameters.map_err(|error| Error::Internal(format!("cannot hash a password: {error}")))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters))
}

fn matches(password: &str, kept: &str) -> bool {
    if is_bcrypt(kept) {
        return bcrypt::verify(password, kept).unwrap_or(false);
    }
    // The parameters are those that the hash names.
    let hash = PasswordHash::new(kept);
    hash.is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

/// Whether a hash is bcrypt's, as in htpasswd files, with a cost that can be borne.
pub(crate) fn is_bcrypt(kept: &str) -> bool {
    let mut fields = kept.split('$').skip(1);
    let version = fields.next().is_some_and(|version| matches!(version, "2a" | "2b" | "2x" | "2y"));
    let cost = fields.next().and_then(|cost| cost.parse::<u32>().ok());
    version && cost.is_some_and(|cost| cost <= MAX_BCRYPT_COST) && fields.next().is_some_and(|rest| rest.len() == 53)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_compared_with_what_was_kept_of_it() {
        let passwords = Passwords::new();
        let kept = passwords.hash("correct horse").await.unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        assert!(passwords.verify("correct horse", Some(&kept)).await.unwrap());
        assert!(!passwords.verify("correct horsf", Some(&kept)).await.unwrap());
        assert!(!passwords.verify("", Some(&kept)).await.unwrap());
        assert!(!passwords.verify("correct horse", None).await.unwrap());
        assert!(PasswordHash::new(NOBODY).is_ok(), "nobody's hash must cost what others cost");
        assert!(matches!(passwords.hash("short").await, Err(Error::Invalid { field: "password", .. })));
        assert!(passwords.hash(&"x".repeat(MAX_PASSWORD + 1)).await.is_err());
    }

    #[tokio::test]
    async fn bcrypt_of_htpasswd_files_is_known() {
        // htpasswd -nbB -C 5 ann correct-horse
        let kept = bcrypt::hash("correct-horse", 5).unwrap().replacen("$2b$", "$2y$", 1);
        assert!(is_bcrypt(&kept), "{kept}");
        assert!(Passwords::new().verify("correct-horse", Some(&kept)).await.unwrap());
        assert!(!Passwords::new().verify("battery", Some(&kept)).await.unwrap());
        for other in ["$2y$31$abc", "$apr1$x$y", "{SHA}x", "plain", ""] {
            assert!(!is_bcrypt(other), "{other}");
        }
    }
}
