//! How we are known to a provider.

use crate::Secret;

/// What was agreed with the provider.
#[derive(Debug, Clone)]
pub struct Registration {
    /// Our name there.
    pub client_id: String,
    /// Our secret there; a public client has none.
    pub secret: Option<Secret>,
    /// Where the secret is sent.
    pub secret_in: SecretIn,
    /// Where in the claims is what.
    pub claims: ClaimNames,
    /// What the provider shall ask people for before it sends them back, such as `consent` or `select_account`
    /// (OpenID Connect Core 1.0, section 3.1.2.1); what it thinks right, if there is nothing.
    pub prompt: Option<String>,
}

/// Where the client's secret is sent (OpenID Connect Core 1.0, section 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretIn {
    /// In the `Authorization` header: `client_secret_basic`.
    Basic,
    /// In the form: `client_secret_post`.
    Post,
}

/// The claims that a person is made of. A name with dots is a path where there is no such claim: `realm_access.roles`.
#[derive(Debug, Clone)]
pub struct ClaimNames {
    /// The name that they log in with; with `email`, an address that the provider has confirmed.
    pub username: String,
    /// Their address.
    pub email: String,
    /// How they are called.
    pub display_name: String,
    /// Their groups, a list of texts; none, if groups are not taken from this provider.
    pub groups: Option<String>,
    /// Whether an address counts as confirmed where the provider does not say (`email_verified`). Where it says that one is
    /// not confirmed, that one never does.
    pub trust_email: bool,
}

impl Default for ClaimNames {
    fn default() -> Self {
        Self {
            username: "preferred_username".to_owned(),
            email: "email".to_owned(),
            display_name: "name".to_owned(),
            groups: Some("groups".to_owned()),
            trust_email: false,
        }
    }
}
