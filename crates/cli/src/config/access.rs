//! What a client may do without logging in, and the refusal to let everybody change everything.

use super::address::ListenAddress;
use super::reader::{Reader, Reported};
use super::sections::ANONYMOUS;
use super::value::{Form, Kind, Unfit, Value, choose, toml_string};

/// What a client may do without logging in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Anonymous {
    /// Nothing.
    Denied,
    /// Read.
    Pull,
    /// Read, write and delete.
    Push,
}

impl Anonymous {
    /// Reads the setting, whose default depends on `listen`; with no valid `listen` there is no judging it.
    ///
    /// # Errors
    /// If everybody may push, and machines other than this one can reach `listen`.
    pub(super) fn read(reader: &mut Reader, listen: Option<&ListenAddress>) -> Result<Self, Reported> {
        let beyond = listen.filter(|listen| !listen.is_loopback());
        match (reader.given::<Self>(&ANONYMOUS)?, beyond) {
            (Some(Self::Push), Some(listen)) => Err(reader.mistake(
                ANONYMOUS.key,
                format!(
                    "entrepot listens on {listen}, which other machines can reach, and access.anonymous = \"push\" would let \
                     everybody there overwrite and delete: set it to \"pull\" or \"none\" and give accounts to those who push \
                     (entrepot user create NAME --admin makes the first), or listen on {}",
                    listen.on_loopback()
                ),
            )),
            (Some(chosen), _) => Ok(chosen),
            (None, Some(_)) => Ok(Self::Denied),
            (None, None) => Ok(Self::Push),
        }
    }
}

impl From<Anonymous> for entrepot_access::Anonymous {
    fn from(anonymous: Anonymous) -> Self {
        match anonymous {
            Anonymous::Denied => Self::Nothing,
            Anonymous::Pull => Self::Pull,
            Anonymous::Push => Self::Push,
        }
    }
}

impl Value for Anonymous {
    const KIND: Kind = Kind { allowed: "push, pull or none", form: Form::Quoted };

    fn parse(text: &str) -> Result<Self, Unfit> {
        choose(text, &[("none", Self::Denied), ("pull", Self::Pull), ("push", Self::Push)])
    }

    fn to_toml(&self) -> String {
        toml_string(match self {
            Self::Denied => "none",
            Self::Pull => "pull",
            Self::Push => "push",
        })
    }
}
