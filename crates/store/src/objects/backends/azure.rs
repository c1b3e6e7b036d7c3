//! Azure Blob Storage.

use opendal::{HttpTransporter, services};
use reqsign_azure_storage::{RequestSigner, StaticCredentialProvider};
use reqsign_core::{Context, Signer};
use secrecy::ExposeSecret as _;

use super::tidy;
use crate::error::Error;
use crate::objects::signed::{Signed, Signing};
use crate::objects::{Built, Secret, Traits};

/// A container of Azure Blob Storage.
///
/// Addresses can be signed only with `key`.
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
    pub(super) fn build(&self, http: HttpTransporter) -> Result<Built, Error> {
        let bucket = format!("azure://{}/{}", self.account, self.container);
        let endpoint = match &self.endpoint {
            Some(endpoint) => tidy(endpoint),
            None => format!("https://{}.blob.core.windows.net", self.account),
        };
        let mut builder =
            services::Azblob::default().container(&self.container).account_name(&self.account).endpoint(&endpoint);
        if let Some(key) = &self.key {
            builder = builder.account_key(key.expose_secret());
        }
        if let Some(token) = &self.sas_token {
            builder = builder.sas_token(token.expose_secret());
        }
        // Only with the account's key can an address be signed that permits nothing but to read this one blob: the
        // library's own would also let write it, and one with `sas_token` would give that away.
        let signed = self.key.as_ref().map(|key| {
            let credential = StaticCredentialProvider::new_shared_key(&self.account, key.expose_secret());
            let rules = RequestSigner::new().with_service_sas_permissions("r");
            let signing = Signing::Azure(Signer::new(Context::new(), credential, rules));
            Signed::new(http, signing, format!("{endpoint}/{}", self.container))
        });
        Ok(Built {
            operator: super::operator(builder, &bucket)?,
            traits: Traits { removals: 256, signs: signed.is_some(), ..Traits::usual() },
            bucket,
            signed,
            http: None,
        })
    }
}
