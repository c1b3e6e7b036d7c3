//! Google Cloud Storage.

use std::path::PathBuf;

use opendal::services;

use super::tidy;
use crate::error::Error;
use crate::objects::failure::explained;
use crate::objects::{Built, Traits};

/// A bucket of Google Cloud Storage.
///
/// Without `credentials`, they come from the file in `GOOGLE_APPLICATION_CREDENTIALS`, from gcloud's own file, or from the
/// machine's service account.
///
/// An object that was never completed is a resumable session that nobody can list; Google ends it after a week by itself.
#[derive(Clone, Debug, Default)]
pub struct Gcs {
    /// The bucket's name.
    pub bucket: String,
    /// The address of the store, if it is not Google's.
    pub endpoint: Option<String>,
    /// A file with the key of a service account or a description of an external one (JSON).
    pub credentials: Option<PathBuf>,
    /// Send no credentials at all: for emulators.
    pub anonymous: bool,
    /// The storage class of new objects: `NEARLINE`, …
    pub storage_class: Option<String>,
}

impl Gcs {
    pub(super) fn build(&self) -> Result<Built, Error> {
        let bucket = format!("gs://{}", self.bucket);
        let mut builder = services::Gcs::default().bucket(&self.bucket);
        if let Some(endpoint) = &self.endpoint {
            builder = builder.endpoint(&tidy(endpoint));
        }
        if let Some(path) = &self.credentials {
            let text = path.to_str();
            let text =
                text.ok_or_else(|| Error::Io(explained("use", &bucket, "the path of its credentials is no UTF-8")))?;
            builder = builder.credential_path(text);
        }
        if self.anonymous {
            builder = builder.skip_signature().disable_config_load().disable_vm_metadata();
        }
        if let Some(class) = &self.storage_class {
            builder = builder.default_storage_class(class);
        }
        Ok(Built {
            operator: super::operator(builder, &bucket)?,
            // A request that removes many objects counts as many, so one each is as good.
            traits: Traits { conditional: true, signs: !self.anonymous, ..Traits::usual() },
            bucket,
            signed: None,
            http: None,
        })
    }
}
