//! Whether people could log in, as far as can be said without anybody doing it.

use super::{Login, exchange};
use crate::Secret;
use crate::provider::refused::Refused;

impl Login {
    /// Asks the provider who it is and where people log in, and shows it our secret with a question that it has to refuse.
    ///
    /// # Errors
    /// What is wrong.
    pub async fn check(&self) -> Result<(), Refused> {
        self.issuer.check().await?;
        let known = self.issuer.known().await?;
        self.endpoint(known.discovery.authorization.as_ref(), "authorization")?;
        match exchange::by_renewal(self, &Secret::from("none")).await {
            // Some say of such a question that it is none, or not allowed; only the one about ourselves comes before that.
            Err(Refused::Provider { said, .. }) if !said.starts_with("invalid_client") => Ok(()),
            Err(Refused::Ended { .. }) | Ok(_) => Ok(()),
            Err(refused) => Err(refused),
        }
    }
}
