//! Which endpoint of the distribution API a path names.

use std::borrow::Cow;

use entrepot_oci::{Digest, InvalidDigest, InvalidName, InvalidReference, Reference, RepositoryName};
use entrepot_registry::UploadId;

/// An endpoint with its parameters; ids are those of the distribution-spec, "Endpoints".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `/v2/` (end-1)
    Base,
    /// `/v2/_catalog`
    Catalog,
    /// `/v2/<name>/tags/list` (end-8)
    Tags(RepositoryName),
    /// `/v2/<name>/manifests/<reference>` (end-3, 7, 9)
    Manifest(RepositoryName, Reference),
    /// `/v2/<name>/blobs/<digest>` (end-2, 10)
    Blob(RepositoryName, Digest),
    /// `/v2/<name>/blobs/uploads/` (end-4, 11)
    Uploads(RepositoryName),
    /// `/v2/<name>/blobs/uploads/<id>` (end-5, 6, 13, 14)
    Upload(RepositoryName, UploadId),
    /// `/v2/<name>/referrers/<digest>` (end-12)
    Referrers(RepositoryName, Digest),
}

/// Why a path names no endpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPath {
    /// It has the form of none.
    #[error("there is nothing at this path")]
    Unknown,
    /// The repository name is malformed.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// The digest is malformed.
    #[error(transparent)]
    Digest(#[from] InvalidDigest),
    /// The tag or digest after `/manifests/` is malformed.
    #[error(transparent)]
    Reference(#[from] InvalidReference),
    /// What stands in place of an upload id is none that was given out.
    #[error("no upload has this id")]
    Upload,
}

impl Endpoint {
    /// Reads a path. It is read from its end, because a repository may be called `acme/blobs/tags`.
    ///
    /// # Errors
    /// [`InvalidPath`].
    pub fn parse(path: &str) -> Result<Self, InvalidPath> {
        let path = decode(path).ok_or(InvalidPath::Unknown)?;
        let rest = match &*path {
            "/v2" | "/v2/" => return Ok(Self::Base),
            "/v2/_catalog" => return Ok(Self::Catalog),
            other => other.strip_prefix("/v2/").ok_or(InvalidPath::Unknown)?,
        };
        if let Some(name) = rest.strip_suffix("/blobs/uploads/").or_else(|| rest.strip_suffix("/blobs/uploads")) {
            return Ok(Self::Uploads(name.parse()?));
        }
        if let Some(name) = rest.strip_suffix("/tags/list") {
            return Ok(Self::Tags(name.parse()?));
        }
        let (before, last) = rest.rsplit_once('/').ok_or(InvalidPath::Unknown)?;
        if let Some(name) = before.strip_suffix("/manifests") {
            Ok(Self::Manifest(name.parse()?, last.parse()?))
        } else if let Some(name) = before.strip_suffix("/blobs/uploads") {
            Ok(Self::Upload(name.parse()?, last.parse().map_err(|_| InvalidPath::Upload)?))
        } else if let Some(name) = before.strip_suffix("/blobs") {
            Ok(Self::Blob(name.parse()?, last.parse()?))
        } else if let Some(name) = before.strip_suffix("/referrers") {
            Ok(Self::Referrers(name.parse()?, last.parse()?))
        } else {
            Err(InvalidPath::Unknown)
        }
    }

    /// Its name in metrics.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Catalog => "catalog",
            Self::Tags(_) => "tags",
            Self::Manifest(..) => "manifest",
            Self::Blob(..) => "blob",
            Self::Uploads(_) => "uploads",
            Self::Upload(..) => "upload",
            Self::Referrers(..) => "referrers",
        }
    }
}

/// Undoes percent-encoding; some clients write the colon of a digest as `%3A`.
fn decode(path: &str) -> Option<Cow<'_, str>> {
    percent_encoding::percent_decode_str(path).decode_utf8().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn paths() {
        let name = |text: &str| text.parse::<RepositoryName>().unwrap();
        let digest: Digest = DIGEST.parse().unwrap();
        let tag = |text: &str| Reference::Tag(text.parse().unwrap());
        let id = "0190a000-0000-7000-8000-000000000000";
        let table = [
            ("/v2".to_owned(), Ok(Endpoint::Base)),
            ("/v2/".to_owned(), Ok(Endpoint::Base)),
            ("/v2/_catalog".to_owned(), Ok(Endpoint::Catalog)),
            ("/v2/a/tags/list".to_owned(), Ok(Endpoint::Tags(name("a")))),
            ("/v2/a/b/manifests/1.0".to_owned(), Ok(Endpoint::Manifest(name("a/b"), tag("1.0")))),
            (format!("/v2/a/manifests/{DIGEST}"), Ok(Endpoint::Manifest(name("a"), Reference::Digest(digest)))),
            (format!("/v2/a/blobs/{}", DIGEST.replace(':', "%3A")), Ok(Endpoint::Blob(name("a"), digest))),
            ("/v2/a/blobs/uploads/".to_owned(), Ok(Endpoint::Uploads(name("a")))),
            ("/v2/a/blobs/uploads".to_owned(), Ok(Endpoint::Uploads(name("a")))),
            (format!("/v2/a/blobs/uploads/{id}"), Ok(Endpoint::Upload(name("a"), id.parse().unwrap()))),
            (format!("/v2/a/referrers/{DIGEST}"), Ok(Endpoint::Referrers(name("a"), digest))),
            (
                "/v2/acme/blobs/tags/manifests/list".to_owned(),
                Ok(Endpoint::Manifest(name("acme/blobs/tags"), tag("list"))),
            ),
            ("/v2/manifests/manifests/x".to_owned(), Ok(Endpoint::Manifest(name("manifests"), tag("x")))),
            ("/v2/A/tags/list".to_owned(), Err(InvalidPath::Name(InvalidName))),
            ("/v2//tags/list".to_owned(), Err(InvalidPath::Name(InvalidName))),
            ("/v2/a/blobs/sha256:0".to_owned(), Err(InvalidPath::Digest(InvalidDigest::Hash))),
            ("/v2/a/blobs/uploads/0".to_owned(), Err(InvalidPath::Upload)),
            ("/v2/a".to_owned(), Err(InvalidPath::Unknown)),
            ("/v2/a/b".to_owned(), Err(InvalidPath::Unknown)),
            ("/v2/localhost:5000/a/_trust/tuf/root.json".to_owned(), Err(InvalidPath::Unknown)),
            ("/v2/%ff".to_owned(), Err(InvalidPath::Unknown)),
            ("/".to_owned(), Err(InvalidPath::Unknown)),
        ];
        for (path, expected) in table {
            assert_eq!(Endpoint::parse(&path), expected, "{path}");
        }
    }
}
