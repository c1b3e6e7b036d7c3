//! Whether people could log in, as far as can be said without anybody doing it.

use super::{Login, exchange};
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
        exchange::with_nothing(self).await
    }
}
