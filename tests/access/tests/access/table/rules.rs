//! The rules, a letter for each caller in the order of [`super::callers::CALLERS`]: `+` may, `?` has to log in, `-` may not, `.`
//! hears of nothing.

/// What decides about a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Whatever is shown does not matter.
    Always,
    /// Everybody, but for those who show what is not valid.
    Open,
    /// Everybody who is somebody.
    Somebody,
    /// Administrators.
    System,
    /// The owner's account, and in the other place one that is not there.
    Account,
    /// Making an organization: people, with what lets them act for their account.
    Found,
    /// What people do for themselves, with what lets them act for their account.
    Person,
    /// Owners of the namespace.
    Owned,
    /// People in the organization.
    Inside,
    /// Asking who may see a repository.
    See,
    /// Changing who may.
    Settings,
    /// Reading.
    Pull,
    /// Writing.
    Push,
    /// Deleting.
    Delete,
    /// Listing repositories.
    Catalog,
}

impl Rule {
    /// Whether who may not hears the same as if there were nothing.
    pub(crate) fn hides(self) -> bool {
        matches!(self, Self::Inside | Self::See)
    }

    /// What is expected of each caller on the public repository (0), the private one (1), and that of others (2).
    #[rustfmt::skip]
    pub(crate) fn expected(self, place: usize) -> &'static str {
        // anonymous, stranger, reader, writer, team admin, owner, administrator, robot,
        // tokens of the owner for pull, push, delete, admin and one repository; the organization's token; expired, revoked, disabled;
        // a job for pull and push
        let of: [&'static str; 3] = match self {
            Self::Always   => ["++++++++++++++++++"; 3],
            Self::Open     => ["++++++++++++++???+"; 3],
            Self::Somebody => ["?+++++++++++++???+"; 3],
            Self::System   => ["?-----+-------???-"; 3],
            Self::Account  => ["?----++----+--???-", "?----++----+--???-", "?-----+-------???-"],
            Self::Found    => ["?+++++++---+-+???+"; 3],
            Self::Person   => ["?++++++----+--???-"; 3],
            Self::Owned    => ["?----++----+--???-", "?----++----+--???-", "?-----+-------???-"],
            Self::Inside   => ["..+++++.++++++???.", "..+++++.++++++???.", "......+.......???."],
            Self::See      => ["+++++++++...++???+", "..+++++++...++???+", "......+.......???."],
            Self::Settings => ["?---+++----+--???-", "?---+++----+--???-", "?-----+-------???-"],
            Self::Pull     => ["+++++++++---++???+", "?-+++++++---++???+", "?-----+-------???-"],
            Self::Push     => ["?--+++++-+---+???+", "?--+++++-+---+???+", "?-----+-------???-"],
            Self::Delete   => ["?--+++++--+---???-", "?--+++++--+---???-", "?-----+-------???-"],
            Self::Catalog  => ["+++++++++---++???+"; 3],
        };
        of[place]
    }
}
