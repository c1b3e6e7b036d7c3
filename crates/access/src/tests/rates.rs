//! Limits on pulls: who is counted by what, and that processes over one database count together.

use std::net::IpAddr;

use entrepot_test_engines::{on_both_engines, options};
use entrepot_test_support::{Fault, FaultProxy};

use super::*;
use crate::{Counted, Rate, Rates};

on_both_engines! {
    each_is_counted_by_what_they_show,
    processes_count_together_and_what_ended_is_forgotten,
    without_its_database_a_process_counts_for_itself,
}

fn rate(most: u32) -> Option<Rate> {
    Rate::new(most, Duration::from_secs(7 * 24 * 3600))
}

async fn limited(place: &Place, rates: Rates) -> Fixture {
    over(place.open(&[ROOM]).await.unwrap(), rates)
}

fn over(database: entrepot_database::Database, rates: Rates) -> Fixture {
    let access = Access::new(Options { rates, ..Options::new(Anonymous::Pull) }, database).unwrap();
    let attended = access.clone();
    Fixture { access, attending: tokio::spawn(async move { attended.attend().await }) }
}

impl Fixture {
    async fn from(&self, address: &str) -> Caller {
        let address: IpAddr = address.parse().unwrap();
        self.access.identify(Shown::Nothing, Some(address)).await.unwrap()
    }

    /// What is left after a pull, and for whom it is counted; by what it was counted, if nothing was left.
    fn pull(&self, caller: &Caller) -> Result<Option<(u32, String)>, Counted> {
        let counted = self.access.count_pull(caller);
        counted
            .map(|allowance| allowance.map(|allowance| (allowance.left, allowance.source)))
            .map_err(|exhausted| exhausted.counted)
    }

    async fn becomes(&self, caller: &Caller, left: u32) {
        let start = Instant::now();
        while self.access.pulls_left(caller).unwrap().left != left {
            let longest = Duration::from_secs(20);
            assert!(start.elapsed() < longest, "{:?} left, not {left}", self.access.pulls_left(caller));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

async fn each_is_counted_by_what_they_show(place: Place) {
    let rates = Rates { anonymous_pulls: rate(2), account_pulls: rate(3), token_pulls: rate(2), requests: None };
    let fixture = limited(&place, rates).await;
    let from = |address: &str, left| Ok(Some((left, address.to_owned())));
    let (here, there) = (fixture.from("192.0.2.1").await, fixture.from("192.0.2.2").await);
    assert_eq!(fixture.pull(&here), from("192.0.2.1", 1));
    assert_eq!(fixture.pull(&here), from("192.0.2.1", 0));
    assert_eq!(fixture.pull(&here), Err(Counted::Anonymous));
    assert_eq!(fixture.pull(&there), from("192.0.2.2", 1));
    // The addresses of one network of IPv6 are one.
    assert_eq!(fixture.pull(&fixture.from("2001:db8::1").await), from("2001:db8::", 1));
    assert_eq!(fixture.pull(&fixture.from("2001:db8::ffff:1").await), from("2001:db8::", 0));
    assert_eq!(fixture.pull(&fixture.from("2001:db8:0:1::1").await), from("2001:db8:0:1::", 1));

    // A token is counted for itself and for its owner.
    fixture.account("ann").await;
    let (one, other) =
        (fixture.personal("ann", token("pull", &[])).await, fixture.personal("ann", token("pull", &[])).await);
    let crate::Credential::Token(id) = one.credential().clone() else { panic!("{one:?}") };
    assert_eq!(fixture.pull(&one), from(&id, 1));
    assert_eq!(fixture.pull(&one), from(&id, 0));
    assert_eq!(fixture.pull(&one), Err(Counted::Token));
    assert_eq!(fixture.pull(&other), from("ann", 0), "what was refused did not count");
    assert_eq!(fixture.pull(&other), Err(Counted::Account));
    assert_eq!(fixture.access.pulls_left(&other).unwrap().left, 0);
    // What came to nothing is given back to both.
    fixture.access.uncount_pull(&other);
    assert_eq!(fixture.pull(&other), from("ann", 0));

    // All tokens of a robot are one.
    let acme = fixture.organization("acme", "ann").await;
    fixture.access.create_robot(&acme, &name("ci"), "").await.unwrap();
    let mut robot = Vec::new();
    for _ in 0..2 {
        let (_, secret) = fixture.access.create_robot_token(&acme, &name("ci"), token("pull", &[])).await.unwrap();
        robot.push(fixture.shows(&secret).await.unwrap());
    }
    assert_eq!(fixture.pull(&robot[0]), from("acme+ci", 1));
    assert_eq!(fixture.pull(&robot[1]), from("acme+ci", 0));
    assert_eq!(fixture.pull(&robot[0]), Err(Counted::Token));
    assert_eq!(fixture.pull(&Access::operator()), Ok(None));
}

async fn processes_count_together_and_what_ended_is_forgotten(place: Place) {
    let rates = Rates { anonymous_pulls: rate(30), ..Rates::default() };
    let all = [limited(&place, rates).await, limited(&place, rates).await, limited(&place, rates).await];
    let callers = [all[0].from("192.0.2.1").await, all[1].from("192.0.2.1").await, all[2].from("192.0.2.1").await];
    for (fixture, caller) in all.iter().zip(&callers) {
        for _ in 0..7 {
            fixture.pull(caller).unwrap();
        }
    }
    for (fixture, caller) in all.iter().zip(&callers) {
        fixture.becomes(caller, 9).await;
    }
    // Who was not asked yet learns it too.
    let late = limited(&place, rates).await;
    late.becomes(&callers[0], 9).await;
    for _ in 0..9 {
        late.pull(&callers[0]).unwrap();
    }
    all[0].becomes(&callers[0], 0).await;
    assert_eq!(all[0].pull(&callers[0]), Err(Counted::Anonymous));
    // A process that ends tells what it has not told.
    let other = all[0].from("192.0.2.2").await;
    all[0].pull(&other).unwrap();
    all[0].attending.abort();
    while !all[0].attending.is_finished() {
        tokio::task::yield_now().await;
    }
    all[0].access.finish().await;
    all[1].becomes(&other, 29).await;
}

async fn without_its_database_a_process_counts_for_itself(place: Place) {
    let Place::Postgres { server, url } = &place else { return };
    let rates = Rates { anonymous_pulls: rate(5), ..Rates::default() };
    let proxy = FaultProxy::start(([127, 0, 0, 1], server.port()).into()).unwrap();
    let through = url.replace(&format!(":{}", server.port()), &format!(":{}", proxy.address().port()));
    let through = options(&through).unwrap();
    let cut = over(entrepot_database::Database::connect(through, &[ROOM]).await.unwrap(), rates);
    let whole = limited(&place, rates).await;
    let caller = cut.from("192.0.2.1").await;
    whole.pull(&caller).unwrap();
    cut.pull(&caller).unwrap();
    cut.becomes(&caller, 3).await;
    proxy.set(Fault::Cut);
    let start = Instant::now();
    assert_eq!((0..3).map(|_| cut.pull(&caller).unwrap().unwrap().0).collect::<Vec<_>>(), [2, 1, 0]);
    assert_eq!(cut.pull(&caller), Err(Counted::Anonymous));
    assert!(start.elapsed() < Duration::from_millis(500), "nobody waits for the database");
    proxy.set(Fault::None);
    whole.becomes(&caller, 0).await;
}
