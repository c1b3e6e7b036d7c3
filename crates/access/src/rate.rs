//! How much may be asked for in how long: pulls by nobody in particular, by accounts and by tokens, and requests of any kind.
//!
//! A pull is a manifest that is fetched. What was counted is kept in memory, where requests look; behind their backs processes
//! tell each other of it through the database ([`share`]). The requests of an address each process counts for itself: that limit
//! protects the process.

mod figure;
mod limiter;
mod share;
mod subject;
mod tally;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use entrepot_database::Timestamp;

pub use self::figure::Rate;
use self::limiter::Limiter;
pub(crate) use self::share::Share;
use self::subject::Subject;
use crate::caller::{Caller, Credential, Principal};
use crate::role::words;
use crate::{Access, guessing};

/// How much is allowed, where anything is limited.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rates {
    /// Pulls of those who did not log in, by address.
    pub anonymous_pulls: Option<Rate>,
    /// Pulls of a person, whatever they show.
    pub account_pulls: Option<Rate>,
    /// Pulls with one token; those of a robot, and those of the jobs of a rule, are one.
    pub token_pulls: Option<Rate>,
    /// Requests of any kind, by address.
    pub requests: Option<Rate>,
}

words! {
    /// By what a request is counted.
    Counted: "anonymous, account, token or requests" {
        /// Pulls by the address of somebody who did not log in.
        Anonymous = "anonymous",
        /// Pulls by a person.
        Account = "account",
        /// Pulls by a token, a robot or a rule for jobs.
        Token = "token",
        /// Requests of any kind by address.
        Requests = "requests",
    }
}

/// What is allowed to somebody, and what is left of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// So much in so long.
    pub rate: Rate,
    /// What is left now.
    pub left: u32,
    /// For whom it is counted: an address, or a name.
    pub source: String,
}

/// Nothing is left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exhausted {
    /// By what it was counted.
    pub counted: Counted,
    /// What there was.
    pub allowance: Allowance,
    /// When there will be something again.
    pub after: Duration,
}

impl fmt::Display for Exhausted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.counted {
            Counted::Requests => "requests",
            Counted::Anonymous | Counted::Account | Counted::Token => "pulls",
        };
        write!(
            f,
            "you have reached the limit of {what}, {}: try again in {} seconds",
            self.allowance.rate,
            self.seconds()
        )?;
        if self.counted == Counted::Anonymous {
            f.write_str("; who logs in is not counted with others")?;
        }
        Ok(())
    }
}

impl Exhausted {
    /// When it is worth another try, in whole seconds.
    pub fn seconds(&self) -> u64 {
        self.after.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX)
    }
}

/// Everything that is counted.
pub(crate) struct Limits {
    anonymous: Option<Limiter>,
    account: Option<Limiter>,
    token: Option<Limiter>,
    requests: Option<Limiter>,
    /// Between the processes; there is none if nothing that is shared is limited.
    pub(crate) share: Option<Share>,
}

/// One limit that holds for a caller.
struct Held<'a> {
    counted: Counted,
    limiter: &'a Limiter,
    subject: Subject,
    source: String,
}

impl Limits {
    pub(crate) fn new(rates: Rates) -> Self {
        let pulls = [rates.anonymous_pulls, rates.account_pulls, rates.token_pulls];
        let share = pulls.iter().any(Option::is_some).then(Share::new);
        let shared = |rate: Option<Rate>| rate.map(|rate| Limiter::new(rate, share.as_ref().map(Share::list)));
        let [anonymous, account, token] = pulls.map(shared);
        Self { anonymous, account, token, requests: rates.requests.map(|rate| Limiter::new(rate, None)), share }
    }

    /// The limits that hold for the pulls of `caller`: two for a person with a token, if there are both. Nothing is made for one
    /// that there is not, as most registries have none.
    fn of_pulls(&self, caller: &Caller) -> impl Iterator<Item = Held<'_>> {
        let name = || caller.principal().name().unwrap_or_default();
        let token = || match caller.credential() {
            Credential::Token(id) => self.by_token(|| Subject::Token(id.as_str().into()), || id.clone()),
            Credential::None
            | Credential::Password
            | Credential::Identity
            | Credential::Session(_)
            | Credential::Link
            | Credential::Provider(_) => None,
        };
        let (first, second) = match caller.principal() {
            Principal::Operator => (None, None),
            Principal::Anonymous => (caller.address.and_then(|address| self.by_address(address)), None),
            Principal::Account { id, .. } => (self.by_account(*id, name), token()),
            Principal::Robot { id, .. } => (self.by_token(|| Subject::Robot(*id), name), None),
            Principal::Job { rule, .. } => (self.by_token(|| Subject::Rule(rule.as_str().into()), name), None),
            Principal::Organization { .. } => (token(), None),
        };
        first.into_iter().chain(second)
    }

    fn by_address(&self, address: IpAddr) -> Option<Held<'_>> {
        let limiter = self.anonymous.as_ref()?;
        let network = guessing::network(address);
        let (subject, source) = (Subject::Address(network), network.to_string());
        Some(Held { counted: Counted::Anonymous, limiter, subject, source })
    }

    fn by_token(&self, subject: impl FnOnce() -> Subject, source: impl FnOnce() -> String) -> Option<Held<'_>> {
        let limiter = self.token.as_ref()?;
        Some(Held { counted: Counted::Token, limiter, subject: subject(), source: source() })
    }

    fn by_account(&self, id: i64, name: impl FnOnce() -> String) -> Option<Held<'_>> {
        let limiter = self.account.as_ref()?;
        Some(Held { counted: Counted::Account, limiter, subject: Subject::Account(id), source: name() })
    }
}

impl Held<'_> {
    fn allowance(self, left: u32) -> Allowance {
        Allowance { rate: self.limiter.rate(), left, source: self.source }
    }
}

/// The one of which less is left.
fn scarcer(one: Option<Allowance>, other: Allowance) -> Option<Allowance> {
    one.filter(|one| one.left <= other.left).or(Some(other))
}

impl Access {
    /// What `caller` may still pull, if that is limited.
    pub fn pulls_left(&self, caller: &Caller) -> Option<Allowance> {
        let now = Timestamp::now();
        let left = self.0.limits.of_pulls(caller).map(|held| {
            let left = held.limiter.left(&held.subject, now);
            held.allowance(left)
        });
        left.fold(None, scarcer)
    }

    /// Counts a pull of `caller`, and says what is left, if that is limited.
    ///
    /// # Errors
    /// [`Exhausted`]; then nothing is counted.
    pub fn count_pull(&self, caller: &Caller) -> Result<Option<Allowance>, Box<Exhausted>> {
        let now = Timestamp::now();
        let mut scarcest = None;
        let mut counted = Vec::new();
        for held in self.0.limits.of_pulls(caller) {
            let tally = held.limiter.tally(&held.subject);
            match held.limiter.take(&tally, now) {
                Ok(left) => {
                    counted.push((held.limiter, tally));
                    scarcest = scarcer(scarcest, held.allowance(left));
                }
                Err(after) => {
                    for (limiter, tally) in counted {
                        limiter.give_back(&tally, now);
                    }
                    return Err(Box::new(Exhausted { counted: held.counted, allowance: held.allowance(0), after }));
                }
            }
        }
        Ok(scarcest)
    }

    /// Takes a pull back that was counted and came to nothing.
    pub fn uncount_pull(&self, caller: &Caller) {
        let now = Timestamp::now();
        for held in self.0.limits.of_pulls(caller) {
            held.limiter.give_back(&held.limiter.tally(&held.subject), now);
        }
    }

    /// Whether requests of any kind are counted.
    pub fn counts_requests(&self) -> bool {
        self.0.limits.requests.is_some()
    }

    /// Counts a request of any kind.
    ///
    /// # Errors
    /// [`Exhausted`]; then it is not counted.
    pub fn count_request(&self, address: IpAddr) -> Result<(), Box<Exhausted>> {
        let Some(limiter) = &self.0.limits.requests else { return Ok(()) };
        let network = guessing::network(address);
        let tally: Arc<_> = limiter.tally(&Subject::Address(network));
        limiter.take(&tally, Timestamp::now()).map(|_| ()).map_err(|after| {
            let allowance = Allowance { rate: limiter.rate(), left: 0, source: network.to_string() };
            Box::new(Exhausted { counted: Counted::Requests, allowance, after })
        })
    }
}
