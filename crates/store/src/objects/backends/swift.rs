//! OpenStack Swift.
//!
//! Objects are written whole, 16 MiB each, and not as large objects with a manifest: those leave their segments behind when
//! they are deleted in the plain way, and stop at 1000 segments.

mod authorized;
mod token;

use opendal::{HttpTransporter, services};
use secrecy::ExposeSecret as _;

use self::authorized::Authorized;
use self::token::Tokens;
use super::tidy;
use crate::error::Error;
use crate::objects::failure::explained;
use crate::objects::{Built, Secret, Traits};

/// A container of Swift.
#[derive(Clone, Debug, Default)]
pub struct Swift {
    /// The container's name.
    pub container: String,
    /// Who we are. Not set: from the environment, `ST_AUTH`, `ST_USER` and `ST_KEY`, or `OS_AUTH_URL` with
    /// `OS_APPLICATION_CREDENTIAL_ID` and `OS_APPLICATION_CREDENTIAL_SECRET`, or with `OS_USERNAME`, `OS_PASSWORD`,
    /// `OS_PROJECT_NAME` and the names of their domains.
    pub login: Option<SwiftLogin>,
    /// The address of the account, if it is not the one that comes with the token.
    pub storage_url: Option<String>,
    /// The region whose object store it is, if the catalogue has several.
    pub region: Option<String>,
    /// The TempURL key of the account or container, for signed addresses.
    pub temp_url_key: Option<Secret>,
}

/// How Swift knows us.
#[derive(Clone, Debug)]
pub enum SwiftLogin {
    /// Swift's own way (TempAuth, and what others made like it).
    V1 {
        /// Address: `https://swift/auth/v1.0`.
        url: String,
        /// Account and user: `acme:registry`.
        user: String,
        /// The user's key.
        key: Secret,
    },
    /// Keystone, with a user's password.
    Password {
        /// Address: `https://keystone/v3`.
        url: String,
        /// The user's name, and the name of its domain.
        user: (String, String),
        /// Its password.
        password: Secret,
        /// The project's name, and the name of its domain.
        project: (String, String),
    },
    /// Keystone, with an application credential.
    Application {
        /// Address: `https://keystone/v3`.
        url: String,
        /// The credential's id.
        id: String,
        /// Its secret.
        secret: Secret,
    },
}

impl Swift {
    pub(super) async fn build(&self, http: HttpTransporter) -> Result<Built, Error> {
        let bucket = format!("swift://{}", self.container);
        let login = match &self.login {
            Some(login) => login.clone(),
            None => SwiftLogin::from_environment().ok_or_else(|| {
                let why = "there is no login for it: neither is one configured, nor do ST_… or OS_… variables give one";
                Error::Denied(explained("use", &bucket, why))
            })?,
        };
        let tokens = Tokens::new(http.clone(), login, self.region.clone());
        let storage_url = match &self.storage_url {
            Some(url) => tidy(url),
            // Known when the first token is, and the same ever after.
            None => tokens.current().await?.storage_url.clone(),
        };
        let mut builder = services::Swift::default().endpoint(&storage_url).container(&self.container);
        if let Some(key) = &self.temp_url_key {
            builder = builder.temp_url_key(key.expose_secret());
        }
        Ok(Built {
            operator: super::operator(builder, &bucket)?,
            traits: Traits {
                piece: 16 * 1024 * 1024,
                grows: false,
                signs: self.temp_url_key.is_some(),
                ..Traits::usual()
            },
            bucket,
            signed: None,
            http: Some(HttpTransporter::new(Authorized::new(http, tokens))),
        })
    }
}

impl SwiftLogin {
    /// The login that OpenStack's own tools would take.
    fn from_environment() -> Option<Self> {
        let get = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        if let (Some(url), Some(user), Some(key)) = (get("ST_AUTH"), get("ST_USER"), get("ST_KEY")) {
            return Some(Self::V1 { url, user, key: key.into() });
        }
        let url = get("OS_AUTH_URL")?;
        if let (Some(id), Some(secret)) = (get("OS_APPLICATION_CREDENTIAL_ID"), get("OS_APPLICATION_CREDENTIAL_SECRET"))
        {
            return Some(Self::Application { url, id, secret: secret.into() });
        }
        let domain = |name| get(name).unwrap_or_else(|| "Default".to_owned());
        Some(Self::Password {
            url,
            user: (get("OS_USERNAME")?, domain("OS_USER_DOMAIN_NAME")),
            password: get("OS_PASSWORD")?.into(),
            project: (get("OS_PROJECT_NAME")?, domain("OS_PROJECT_DOMAIN_NAME")),
        })
    }

    /// Where it logs in.
    pub(super) fn address(&self) -> &str {
        match self {
            Self::V1 { url, .. } | Self::Password { url, .. } | Self::Application { url, .. } => url,
        }
    }
}
