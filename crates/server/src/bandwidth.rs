//! Caps on how fast content comes and goes, and what shares them: all transfers of an address, and all of somebody who logged in.
//! Each process caps what goes through it.

use std::convert::Infallible;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Arc;

use entrepot_access::Caller;
use http::{Request, Response};
use quick_cache::sync::Cache;

use crate::body::Body;
use crate::net::{Line, Lines, Paced, RequestBody};

/// Addresses, and people, whose transfers are capped; the least used are forgotten first, as whoever sends nothing needs no cap.
const KNOWN: usize = 20_000;

/// Bytes a second that may go in each direction; `None` for any.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bandwidth {
    /// For an address, or a /64 of IPv6.
    pub per_address: Option<u64>,
    /// For somebody who logged in.
    pub per_account: Option<u64>,
}

/// All caps.
pub(crate) struct Caps {
    addresses: Option<Shared<IpAddr>>,
    accounts: Option<Shared<String>>,
}

/// The lines of each who has a cap.
struct Shared<K> {
    bytes_per_second: u64,
    lines: Cache<K, Both>,
}

/// The two directions.
#[derive(Clone)]
struct Both {
    up: Arc<Line>,
    down: Arc<Line>,
}

/// The caps that hold for one request.
pub(crate) struct Capped {
    down: Lines,
}

impl Caps {
    pub(crate) fn new(bandwidth: Bandwidth) -> Self {
        Self { addresses: bandwidth.per_address.map(Shared::new), accounts: bandwidth.per_account.map(Shared::new) }
    }

    /// Holds the body of a request of `caller` back as it has to be.
    pub(crate) fn request(&self, caller: &Caller, request: &mut Request<RequestBody>) -> Capped {
        let (mut up, mut down) = (Lines::default(), Lines::default());
        let address = || Some(entrepot_access::network(caller.address()?));
        let of_address = self.addresses.as_ref().and_then(|shared| Some(shared.of(&address()?)));
        let of_account = self.accounts.as_ref().and_then(|shared| Some(shared.of(&caller.principal().name()?)));
        for both in of_address.into_iter().chain(of_account) {
            up.push(both.up);
            down.push(both.down);
        }
        if !up.is_empty() {
            request.body_mut().hold_back(up);
        }
        Capped { down }
    }
}

impl Capped {
    /// Holds the body of the answer back as it has to be.
    pub(crate) fn answer(self, answer: Response<Body>) -> Response<Body> {
        if self.down.is_empty() {
            return answer;
        }
        answer.map(|body| Body::Paced(Box::new(Paced::new(body, self.down))))
    }
}

impl<K: Hash + Eq + Clone> Shared<K> {
    fn new(bytes_per_second: u64) -> Self {
        Self { bytes_per_second, lines: Cache::new(KNOWN) }
    }

    fn of(&self, who: &K) -> Both {
        let line = || Arc::new(Line::new(self.bytes_per_second));
        let new = || Ok::<_, Infallible>(Both { up: line(), down: line() });
        let Ok(both) = self.lines.get_or_insert_with(who, new);
        both
    }
}
