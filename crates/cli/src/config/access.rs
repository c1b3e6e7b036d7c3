//! What a client may do without logging in, the refusal to let everybody change everything, and who may make an account.

use entrepot_access::{PublicUrl, SignUp};

use super::address::ListenAddress;
use super::reader::{Reader, Reported};
use super::sections::{ANONYMOUS, SIGN_UP};
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

/// Reads who may make an account for themselves.
///
/// # Errors
/// Somebody may, and there is no way for the letter that confirms their address.
pub(super) fn sign_up(reader: &mut Reader, without_letters: bool) -> Result<SignUp, Reported> {
    let sign_up = reader.value::<SignUp>(&SIGN_UP)?;
    if sign_up == SignUp::Nobody || !without_letters {
        return Ok(sign_up);
    }
    let why = "access.sign_up lets people make accounts, and mail.host is not set, which is needed to confirm their addresses";
    Err(reader.lack(SIGN_UP.key, why.to_owned()))
}

impl Value for SignUp {
    const KIND: Kind = Kind { allowed: "off, on, or domains with spaces between", form: Form::Quoted };

    fn parse(text: &str) -> Result<Self, Unfit> {
        text.parse().map_err(|_| Unfit::PLAIN)
    }

    fn to_toml(&self) -> String {
        toml_string(&self.to_string())
    }
}

impl Value for PublicUrl {
    const KIND: Kind = Kind { allowed: "an address such as https://registry.acme.example", form: Form::Quoted };

    fn parse(text: &str) -> Result<Self, Unfit> {
        text.parse().map_err(|error: entrepot_access::InvalidPublicUrl| Unfit::because(error.to_string()))
    }

    fn to_toml(&self) -> String {
        toml_string(self.origin())
    }
}
