//! SQL texts, written once each and gathered in lists that a test prepares against the migrated tables.

use crate::own;

/// One SQL text, or one for each engine where they differ. Parameters are `$1`, `$2`, … and must first appear in this order.
#[derive(Clone, Copy, Debug)]
pub struct Statement {
    name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

impl Statement {
    /// A statement called `name` in the code; [`statements!`](crate::statements) makes them.
    pub const fn new(name: &'static str, sqlite: &'static str, postgres: &'static str) -> Self {
        Self { name, sqlite, postgres }
    }

    /// Its name in the code.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) const fn sqlite(&self) -> &'static str {
        self.sqlite
    }

    pub(crate) const fn postgres(&self) -> &'static str {
        self.postgres
    }
}

/// Declares statements as constants, and `STATEMENTS`, the list of them all.
///
/// `NAME = "text";` for both engines, `NAME = sqlite "text" postgres "text";` where they differ.
#[macro_export]
macro_rules! statements {
    ($(
        $(#[$attribute:meta])*
        $name:ident = $($sql:literal)? $(sqlite $sqlite:literal postgres $postgres:literal)?;
    )+) => {
        $(
            $(#[$attribute])*
            pub(crate) const $name: $crate::Statement =
                $crate::Statement::new(stringify!($name), $($sql, $sql)? $($sqlite, $postgres)?);
        )+
        /// Every statement of this module.
        pub(crate) const STATEMENTS: &[$crate::Statement] = &[$($name),+];
    };
}

impl crate::Database {
    /// Prepares every one of `statements` and of this crate's own: the check that each fits the tables and numbers its
    /// parameters in order.
    ///
    /// # Errors
    /// The first that does not, by name.
    pub async fn check(&self, statements: &[Statement]) -> Result<(), crate::Error> {
        for statement in own::statements().chain(statements.iter().copied()) {
            self.read(move |connection| connection.prepare_only(&statement)).await.map_err(|error: crate::Error| {
                crate::Error::new(crate::Kind::Other, "check", format!("{}: {error}", statement.name))
            })?;
        }
        Ok(())
    }
}
