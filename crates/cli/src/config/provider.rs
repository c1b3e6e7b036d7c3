//! OpenID providers at which people log in.

use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use entrepot_access::{Admission, LoginProvider, ProviderName, PublicUrl};
use entrepot_identity::provider::{ClaimNames, IssuerUrl, Registration, SecretIn};

use super::field::Field;
use super::list::Texts;
use super::reader::{Reader, Reported};
use super::secret::Secret;
use super::secret_file;
use super::section::section;
use super::sections::Http;
use super::setting::{Fallback, Section, Setting};
use super::text::Text;
use super::value::{Form, Kind, Unfit, Value, choose, toml_string};

/// How the registry proves to a provider who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ClientAuth {
    Basic,
    Post,
}

impl Value for ClientAuth {
    const KIND: Kind = Kind { allowed: "basic or post", form: Form::Quoted };

    fn parse(text: &str) -> Result<Self, Unfit> {
        choose(text, &[("basic", Self::Basic), ("post", Self::Post)])
    }

    fn to_toml(&self) -> String {
        toml_string(match self {
            Self::Basic => "basic",
            Self::Post => "post",
        })
    }
}

section! {
    /// An OpenID provider at which people log in with a browser. There may be several, each in a section with a name of its own, such as
    /// `[oidc.acme]`: small letters and digits. It sends people back to `http.public_url`, which has to be set too, and there to
    /// `/login/oidc/NAME/callback`.
    "oidc.NAME" => Provider {
        /// Its identifier, which is also where it is: https://id.acme.example.
        issuer: Option<Text> = "not set, and needed";
        /// What it calls the registry.
        client_id: Option<Text> = "not set, and needed";
        /// The registry's secret there.
        client_secret: Option<Secret> = "not set".secret();
        /// File with that secret. A line break at its end does not count.
        client_secret_file: Option<PathBuf> = "not set: a client without a secret";
        /// How the secret is sent: basic, in a header, or post, in a form.
        client_auth: ClientAuth = "basic";
        /// What its button on the page says: Log in with LABEL.
        label: Option<Text> = "not set: the name of the section";
        /// What is asked for there, with spaces between. `openid` is in any case, and `offline_access` where the provider says that it
        /// has that.
        scopes: Text = "profile email";
        /// What it shall ask people for each time, such as consent or select_account.
        prompt: Option<Text> = "not set: what it thinks right";
        /// Claim with the name that a new account gets. Of an address, it is what is before the @.
        username_claim: Text = "preferred_username";
        /// Claim with what people are called.
        name_claim: Text = "name";
        /// Claim with their address.
        email_claim: Text = "email";
        /// Whether an address counts as confirmed where the provider does not say (`email_verified`).
        trust_email: bool = "false";
        /// Claim with their groups. With dots it is a path: realm_access.roles.
        groups_claim: Text = "groups";
        /// Groups of which people have to be in one.
        allowed_groups: Texts = "";
        /// Domains of which people have to have a confirmed address in one.
        allowed_domains: Texts = "";
        /// Whether everybody may come in who can log in there. Otherwise one of the two settings above is needed.
        allow_everybody: bool = "false";
        /// How often it is asked again about everybody who has logged in: who is gone there, is out here, and teams follow groups.
        recheck_interval: Duration = "15m".within("1s", "1d");
        /// How long its last word counts while it cannot be asked again, because it does not answer or gave no refresh token. Then people
        /// are out until they log in again.
        recheck_within: Duration = "1d".within("1s", "90d");
    }
}

impl Provider {
    /// The provider that the section `name` means.
    ///
    /// # Errors
    /// Something is missing, or is not as it has to be.
    pub(super) fn login_provider(
        &self,
        reader: &mut Reader,
        name: &str,
        url: Option<&PublicUrl>,
    ) -> Result<LoginProvider, Reported> {
        let is_reachable = self.check_public_url(reader, name, url);
        let issuer = needed::<IssuerUrl>(reader, name, &Self::issuer, self.issuer.as_ref());
        let client_id = needed::<String>(reader, name, &Self::client_id, self.client_id.as_ref());
        let registration = self.registration(reader, client_id);
        let admission = self.admission(reader, name);
        is_reachable?;
        Ok(LoginProvider {
            // It was found by its name.
            name: name.parse::<ProviderName>().map_err(|error| reader.mistake(Self::issuer.key, error.to_string()))?,
            label: self.label.as_ref().map_or_else(|| name.to_owned(), |label| label.0.clone()),
            issuer: issuer?,
            registration: registration?,
            scopes: self.scopes.0.split_whitespace().map(str::to_owned).collect(),
            admission: admission?,
            recheck_interval: self.recheck_interval,
            recheck_within: self.recheck_within,
        })
    }

    fn check_public_url(&self, reader: &mut Reader, name: &str, url: Option<&PublicUrl>) -> Result<(), Reported> {
        if url.is_some() {
            return Ok(());
        }
        let why = format!("[oidc.{name}] needs {}: the provider sends people back to it", Http::public_url.key);
        Err(reader.lack(Self::issuer.key, why))
    }

    fn registration(&self, reader: &mut Reader, client_id: Result<String, Reported>) -> Result<Registration, Reported> {
        let secret = secret_file::either(
            reader,
            (&Self::client_secret, self.client_secret.as_ref()),
            (&Self::client_secret_file, self.client_secret_file.as_deref()),
        );
        Ok(Registration {
            client_id: client_id?,
            secret: secret?.map(|secret| secret.expose().into()),
            secret_in: match self.client_auth {
                ClientAuth::Basic => SecretIn::Basic,
                ClientAuth::Post => SecretIn::Post,
            },
            claims: ClaimNames {
                username: self.username_claim.0.clone(),
                email: self.email_claim.0.clone(),
                display_name: self.name_claim.0.clone(),
                groups: Some(self.groups_claim.0.clone()),
                trust_email: self.trust_email,
            },
            prompt: self.prompt.as_ref().map(|prompt| prompt.0.clone()),
        })
    }

    fn admission(&self, reader: &mut Reader, name: &str) -> Result<Admission, Reported> {
        let Self { allowed_groups: Texts(groups), allowed_domains: Texts(domains), allow_everybody, .. } = self;
        let is_limited = !groups.is_empty() || !domains.is_empty();
        if is_limited == *allow_everybody {
            let why = match is_limited {
                true => "lets in some people and everybody: which is right?",
                false => "lets nobody in: set allowed_groups, allowed_domains or allow_everybody = true",
            };
            return Err(reader.lack(Self::issuer.key, format!("[oidc.{name}] {why}")));
        }
        Ok(Admission { groups: groups.clone(), domains: domains.clone() })
    }
}

fn needed<T: FromStr<Err: Display>>(
    reader: &mut Reader,
    name: &str,
    setting: &Setting,
    value: Option<&Text>,
) -> Result<T, Reported> {
    let key = reader.key(setting.key);
    match value {
        None => Err(reader.lack(Provider::issuer.key, format!("[oidc.{name}] needs {key}"))),
        Some(text) => text.0.parse().map_err(|error: T::Err| reader.mistake(setting.key, format!("{key}: {error}"))),
    }
}
