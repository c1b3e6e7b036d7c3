//! What an old registry has, as an import asks for it.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::pin::Pin;

use bytes::Bytes;
use entrepot_oci::Digest;
use entrepot_registry::BodyError;
use futures_util::Stream;

use crate::Error;

/// A registry whose content is taken over. It may go on changing meanwhile.
pub trait Source: Send + Sync {
    /// The names of its repositories, in order.
    ///
    /// # Errors
    /// It cannot be read at all.
    fn repositories(&self) -> impl Future<Output = Result<Vec<String>, Error>> + Send;

    /// What a repository has.
    ///
    /// # Errors
    /// [`Error::Unreadable`].
    fn contents(&self, repository: &str) -> impl Future<Output = Result<Contents, Error>> + Send;

    /// A manifest of a repository, of at most `limit` bytes. They have not been compared with the digest.
    ///
    /// # Errors
    /// [`Error::Unreadable`].
    fn manifest(
        &self,
        repository: &str,
        digest: &Digest,
        limit: u64,
    ) -> impl Future<Output = Result<RawManifest, Error>> + Send;

    /// Where the bytes of a blob are; `None` if the repository does not have it.
    ///
    /// # Errors
    /// [`Error::Unreadable`].
    fn blob(&self, repository: &str, digest: &Digest) -> impl Future<Output = Result<Option<Place>, Error>> + Send;
}

/// What a repository has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// Its manifests.
    pub manifests: HashSet<Digest>,
    /// Its tags, with what each shows, or why that cannot be told.
    pub tags: BTreeMap<String, Result<Digest, String>>,
    /// What is there under a name that it should not have, each a sentence.
    pub odd: Vec<String>,
    /// Uploads that nobody finished.
    pub unfinished: usize,
}

/// A manifest, as it is kept.
#[derive(Clone, Debug)]
pub struct RawManifest {
    /// Its bytes.
    pub content: Bytes,
    /// What is said of its type besides.
    pub media_type: Option<String>,
}

/// Where the bytes of a blob are.
pub enum Place {
    /// In a file.
    File {
        /// Which.
        path: PathBuf,
        /// Its bytes.
        size: u64,
    },
    /// They come in pieces.
    Stream {
        /// How many bytes there are.
        size: u64,
        /// The pieces.
        body: Body,
    },
}

/// The bytes of a blob on their way.
pub type Body = Pin<Box<dyn Stream<Item = Result<Bytes, BodyError>> + Send>>;

impl Place {
    /// How many bytes there are.
    pub fn size(&self) -> u64 {
        match self {
            Self::File { size, .. } | Self::Stream { size, .. } => *size,
        }
    }
}
