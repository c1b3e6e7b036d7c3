//! What goes wrong in a round, and when.

use std::fmt::{self, Display, Formatter};
use std::num::NonZeroU32;
use std::time::Duration;

use entrepot_test_support::Fault;

use crate::random::Random;

/// How long a fault that ends by itself lasts at most.
const LONGEST: usize = 1200;

/// Something that happens while clients work.
#[derive(Clone, Debug)]
pub(super) struct Event {
    /// How long after the beginning of the round.
    pub(super) at: Duration,
    pub(super) what: What,
}

/// What happens.
#[derive(Clone, Debug)]
pub(super) enum What {
    /// A replica is killed with `kill -9`.
    Kill(usize),
    /// A replica is asked to end and does (SIGTERM); then it is started again.
    Restart(usize),
    /// A replica that is dead is started again while the clients go on.
    Start(usize),
    /// PostgreSQL cuts its clients, ends and is started again.
    StopDatabase,
    /// PostgreSQL crashes and is started again.
    CrashDatabase,
    /// PostgreSQL stands still.
    Freeze(bool),
    /// The line of a replica, or of all, changes.
    Line { replica: Option<usize>, to: Backend, fault: Fault },
    /// The database did not hear of any replica for a minute: all that live are taken for dead.
    TakenForDead,
}

/// What a line leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Backend {
    Database,
    Store,
}

impl What {
    /// A word for it, to count by.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Kill(_) => "kill -9 of a replica",
            Self::Restart(_) => "restart of a replica",
            Self::Start(_) => "start of a dead replica under load",
            Self::StopDatabase => "restart of PostgreSQL, fast",
            Self::CrashDatabase => "restart of PostgreSQL, immediate",
            Self::Freeze(_) => "PostgreSQL frozen",
            Self::Line { to: Backend::Database, fault, .. } => match fault {
                Fault::None => "line healed",
                Fault::Refuse => "database refuses",
                Fault::Cut | Fault::CutAfter(_) => "database cut",
                Fault::HalfClose => "database half closed",
                Fault::BlackHole => "database in a black hole",
                Fault::Delay(_) | Fault::Throttle(_) => "database slow",
            },
            Self::Line { to: Backend::Store, fault, .. } => match fault {
                Fault::None => "line healed",
                Fault::Refuse => "store refuses",
                Fault::Cut | Fault::CutAfter(_) => "store cut",
                Fault::HalfClose => "store half closed",
                Fault::BlackHole => "store in a black hole",
                Fault::Delay(_) | Fault::Throttle(_) => "store slow",
            },
            Self::TakenForDead => "living replicas taken for dead",
        }
    }
}

impl Display for Event {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms: {:?}", self.at.as_millis(), self.what)
    }
}

/// The events of a round that lasts for `load`, in their order, for so many replicas.
pub(super) fn choose(load: Duration, replicas: usize, random: &mut Random) -> Vec<Event> {
    let mut events = Vec::new();
    let longest = usize::try_from(load.as_millis()).unwrap_or(usize::MAX);
    for _ in 0..1 + random.below(3) {
        let at = Duration::from_millis(random.below(longest + 1) as u64);
        let later = at + Duration::from_millis(50 + random.below(LONGEST) as u64);
        let replica = random.below(replicas);
        let mut add = |at, what| events.push(Event { at, what });
        match random.below(100) {
            0..24 => {
                add(at, What::Kill(replica));
                if random.chance(60) {
                    add(later, What::Start(replica));
                }
            }
            24..30 => add(at, What::Restart(replica)),
            30..36 => add(at, What::StopDatabase),
            36..44 => add(at, What::CrashDatabase),
            44..48 => {
                add(at, What::Freeze(true));
                add(later, What::Freeze(false));
            }
            48..56 => add(at, What::TakenForDead),
            _ => {
                let replica = random.chance(75).then_some(replica);
                let to = if random.chance(50) { Backend::Database } else { Backend::Store };
                add(at, What::Line { replica, to, fault: fault(random) });
                add(later, What::Line { replica, to, fault: Fault::None });
            }
        }
    }
    events.sort_by_key(|event| event.at);
    events
}

fn fault(random: &mut Random) -> Fault {
    match random.below(8) {
        0 => Fault::Refuse,
        1 => Fault::Cut,
        2 | 3 => Fault::CutAfter(random.below(200 * 1024) as u64),
        4 => Fault::HalfClose,
        5 | 6 => Fault::BlackHole,
        _ if random.chance(50) => Fault::Delay(Duration::from_millis(1 + random.below(60) as u64)),
        _ => Fault::Throttle(NonZeroU32::MIN.saturating_add(20_000)),
    }
}
