//! Amazon S3, and the stores that speak its protocol.

use opendal::{HttpTransporter, services};
use reqsign_aws_v4::{
    AssumeRoleCredentialProvider, Credential, DefaultCredentialProvider, RequestSigner, StaticCredentialProvider,
};
use reqsign_core::{Context, OsEnv, ProvideCredentialChain, Signer};
use reqsign_file_read_tokio::TokioFileRead;
use secrecy::ExposeSecret as _;

use super::{AccessKey, Addressing, tidy};
use crate::error::Error;
use crate::objects::signed::{Signed, Signing};
use crate::objects::{Built, Traits};

/// A bucket of S3.
///
/// Without `key`, credentials come from where Amazon's own tools look: the environment (`AWS_ACCESS_KEY_ID`, …), the
/// profile in `~/.aws`, a web identity token, the container's or the instance's role.
#[derive(Clone, Debug, Default)]
pub struct S3 {
    /// The bucket's name.
    pub bucket: String,
    /// The region; `AWS_REGION` if not set, or else `us-east-1`.
    pub region: Option<String>,
    /// The address of the store, if it is not Amazon's.
    pub endpoint: Option<String>,
    /// Not set: in the host's name with Amazon, in the path with others.
    pub addressing: Option<Addressing>,
    /// A fixed key.
    pub key: Option<AccessKey>,
    /// The profile in `~/.aws`; `AWS_PROFILE` if not set, or else `default`.
    pub profile: Option<String>,
    /// A role to take on with these credentials.
    pub role: Option<AssumedRole>,
    /// The storage class of new objects: `STANDARD_IA`, …
    pub storage_class: Option<String>,
    /// How the store encrypts new objects: `AES256` or `aws:kms`; the bucket's own setting if not set.
    pub encryption: Option<String>,
    /// The key's id, for `aws:kms`.
    pub encryption_key_id: Option<String>,
}

/// A role of Amazon's identity management.
#[derive(Clone, Debug, Default)]
pub struct AssumedRole {
    /// Its name: `arn:aws:iam::…`.
    pub arn: String,
    /// What the role's owner wants to hear.
    pub external_id: Option<String>,
    /// What the session is called in the logs.
    pub session_name: Option<String>,
}

impl S3 {
    pub(super) fn build(&self, http: HttpTransporter) -> Result<Built, Error> {
        let bucket = format!("s3://{}", self.bucket);
        let region = self.region();
        let mut builder = services::S3::default()
            .bucket(&self.bucket)
            .region(&region)
            .endpoint(&self.endpoint())
            .credential_provider_chain(self.credentials(&http));
        if self.addressing() == Addressing::Host {
            builder = builder.enable_virtual_host_style();
        }
        if let Some(class) = &self.storage_class {
            builder = builder.default_storage_class(class);
        }
        if let Some(encryption) = &self.encryption {
            builder = builder.server_side_encryption(encryption);
        }
        if let Some(id) = &self.encryption_key_id {
            builder = builder.server_side_encryption_aws_kms_key_id(id);
        }
        let signer = Signer::new(context(&http), self.credentials(&http), RequestSigner::new("s3", &region));
        let signed = Signed::new(http, Signing::S3(signer), self.address());
        Ok(Built {
            operator: super::operator(builder, &bucket)?,
            traits: Traits { removals: 1000, ..Traits::usual() },
            bucket,
            signed: Some(signed),
            http: None,
        })
    }

    fn region(&self) -> String {
        let named = |name| std::env::var(name).ok().filter(|region| !region.is_empty());
        let region = self.region.clone().or_else(|| named("AWS_REGION")).or_else(|| named("AWS_DEFAULT_REGION"));
        region.unwrap_or_else(|| "us-east-1".to_owned())
    }

    fn endpoint(&self) -> String {
        match &self.endpoint {
            Some(endpoint) => tidy(endpoint),
            None => {
                let region = self.region();
                let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
                format!("https://s3.{region}.{domain}")
            }
        }
    }

    fn addressing(&self) -> Addressing {
        // A certificate of Amazon's does not fit a bucket with a dot in the host's name.
        let by_host = self.endpoint.is_none() && !self.bucket.contains('.');
        self.addressing.unwrap_or(if by_host { Addressing::Host } else { Addressing::Path })
    }

    /// The bucket's address.
    fn address(&self) -> String {
        let endpoint = self.endpoint();
        match self.addressing() {
            Addressing::Path => format!("{endpoint}/{}", self.bucket),
            Addressing::Host => endpoint.replacen("://", &format!("://{}.", self.bucket), 1),
        }
    }

    fn credentials(&self, http: &HttpTransporter) -> ProvideCredentialChain<Credential> {
        let mut usual = DefaultCredentialProvider::builder();
        if let Some(profile) = &self.profile {
            usual = usual.with_profile(profile);
        }
        let mut chain = ProvideCredentialChain::new().push(usual.build());
        if let Some(key) = &self.key {
            let fixed = StaticCredentialProvider::new(&key.id, key.secret.expose_secret());
            chain = chain.push_front(match &key.session_token {
                Some(token) => fixed.with_session_token(token.expose_secret()),
                None => fixed,
            });
        }
        let Some(role) = &self.role else { return chain };
        let region = self.region();
        let signer = Signer::new(context(http), chain, RequestSigner::new("sts", &region));
        let mut assumed = AssumeRoleCredentialProvider::new(role.arn.clone(), signer)
            .with_region(region)
            .with_regional_sts_endpoint();
        if let Some(id) = &role.external_id {
            assumed = assumed.with_external_id(id.clone());
        }
        if let Some(name) = &role.session_name {
            assumed = assumed.with_role_session_name(name.clone());
        }
        ProvideCredentialChain::new().push(assumed)
    }
}

fn context(http: &HttpTransporter) -> Context {
    Context::new().with_file_read(TokioFileRead).with_env(OsEnv).with_http_send(http.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let s3 = S3 { bucket: "acme".into(), region: Some("eu-west-1".into()), ..S3::default() };
        assert_eq!(s3.address(), "https://acme.s3.eu-west-1.amazonaws.com");
        let s3 = S3 { bucket: "acme.images".into(), ..s3 };
        assert_eq!(s3.address(), "https://s3.eu-west-1.amazonaws.com/acme.images");
        let s3 = S3 { endpoint: Some("http://127.0.0.1:9000/".into()), ..s3 };
        assert_eq!(s3.address(), "http://127.0.0.1:9000/acme.images");
        let s3 = S3 { endpoint: Some("store.acme".into()), addressing: Some(Addressing::Host), ..s3 };
        assert_eq!(s3.address(), "https://acme.images.store.acme");
    }
}
