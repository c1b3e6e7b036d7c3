//! What a client may do without logging in, and the refusal to be open to everybody by accident.

use super::address::ListenAddress;
use super::reader::{Reader, Reported};
use super::sections::{ANONYMOUS, LISTEN};
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
    /// If it is not set, and machines other than this one can reach `listen`.
    pub(super) fn read(reader: &mut Reader, listen: Option<&ListenAddress>) -> Result<Self, Reported> {
        if let Some(chosen) = reader.given::<Self>(&ANONYMOUS)? {
            return Ok(chosen);
        }
        match listen {
            Some(listen) if !listen.is_loopback() => Err(reader.lack(
                LISTEN.key,
                format!(
                    "entrepot listens on {listen}, which other machines can reach, and nobody would need to log in: \
                     set access.anonymous to \"pull\" or \"push\" if that is what you want, or listen on {}",
                    listen.on_loopback()
                ),
            )),
            _ => Ok(Self::Push),
        }
    }

    /// Why the choice is hardly meant, if it is not.
    pub(super) fn warning(self) -> Option<String> {
        (self == Self::Denied).then(|| {
            "access.anonymous is \"none\", and there are no accounts to log in with: nobody can push or pull".to_owned()
        })
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
