//! What is used is what is there, whatever happened; and no namespace gets more than it may have but by what is under way.

use std::collections::BTreeMap;

use entrepot_oci::{ByteRange, RepositoryName};
use entrepot_test_engines::{Place, on_both_engines};

use super::*;
use crate::gate::{Action, Policy, Terms};
use crate::tests::random::Random;
use crate::usage::count::{self, Weight};
use crate::usage::grows;

on_both_engines! {
    what_is_used_never_drifts,
    what_was_there_before_is_counted_once_while_others_push,
    a_full_namespace_takes_only_what_it_has,
    an_upload_that_does_not_fit_ends_early,
    many_at_one_time_go_over_by_what_is_under_way_at_most,
}

const REPOSITORIES: [&str; 4] = ["acme/app", "acme/web", "other/app", "hello"];
const CONTENTS: [&[u8]; 5] =
    [b"", b"a", b"some bytes", b"more bytes than some", b"a few bytes more than all the others have"];

/// Everybody may do everything, as far as there is room.
#[derive(Clone)]
struct Limited(u64);

impl Policy for Limited {
    type Caller = ();
    type Refusal = std::convert::Infallible;

    async fn decide(&self, (): &(), _: Action, _: &RepositoryName) -> Result<Terms, Self::Refusal> {
        Ok(Terms::default().limited_to(Some(self.0)))
    }

    fn decide_catalog(&self, (): &()) -> Result<(), Self::Refusal> {
        Ok(())
    }

    async fn visible(&self, (): &(), names: Vec<String>) -> Result<Vec<String>, Self::Refusal> {
        Ok(names)
    }
}

async fn limited<P: Permission>(name: &str, bytes: u64) -> Grant<P> {
    Gate::new(Limited(bytes)).authorize(&(), name.parse().unwrap()).await.unwrap()
}

impl Fixture {
    async fn weights(&self) -> BTreeMap<String, Weight> {
        self.registry.database().scan(count::weigh).await.unwrap()
    }

    async fn used(&self, namespace: &'static str) -> u64 {
        self.registry.database().read(move |connection| crate::used_bytes(connection, namespace)).await.unwrap()
    }

    /// That every namespace's count is what it has.
    async fn assert_counted(&self) -> BTreeMap<String, Weight> {
        let weights = self.weights().await;
        assert!(weights.values().all(|weight| weight.there == weight.written), "{weights:?}");
        weights
    }
}

/// One step of a history; what cannot be is refused, and that is fine.
async fn step(fixture: &Fixture, random: &mut Random) -> Result<(), Error> {
    let registry = &fixture.registry;
    let name = REPOSITORIES[random.below(REPOSITORIES.len())];
    let content = CONTENTS[random.below(CONTENTS.len())];
    let digest = digest(content);
    match random.below(9) {
        0 => registry.push_blob(&grant(name), body(content), None, &digest).await,
        1 => {
            let id = registry.begin_upload(&grant(name), None).await?;
            registry.append(&grant(name), id, None, body(content)).await?;
            registry.finish_upload(&grant(name), id, None, body(b""), &digest).await
        }
        2 => {
            let from = grant(REPOSITORIES[random.below(REPOSITORIES.len())]);
            registry.mount_blob(&grant(name), &MountSource::new(from), &digest).await.map(|_| ())
        }
        3 => registry.delete_blob(&grant(name), &digest).await,
        4 | 5 => {
            let tag = format!("v{}", random.below(3));
            fixture.push_image(name, &tag, &digest, content.len()).await.map(|_| ())
        }
        6 | 7 => {
            let target = fixture.tag_target(name, &format!("v{}", random.below(3))).await?;
            registry.delete_manifest(&grant(name), &target).await
        }
        _ => match random.below(4) {
            0 => registry.purge().await.map(|_| ()),
            _ => registry.count().await,
        },
    }
}

async fn what_is_used_never_drifts(place: Place) {
    let fixture = Arc::new(fixture(&place, Options::default()).await);
    fixture.registry.count().await.unwrap();
    let histories: Vec<_> = (1..=4)
        .map(|seed| {
            let fixture = Arc::clone(&fixture);
            tokio::spawn(async move {
                let mut random = Random::new(seed);
                let mut done = 0;
                for _ in 0..150 {
                    done += usize::from(step(&fixture, &mut random).await.is_ok());
                }
                done
            })
        })
        .collect();
    let mut done = 0;
    for history in histories {
        done += history.await.unwrap();
    }
    assert!(done > 200, "{done} steps of 600 did something");
    let before = fixture.assert_counted().await;
    fixture.registry.count().await.unwrap();
    assert_eq!(fixture.assert_counted().await, before);
    for (namespace, weight) in before.into_iter().filter(|(namespace, _)| !namespace.is_empty()) {
        assert_eq!(fixture.used(namespace.leak()).await, weight.there as u64);
    }
}

async fn what_was_there_before_is_counted_once_while_others_push(place: Place) {
    let fixture = Arc::new(fixture(&place, Options::default()).await);
    for content in CONTENTS {
        fixture.push_blob("acme/app", content).await;
    }
    // As a version leaves it that does not count.
    let forgotten = fixture
        .registry
        .database()
        .write(Durability::Power, |connection| connection.execute(&count::tables::CLEAR_CHANGES, &[]));
    assert!(forgotten.await.unwrap_or_default() > 0);
    let pushers: Vec<_> = (0..8)
        .map(|pusher| {
            let fixture = Arc::clone(&fixture);
            tokio::spawn(async move {
                for round in 0..10 {
                    fixture.push_blob("acme/web", format!("{pusher} {round}").leak().as_bytes()).await;
                }
            })
        })
        .collect();
    fixture.registry.count().await.unwrap();
    for pusher in pushers {
        pusher.await.unwrap();
    }
    fixture.registry.count().await.unwrap();
    let weights = fixture.assert_counted().await;
    let all: usize = CONTENTS.iter().map(|content| content.len()).sum();
    assert_eq!(weights["acme"].there, (all + 8 * 10 * 3) as i64);
    // A second count finds nothing to do, whatever is wrong: only the doctor says so.
    let app: RepositoryName = "acme/app".parse().unwrap();
    fixture.registry.database().write(Durability::Power, move |connection| grows(connection, &app, 7)).await.unwrap();
    fixture.registry.count().await.unwrap();
    let wrong = fixture.weights().await["acme"];
    assert_eq!(wrong.written - wrong.there, 7);
}

async fn a_full_namespace_takes_only_what_it_has(place: Place) {
    // With a trash, what is in that still takes room.
    let fixture = fixture(&place, Options { trash_for: Duration::ZERO, ..Options::default() }).await;
    let registry = &fixture.registry;
    let here = fixture.push_blob("acme/app", b"0123456789").await;
    let other = fixture.push_blob("other/app", b"elsewhere").await;
    let full = |error: Error| match error {
        Error::QuotaReached(full) => (full.namespace, full.used, full.allowed),
        other => panic!("{other}"),
    };
    let push = limited::<Push>("acme/web", 10).await;
    let expected = ("acme".to_owned(), 10, 10);
    assert_eq!(full(registry.begin_upload(&push, None).await.unwrap_err()), expected);
    let new = digest(b"x");
    assert_eq!(full(registry.push_blob(&push, body(b"x"), Some(1), &new).await.unwrap_err()), expected);
    assert_eq!(full(registry.push_blob(&push, body(b"x"), None, &new).await.unwrap_err()), expected);
    let source = || MountSource::new(grant("other/app"));
    assert_eq!(full(registry.mount_blob(&push, &source(), &other).await.unwrap_err()), expected);
    // What a repository has it may be given again; and what one does not have takes room in each.
    let push = limited::<Push>("acme/app", 10).await;
    registry.push_blob(&push, body(b"0123456789"), Some(10), &here).await.unwrap();
    assert_eq!(full(registry.put_manifest(&push, image("v1", &here, 10)).await.unwrap_err()), expected);
    let image_digest = fixture.push_image("acme/app", "v1", &here, 10).await.unwrap();
    assert_eq!(registry.put_manifest(&push, image("v2", &here, 10)).await.unwrap().digest, image_digest);
    let elsewhere = limited::<Push>("acme/web", 10).await;
    let within = MountSource::new(grant("acme/app"));
    assert!(matches!(registry.mount_blob(&elsewhere, &within, &here).await, Err(Error::QuotaReached(_))));
    // What is deleted makes room at once.
    registry.delete_manifest(&grant::<Delete>("acme/app"), &image_digest).await.unwrap();
    registry.delete_blob(&grant::<Delete>("acme/app"), &here).await.unwrap();
    assert!(registry.mount_blob(&push, &source(), &other).await.unwrap());
    assert_eq!(fixture.used("acme").await, 9);
    fixture.registry.count().await.unwrap();
    fixture.assert_counted().await;
}

async fn an_upload_that_does_not_fit_ends_early(place: Place) {
    let fixture = fixture(&place, Options::default()).await;
    let registry = &fixture.registry;
    let push = limited::<Push>("acme/app", 10).await;
    let id = registry.begin_upload(&push, None).await.unwrap();
    assert_eq!(registry.append(&push, id, None, body(b"0123456")).await.unwrap(), 7);
    // In the middle of a body of unknown length, or before one whose range says how long it is.
    let endless = stream::repeat_with(|| Ok(Bytes::from_static(b"0")));
    assert!(matches!(registry.append(&push, id, None, endless).await, Err(Error::QuotaReached(_))));
    let range: ByteRange = "7-16".parse().unwrap();
    let never = stream::pending();
    assert!(matches!(registry.append(&push, id, Some(range), never).await, Err(Error::QuotaReached(_))));
    // Others were faster: all of it came, and does not fit any more.
    fixture.push_blob("acme/web", b"other").await;
    let whole = digest(b"0123456");
    let refused = registry.finish_upload(&push, id, None, body(b""), &whole).await;
    assert!(matches!(refused, Err(Error::QuotaReached(_))), "{refused:?}");
    assert!(matches!(registry.upload_size(&push, id).await, Err(Error::UploadUnknown)));
    assert_eq!(fixture.used("acme").await, 5);
}

async fn many_at_one_time_go_over_by_what_is_under_way_at_most(place: Place) {
    const PUSHERS: usize = 16;
    const ALLOWED: u64 = 1000;
    let fixture = Arc::new(fixture(&place, Options::default()).await);
    let pushers: Vec<_> = (0..PUSHERS)
        .map(|pusher| {
            let fixture = Arc::clone(&fixture);
            tokio::spawn(async move {
                let push = limited::<Push>("acme/app", ALLOWED).await;
                let mut pushed = 0;
                for round in 0.. {
                    let bytes: &[u8] = format!("{pusher:010}{round:010}").leak().as_bytes();
                    match fixture.registry.push_blob(&push, body(bytes), None, &digest(bytes)).await {
                        Ok(()) => pushed += bytes.len() as u64,
                        Err(Error::QuotaReached(_)) => break,
                        Err(error) => assert!(error.is_temporary(), "{error}"),
                    }
                }
                pushed
            })
        })
        .collect();
    let mut pushed = 0;
    for pusher in pushers {
        pushed += pusher.await.unwrap();
        fixture.registry.count().await.unwrap();
    }
    assert_eq!(fixture.used("acme").await, pushed);
    // A push that finds no room is the last of its pusher, so nothing was left unused.
    assert!((ALLOWED..=ALLOWED + (PUSHERS as u64 - 1) * 20).contains(&pushed), "{pushed}");
    fixture.assert_counted().await;
}
