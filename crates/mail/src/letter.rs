//! What there is to write.

use std::time::Duration;

use crate::{Link, Name};

/// A letter. Links work once, so says the text; that is the caller's part.
#[derive(Clone, Debug)]
pub enum Letter {
    /// To an address that somebody gave as theirs.
    ConfirmAddress {
        /// The account that it was given for.
        account: Name,
        /// What confirms it.
        link: Link,
        /// How long the link works.
        good_for: Duration,
    },
    /// To somebody who does not know the password any more.
    ResetPassword {
        /// Whose password.
        account: Name,
        /// Where a new one is chosen.
        link: Link,
        /// How long the link works.
        good_for: Duration,
    },
    /// To somebody who is wanted in an organization, with or without an account.
    Invitation {
        /// The account that invites.
        inviter: Name,
        /// The organization.
        organization: Name,
        /// The team in it, if not only the organization.
        team: Option<Name>,
        /// What accepts the invitation.
        link: Link,
        /// How long the link works.
        good_for: Duration,
    },
    /// To the owner of an account whose password is a new one. It has no link: a letter that frightens and has one is what
    /// thieves write.
    PasswordChanged {
        /// Whose password.
        account: Name,
    },
    /// To the address where letters about an account went until now. It has no link either.
    AddressChanged {
        /// Whose address.
        account: Name,
    },
    /// To the owner of an account whose second factor is another one now. It has no link either.
    SecondFactorChanged {
        /// Whose second factor.
        account: Name,
        /// What happened to it.
        change: SecondFactorChange,
    },
}

/// What happened to a second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondFactorChange {
    /// It is asked for from now on.
    TurnedOn,
    /// It is not asked for any more.
    TurnedOff,
    /// An authenticator is taken for one, too.
    AuthenticatorAdded,
    /// The authenticator is not taken any more.
    AuthenticatorRemoved,
    /// Another passkey is taken for one, too.
    PasskeyAdded,
    /// One of the passkeys is not taken any more.
    PasskeyRemoved,
    /// There are new recovery codes; the old ones do not work any more.
    RecoveryCodesReplaced,
    /// Somebody signed in with a recovery code.
    RecoveryCodeUsed {
        /// How many codes are left.
        left: u32,
    },
}

impl Letter {
    /// What kind of letter this is, for logs.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::ConfirmAddress { .. } => "confirm_address",
            Self::ResetPassword { .. } => "reset_password",
            Self::Invitation { .. } => "invitation",
            Self::PasswordChanged { .. } => "password_changed",
            Self::AddressChanged { .. } => "address_changed",
            Self::SecondFactorChanged { .. } => "second_factor_changed",
        }
    }

    /// Its link, if it has one.
    pub(crate) fn link(&self) -> Option<&Link> {
        match self {
            Self::ConfirmAddress { link, .. } | Self::ResetPassword { link, .. } | Self::Invitation { link, .. } => {
                Some(link)
            }
            Self::PasswordChanged { .. } | Self::AddressChanged { .. } | Self::SecondFactorChanged { .. } => None,
        }
    }
}
