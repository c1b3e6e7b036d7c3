//! Azure Blob Storage.

use opendal::services;

use super::tidy;
use crate::error::Error;
use crate::objects::{Built, Secret, Traits};

/// A container of Azure Blob Storage.
///
/// Without `key` and `sas_token`, credentials come from the environment (`AZURE_CLIENT_ID`, …), a workload's identity or
/// the machine's managed identity.
///
/// Blocks of an object that was never completed cannot be listed by name; Azure removes them after a week by itself.
#[derive(Clone, Debug, Default)]
pub struct Azure {
    /// The storage account's name.
    pub account: String,
    /// The container's name.
    pub container: String,
    /// The address of the account, if it is not `https://<account>.blob.core.windows.net`.
    pub endpoint: Option<String>,
    /// One of the account's keys, in Base64.
    pub key: Option<Secret>,
    /// A shared access signature.
    pub sas_token: Option<Secret>,
}

impl Azure {
    pub(super) fn build(&self) -> Result<Built, Error> {
        let bucket = format!("azure://{}/{}", self.account, self.container);
        let endpoint = match &self.endpoint {
            Some(endpoint) => tidy(endpoint),
            None => format!("https://{}.blob.core.windows.net", self.account),
        };
        let mut builder =
            services::Azblob::default().container(&self.container).account_name(&self.account).endpoint(&endpoint);
        if let Some(key) = &self.key {
            builder = builder.account_key(key.reveal());
        }
        if let Some(token) = &self.sas_token {
            builder = builder.sas_token(token.reveal());
        }
        Ok(Built {
            operator: super::operator(builder, &bucket)?,
            traits: Traits { piece: 8 * 1024 * 1024, grows: true, conditional: false, removals: 256 },
            bucket,
            unfinished: None,
            http: None,
        })
    }
}
