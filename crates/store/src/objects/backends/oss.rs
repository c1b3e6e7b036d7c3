//! Aliyun Object Storage Service.

use opendal::{HttpTransporter, services};
use reqsign_aliyun_oss::{Credential, DefaultCredentialProvider, RequestSigner, StaticCredentialProvider};
use reqsign_core::{Context, OsEnv, ProvideCredentialChain, Signer};
use reqsign_file_read_tokio::TokioFileRead;

use super::{AccessKey, Addressing, tidy};
use crate::error::Error;
use crate::objects::unfinished::{Signing, Unfinished};
use crate::objects::{Built, Traits};

/// A bucket of Aliyun OSS.
///
/// Without `key`, credentials come from the environment (`ALIBABA_CLOUD_ACCESS_KEY_ID`, …), an OIDC token or the
/// instance's role.
#[derive(Clone, Debug)]
pub struct Oss {
    /// The bucket's name.
    pub bucket: String,
    /// The address of the region: `https://oss-cn-hangzhou.aliyuncs.com`.
    pub endpoint: String,
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
        let style = match self.addressing {
            Addressing::Path => "path",
            Addressing::Host => "virtual",
        };
        let endpoint = tidy(&self.endpoint);
        let mut builder = services::Oss::default().bucket(&self.bucket).endpoint(&endpoint).addressing_style(style);
        if let Some(key) = &self.key {
            builder = builder.access_key_id(&key.id).access_key_secret(key.secret.reveal());
            if let Some(token) = &key.session_token {
                builder = builder.security_token(token.reveal());
            }
        }
        if let Some(encryption) = &self.encryption {
            builder = builder.server_side_encryption(encryption);
        }
        let context = Context::new().with_file_read(TokioFileRead).with_env(OsEnv).with_http_send(http.clone());
        let signer = Signer::new(context, self.credentials(), RequestSigner::new(&self.bucket));
        let address = match self.addressing {
            Addressing::Path => format!("{endpoint}/{}", self.bucket),
            Addressing::Host => endpoint.replacen("://", &format!("://{}.", self.bucket), 1),
        };
        Ok(Built {
            operator: super::operator(builder, &bucket)?,
            traits: Traits { piece: 8 * 1024 * 1024, grows: true, conditional: false, removals: 1000 },
            bucket,
            unfinished: Some(Unfinished::new(http, Signing::Oss(signer), address)),
            http: None,
        })
    }

    fn credentials(&self) -> ProvideCredentialChain<Credential> {
        let chain = ProvideCredentialChain::new().push(DefaultCredentialProvider::new());
        let Some(key) = &self.key else { return chain };
        let fixed = StaticCredentialProvider::new(&key.id, key.secret.reveal());
        chain.push_front(match &key.session_token {
            Some(token) => fixed.with_security_token(token.reveal()),
            None => fixed,
        })
    }
}
