//! The object stores that are known, a file each.

mod azure;
mod gcs;
mod memory;
mod oss;
mod s3;
mod swift;

pub use azure::Azure;
pub use gcs::Gcs;
pub use memory::Memory;
use opendal::{HttpTransporter, Operator};
pub use oss::Oss;
pub use s3::{AssumedRole, S3};
pub use swift::{Swift, SwiftLogin};

use super::config::Backend;
use super::failure::failure;
use super::{Built, Secret};
use crate::error::Error;

/// A key and its secret, as S3 and OSS have them.
#[derive(Clone, Debug)]
pub struct AccessKey {
    /// The part that is not secret.
    pub id: String,
    /// The part that is.
    pub secret: Secret,
    /// The token that temporary keys have besides.
    pub session_token: Option<Secret>,
}

/// Where a request says which bucket it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addressing {
    /// In the path: `https://store/bucket/key`.
    Path,
    /// In the host's name: `https://bucket.store/key`.
    Host,
}

impl Backend {
    /// Sets up what talks to the store. Nothing is asked of it, but of Swift a token.
    pub(super) async fn build(&self, http: HttpTransporter) -> Result<Built, Error> {
        match self {
            Self::Memory(memory) => Ok(memory.build()),
            Self::S3(s3) => s3.build(http),
            Self::Azure(azure) => azure.build(http),
            Self::Gcs(gcs) => gcs.build(),
            Self::Swift(swift) => swift.build(http).await,
            Self::Oss(oss) => oss.build(http),
        }
    }

    /// Whether the store is reached over TLS.
    pub(super) fn is_encrypted(&self) -> bool {
        match self {
            Self::Memory(_) => false,
            Self::S3(s3) => s3.endpoint.as_deref().is_none_or(is_https),
            Self::Azure(azure) => azure.endpoint.as_deref().is_none_or(is_https),
            Self::Gcs(gcs) => gcs.endpoint.as_deref().is_none_or(is_https),
            Self::Swift(swift) => swift.login.as_ref().is_none_or(|login| is_https(login.address())),
            Self::Oss(oss) => is_https(&oss.endpoint),
        }
    }
}

fn is_https(address: &str) -> bool {
    !address.starts_with("http://")
}

/// Ends an address with no slash, and begins it with a scheme.
fn tidy(address: &str) -> String {
    let address = address.trim_end_matches('/');
    if address.contains("://") { address.to_owned() } else { format!("https://{address}") }
}

fn operator(builder: impl opendal::Builder, bucket: &str) -> Result<Operator, Error> {
    Operator::new(builder).map_err(|error| failure("use", bucket, &error))
}
