//! Aliyun Object Storage Service.

mod signing;

use opendal::{HttpTransporter, services};
use reqsign_aliyun_oss::{
    Credential, DefaultCredentialProvider, RequestSigner, SigningVersion, StaticCredentialProvider,
};
use reqsign_core::{Context, OsEnv, ProvideCredentialChain, Signer};
use reqsign_file_read_tokio::TokioFileRead;
use secrecy::ExposeSecret as _;

use self::signing::SigningTransport;
use super::{AccessKey, Addressing, tidy};
use crate::error::Error;
use crate::objects::failure::explained;
use crate::objects::signed::{Signed, Signing};
use crate::objects::{Built, Traits};

/// A bucket of Aliyun OSS. Requests are signed by its version 4, the only one that new accounts may use.
///
/// Without `key`, credentials come from the environment (`ALIBABA_CLOUD_ACCESS_KEY_ID`, …), an OIDC token or the
/// instance's role.
#[derive(Clone, Debug)]
pub struct Oss {
    /// The bucket's name.
    pub bucket: String,
    /// The address of the region: `https://oss-cn-hangzhou.aliyuncs.com`.
    pub endpoint: String,
    /// The region, `cn-hangzhou`; taken from the address if that is Aliyun's.
    pub region: Option<String>,
    /// In the host's name is what OSS itself takes.
    pub addressing: Addressing,
    /// A fixed key.
    pub key: Option<AccessKey>,
    /// How the store encrypts new objects: `AES256` or `KMS`; the bucket's own setting if not set.
    pub encryption: Option<String>,
}

impl Oss {
    pub(super) fn build(&self, http: HttpTransporter) -> Result<Built, Error> {
        let bucket = format!("oss://{}", self.bucket);
        let region = self.region().ok_or_else(|| {
            let why = "its region is not set, and cannot be told from its address";
            Error::Io(explained("use", &bucket, why))
        })?;
        let style = match self.addressing {
            Addressing::Path => "path",
            Addressing::Host => "virtual",
        };
        let endpoint = tidy(&self.endpoint);
        let mut builder =
            services::Oss::default().bucket(&self.bucket).endpoint(&endpoint).addressing_style(style).skip_signature();
        if let Some(encryption) = &self.encryption {
            builder = builder.server_side_encryption(encryption);
        }
        let context = Context::new().with_file_read(TokioFileRead).with_env(OsEnv).with_http_send(http.clone());
        let signer = RequestSigner::new(&self.bucket).with_region(region).with_signing_version(SigningVersion::V4);
        let signing = Signing::Oss(Signer::new(context, self.credentials(), signer));
        let address = match self.addressing {
            Addressing::Path => format!("{endpoint}/{}", self.bucket),
            Addressing::Host => endpoint.replacen("://", &format!("://{}.", self.bucket), 1),
        };
        Ok(Built {
            operator: super::operator(builder, &bucket)?,
            traits: Traits { removals: 1000, ..Traits::usual() },
            bucket,
            signed: Some(Signed::new(http.clone(), signing.clone(), address)),
            http: Some(HttpTransporter::new(SigningTransport::new(http, signing))),
        })
    }

    fn region(&self) -> Option<String> {
        if self.region.is_some() {
            return self.region.clone();
        }
        let endpoint = tidy(&self.endpoint);
        let host = endpoint.split_once("://")?.1.strip_suffix(".aliyuncs.com")?;
        host.strip_prefix("oss-").map(|region| region.trim_end_matches("-internal").to_owned())
    }

    fn credentials(&self) -> ProvideCredentialChain<Credential> {
        let chain = ProvideCredentialChain::new().push(DefaultCredentialProvider::new());
        let Some(key) = &self.key else { return chain };
        let fixed = StaticCredentialProvider::new(&key.id, key.secret.expose_secret());
        chain.push_front(match &key.session_token {
            Some(token) => fixed.with_security_token(token.expose_secret()),
            None => fixed,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions() {
        let table = [
            ("https://oss-cn-hangzhou.aliyuncs.com", Some("cn-hangzhou")),
            ("oss-us-west-1-internal.aliyuncs.com/", Some("us-west-1")),
            ("http://127.0.0.1:1", None),
            ("https://images.acme.example", None),
        ];
        for (endpoint, region) in table {
            let oss = Oss {
                bucket: "acme".into(),
                endpoint: endpoint.into(),
                region: None,
                addressing: Addressing::Host,
                key: None,
                encryption: None,
            };
            assert_eq!(oss.region().as_deref(), region, "{endpoint}");
        }
    }
}
