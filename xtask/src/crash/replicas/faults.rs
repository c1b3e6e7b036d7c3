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

/// Everything that must happen in a long run, as it is counted.
pub(super) const KINDS: [&str; 19] = [
    "kill -9 of a replica",
    "restart of a replica",
    "start of a dead replica under load",
    "restart of PostgreSQL, fast",
    "restart of PostgreSQL, immediate",
    "PostgreSQL frozen",
    "living replicas taken for dead",
    "database refuses",
    "database cut",
    "database half closed",
    "database in a black hole",
    "database delayed",
    "database throttled",
    "store refuses",
    "store cut",
    "store half closed",
    "store in a black hole",
    "store delayed",
    "store throttled",
];

impl What {
    /// Which of [`KINDS`] it is; `None` for the end of a fault.
    pub(super) fn kind(&self) -> Option<&'static str> {
        Some(match self {
            Self::Kill(_) => "kill -9 of a replica",
            Self::Restart(_) => "restart of a replica",
            Self::Start(_) => "start of a dead replica under load",
            Self::StopDatabase => "restart of PostgreSQL, fast",
            Self::CrashDatabase => "restart of PostgreSQL, immediate",
            Self::Freeze(true) => "PostgreSQL frozen",
            Self::Freeze(false) => return None,
            Self::TakenForDead => "living replicas taken for dead",
            Self::Line { to, fault, .. } => return to.kind(*fault),
        })
    }
}

impl Backend {
    /// What a fault of the line to it is counted as.
    fn kind(self, fault: Fault) -> Option<&'static str> {
        let (database, store) = match fault {
            Fault::None => return None,
            Fault::Refuse => ("database refuses", "store refuses"),
            Fault::Cut | Fault::CutAfter(_) => ("database cut", "store cut"),
            Fault::HalfClose => ("database half closed", "store half closed"),
            Fault::BlackHole => ("database in a black hole", "store in a black hole"),
            Fault::Delay(_) => ("database delayed", "store delayed"),
            Fault::Throttle(_) => ("database throttled", "store throttled"),
        };
        Some(match self {
            Self::Database => database,
            Self::Store => store,
        })
    }
}

impl Display for Event {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms: {:?}", self.at.as_millis(), self.what)
    }
}

/// What an event can be, before it is decided to whom it happens.
#[derive(Clone, Copy, Debug)]
enum Card {
    Kill,
    Restart,
    StopDatabase,
    CrashDatabase,
    Freeze,
    TakenForDead,
    Line(Backend, LineFault),
}

#[derive(Clone, Copy, Debug)]
enum LineFault {
    Refuse,
    Cut,
    CutAfter,
    HalfClose,
    BlackHole,
    Delay,
    Throttle,
}

/// How often each is in the deck.
const OF_THE_WHOLE: [(Card, usize); 6] = [
    (Card::Kill, 12),
    (Card::Restart, 3),
    (Card::StopDatabase, 3),
    (Card::CrashDatabase, 4),
    (Card::Freeze, 2),
    (Card::TakenForDead, 4),
];
const OF_EACH_LINE: [(LineFault, usize); 7] = [
    (LineFault::Refuse, 1),
    (LineFault::Cut, 1),
    (LineFault::CutAfter, 3),
    (LineFault::HalfClose, 1),
    (LineFault::BlackHole, 3),
    (LineFault::Delay, 1),
    (LineFault::Throttle, 1),
];

/// What happens next: every kind of event has its turn before the deck is shuffled anew.
#[derive(Debug)]
pub(super) struct Deck {
    left: Vec<Card>,
    random: Random,
}

impl Deck {
    pub(super) fn new(random: Random) -> Self {
        Self { left: Vec::new(), random }
    }

    fn draw(&mut self) -> Card {
        loop {
            if let Some(card) = self.left.pop() {
                return card;
            }
            self.left = cards();
            for last in (1..self.left.len()).rev() {
                self.left.swap(last, self.random.below(last + 1));
            }
        }
    }

    /// The events of a round that lasts for `load`, in their order, for so many replicas.
    pub(super) fn choose(&mut self, load: Duration, replicas: usize, random: &mut Random) -> Vec<Event> {
        let mut events = Vec::new();
        let longest = usize::try_from(load.as_millis()).unwrap_or(usize::MAX);
        for _ in 0..1 + random.below(3) {
            let at = Duration::from_millis(random.below(longest + 1) as u64);
            let later = at + Duration::from_millis(50 + random.below(LONGEST) as u64);
            let replica = random.below(replicas);
            let mut add = |at, what| events.push(Event { at, what });
            match self.draw() {
                Card::Kill => {
                    add(at, What::Kill(replica));
                    if random.chance(60) {
                        add(later, What::Start(replica));
                    }
                }
                Card::Restart => add(at, What::Restart(replica)),
                Card::StopDatabase => add(at, What::StopDatabase),
                Card::CrashDatabase => add(at, What::CrashDatabase),
                Card::Freeze => {
                    add(at, What::Freeze(true));
                    add(later, What::Freeze(false));
                }
                Card::TakenForDead => add(at, What::TakenForDead),
                Card::Line(to, fault) => {
                    let replica = random.chance(75).then_some(replica);
                    add(at, What::Line { replica, to, fault: fault.with(random) });
                    add(later, What::Line { replica, to, fault: Fault::None });
                }
            }
        }
        events.sort_by_key(|event| event.at);
        events
    }
}

fn cards() -> Vec<Card> {
    let of_lines = [Backend::Database, Backend::Store]
        .into_iter()
        .flat_map(|to| OF_EACH_LINE.into_iter().map(move |(fault, count)| (Card::Line(to, fault), count)));
    OF_THE_WHOLE.into_iter().chain(of_lines).flat_map(|(card, count)| std::iter::repeat_n(card, count)).collect()
}

impl LineFault {
    fn with(self, random: &mut Random) -> Fault {
        match self {
            Self::Refuse => Fault::Refuse,
            Self::Cut => Fault::Cut,
            Self::CutAfter => Fault::CutAfter(random.below(200 * 1024) as u64),
            Self::HalfClose => Fault::HalfClose,
            Self::BlackHole => Fault::BlackHole,
            Self::Delay => Fault::Delay(Duration::from_millis(1 + random.below(60) as u64)),
            Self::Throttle => Fault::Throttle(NonZeroU32::MIN.saturating_add(20_000)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn one_deck_has_every_kind() {
        let mut random = Random::new(&[7]);
        let mut deck = Deck::new(Random::new(&[8]));
        let mut seen = BTreeSet::new();
        let mut events = deck.choose(Duration::from_secs(1), 3, &mut random);
        while !deck.left.is_empty() {
            events.extend(deck.choose(Duration::from_secs(1), 3, &mut random));
        }
        for event in events {
            seen.extend(event.what.kind());
        }
        assert_eq!(seen, BTreeSet::from(KINDS));
    }
}
