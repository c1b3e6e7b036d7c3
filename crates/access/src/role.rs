//! What somebody may do, in the words of people: roles on repositories, scopes of tokens, visibility.

use entrepot_registry::gate::Action;

/// Makes an enum whose values are words: in tables, in the JSON API and on the command line.
macro_rules! words {
    (
        $(#[$about:meta])*
        $name:ident: $allowed:literal { $($(#[$doc:meta])* $variant:ident = $word:literal,)+ }
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$doc])* $variant,)+
        }

        impl $name {
            /// Every value.
            pub const ALL: &[Self] = &[$(Self::$variant),+];
            /// What may stand for one, for messages.
            pub const ALLOWED: &str = $allowed;

            /// Its word.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::role::UnknownWord;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|value| value.as_str() == text)
                    .ok_or($crate::role::UnknownWord { allowed: Self::ALLOWED })
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use words;

/// A word that is none of those that are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it has to be {allowed}")]
pub struct UnknownWord {
    /// What is.
    pub allowed: &'static str,
}

words! {
    /// What somebody may do with a repository; each role has what those before it have.
    Role: "read, write or admin" {
        /// Pull.
        Read = "read",
        /// Push, and delete tags and manifests.
        Write = "write",
        /// Change its settings, and who may do what with it.
        Admin = "admin",
    }
}

impl Role {
    /// The least role that allows `action`.
    pub const fn for_action(action: Action) -> Self {
        match action {
            Action::Pull => Self::Read,
            Action::Push | Action::Delete => Self::Write,
        }
    }
}

words! {
    /// Who may see a repository.
    Visibility: "public or private" {
        /// Everybody may pull, if the registry lets anybody pull.
        Public = "public",
        /// Only those who were given a role.
        Private = "private",
    }
}

words! {
    /// What a token may be used for.
    Scope: "pull, push, delete or admin" {
        /// Reading.
        Pull = "pull",
        /// Writing.
        Push = "push",
        /// Deleting.
        Delete = "delete",
        /// Changing settings, people and tokens.
        Admin = "admin",
    }
}

words! {
    /// What somebody is in an organization.
    Membership: "owner or member" {
        /// May do everything in it.
        Owner = "owner",
        /// May do what their teams may.
        Member = "member",
    }
}

words! {
    /// What a namespace is.
    NamespaceKind: "person, organization or library" {
        /// Somebody's own.
        Person = "person",
        /// Of several people.
        Organization = "organization",
        /// Of the registry: repositories with names of one component.
        Library = "library",
    }
}

/// A set of [`Scope`]s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scopes(u8);

impl Scopes {
    /// All of them.
    pub const ALL: Self = Self(0b1111);
    /// All that is about what is in repositories.
    pub const CONTENT: Self = Self(0b0111);

    /// Whether it has `scope`.
    pub const fn has(self, scope: Scope) -> bool {
        self.0 & (1 << scope as u8) != 0
    }

    /// Whether `action` on a repository is in it.
    pub const fn allows(self, action: Action) -> bool {
        self.has(match action {
            Action::Pull => Scope::Pull,
            Action::Push => Scope::Push,
            Action::Delete => Scope::Delete,
        })
    }

    /// Its words, with spaces between.
    pub fn to_words(self) -> String {
        let words: Vec<_> = Scope::ALL.iter().filter(|scope| self.has(**scope)).map(|scope| scope.as_str()).collect();
        words.join(" ")
    }

    /// The set of these words; none of them is not a set.
    ///
    /// # Errors
    /// One is no scope, or there is none.
    pub fn from_words<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Self, UnknownWord> {
        let mut set = 0;
        for word in words {
            set |= 1 << word.parse::<Scope>()? as u8;
        }
        if set == 0 { Err(UnknownWord { allowed: Scope::ALLOWED }) } else { Ok(Self(set)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_and_scopes() {
        assert!(Role::Read < Role::Write && Role::Write < Role::Admin);
        let scopes = Scopes::from_words(["pull", "delete"]).unwrap();
        assert_eq!(scopes.to_words(), "pull delete");
        assert!(scopes.allows(Action::Pull) && scopes.allows(Action::Delete) && !scopes.allows(Action::Push));
        assert!(Scopes::from_words([]).is_err() && Scopes::from_words(["root"]).is_err());
        assert_eq!(Scopes::ALL.to_words(), "pull push delete admin");
        assert_eq!(Scopes::CONTENT.to_words(), "pull push delete");
    }
}
