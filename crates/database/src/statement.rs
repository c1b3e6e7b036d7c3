//! SQL texts, written once each and gathered in lists that a test prepares against the migrated tables.

/// One SQL text. Parameters are `$1`, `$2`, … and must first appear in this order.
#[derive(Clone, Copy, Debug)]
pub struct Statement {
    /// Its name in the code.
    pub name: &'static str,
    /// The text.
    pub sql: &'static str,
}

/// Declares statements as constants, and `STATEMENTS`, the list of them all.
#[macro_export]
macro_rules! statements {
    ($($(#[$attribute:meta])* $name:ident = $sql:expr;)+) => {
        $(
            $(#[$attribute])*
            pub(crate) const $name: $crate::Statement = $crate::Statement { name: stringify!($name), sql: $sql };
        )+
        /// Every statement of this module.
        pub(crate) const STATEMENTS: &[$crate::Statement] = &[$($name),+];
    };
}

impl crate::Database {
    /// Prepares every one of `statements`: the check that each fits the tables and numbers its parameters in order.
    ///
    /// # Errors
    /// The first that does not, by name.
    pub async fn check(&self, statements: &[Statement]) -> Result<(), crate::Error> {
        for statement in statements {
            let statement = *statement;
            self.read(move |connection| connection.prepare_only(&statement)).await.map_err(|error: crate::Error| {
                crate::Error::new(crate::Kind::Other, "check", format!("{}: {error}", statement.name))
            })?;
        }
        Ok(())
    }
}
