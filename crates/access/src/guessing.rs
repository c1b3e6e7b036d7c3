//! Wrong guesses are slowed: per address, and per account from addresses that have not logged in to it before. So nobody can lock
//! an owner out by guessing at their account. Each process counts for itself; what it counts is bounded.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use quick_cache::sync::Cache;

use crate::Error;
use crate::bucket::{Bucket, Pace};
use crate::name::Name;

/// How many wrong guesses may come.
const PACE: Pace = Pace { burst: 10.0, refill: Duration::from_secs(6) };
/// Accounts and addresses that are counted; the least used are forgotten first.
const COUNTED: usize = 20_000;

/// Counts wrong guesses.
pub(crate) struct Guessing {
    addresses: Cache<IpAddr, Arc<Bucket>>,
    accounts: Cache<Name, Arc<Bucket>>,
    /// Who has logged in from where.
    friends: Cache<(Name, IpAddr), ()>,
}

impl Guessing {
    pub(crate) fn new() -> Self {
        Self { addresses: Cache::new(COUNTED), accounts: Cache::new(COUNTED), friends: Cache::new(COUNTED) }
    }

    /// Whether a guess at `account` from `address` may be looked at. A name that no account can have is `None`: only the address
    /// counts then, and nothing is kept of the name.
    ///
    /// # Errors
    /// [`Error::TooMany`].
    pub(crate) fn admit(&self, account: Option<&Name>, address: Option<IpAddr>) -> Result<(), Error> {
        for bucket in self.buckets(account, address) {
            bucket.check(Instant::now())?;
        }
        Ok(())
    }

    /// A guess was wrong.
    pub(crate) fn wrong(&self, account: Option<&Name>, address: Option<IpAddr>) {
        for bucket in self.buckets(account, address) {
            bucket.take(Instant::now());
        }
    }

    /// What was counted as wrong beforehand was not.
    pub(crate) fn forgive(&self, account: Option<&Name>, address: Option<IpAddr>) {
        for bucket in self.buckets(account, address) {
            bucket.put_back(Instant::now());
        }
    }

    /// It was right: from here the account is not slowed because of what others guess.
    pub(crate) fn right(&self, account: Option<&Name>, address: Option<IpAddr>) {
        let Some(friend) = account.cloned().zip(address.map(network)) else { return };
        if self.friends.get(&friend).is_none() {
            self.friends.insert(friend, ());
        }
    }

    /// Whether somebody has logged in to the account from here, while that is remembered.
    pub(crate) fn knows(&self, account: &Name, address: Option<IpAddr>) -> bool {
        address.is_some_and(|address| self.friends.get(&(account.clone(), network(address))).is_some())
    }

    fn buckets(&self, account: Option<&Name>, address: Option<IpAddr>) -> Vec<Arc<Bucket>> {
        let known = |account: &Name| self.knows(account, address);
        let address = address.map(network);
        let full = || Ok::<_, std::convert::Infallible>(Arc::new(Bucket::full(PACE)));
        let of_address = address.and_then(|address| self.addresses.get_or_insert_with(&address, full).ok());
        let guarded = account.filter(|account| !known(account));
        let of_account = guarded.and_then(|account| self.accounts.get_or_insert_with(account, full).ok());
        of_address.into_iter().chain(of_account).collect()
    }
}

/// Who has one address of IPv6 has the other 2^64 of its network.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) & !u128::from(u64::MAX)).into()),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guesses_are_slowed_but_the_owner_gets_in() {
        let guessing = Guessing::new();
        let (ann, bob): (Name, Name) = ("ann".parse().unwrap(), "bob".parse().unwrap());
        let (owner, attacker) = (Some("192.0.2.1".parse().unwrap()), Some("198.51.100.1".parse().unwrap()));
        guessing.right(Some(&ann), owner);
        for _ in 0..10 {
            guessing.admit(Some(&ann), attacker).unwrap();
            guessing.wrong(Some(&ann), attacker);
        }
        assert!(matches!(guessing.admit(Some(&ann), attacker), Err(Error::TooMany { .. })));
        assert!(guessing.admit(Some(&bob), attacker).is_err(), "the address is slowed for every account");
        let elsewhere = Some("203.0.113.1".parse().unwrap());
        assert!(guessing.admit(Some(&ann), elsewhere).is_err(), "the account is slowed for other addresses");
        guessing.admit(Some(&ann), owner).unwrap();
        guessing.admit(Some(&bob), elsewhere).unwrap();
    }

    #[test]
    fn addresses_of_one_network_are_one() {
        let parse = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(network(parse("2001:db8::1")), network(parse("2001:db8::ffff:1")));
        assert_ne!(network(parse("2001:db8::1")), network(parse("2001:db8:0:1::1")));
        assert_eq!(network(parse("::ffff:192.0.2.1")), parse("192.0.2.1"));
    }
}
