//! The keys that sign registry tokens.

use entrepot_test_engines::on_both_engines;

use super::*;

on_both_engines! {
    another_replica_takes_what_one_has_signed,
    a_new_key_signs_and_the_old_one_still_verifies,
    rotated_at_once_older_tokens_end_everywhere,
    processes_that_start_together_make_one_key,
}

async fn another_replica_takes_what_one_has_signed(place: Place) {
    let (one, other) = (open(&place, Anonymous::Pull).await, open(&place, Anonymous::Pull).await);
    let ann = one.person("ann").await;
    let token = one.granted(&ann, &["repository:ann/app:pull"]).await.token;
    assert_eq!(other.bears(&token).await.unwrap().principal(), ann.principal());
    assert_eq!(one.access.public_keys().await.unwrap(), other.access.public_keys().await.unwrap());
}

async fn a_new_key_signs_and_the_old_one_still_verifies(place: Place) {
    let (one, other) = (open(&place, Anonymous::Pull).await, open(&place, Anonymous::Pull).await);
    let ann = one.person("ann").await;
    let before = one.granted(&ann, &[]).await.token;
    other.bears(&before).await.unwrap();
    let system = one.access.permit_system(&Access::operator()).unwrap();
    one.access.rotate_keys(&system, false).await.unwrap();
    let after = one.granted(&ann, &[]).await.token;
    assert_ne!(before.split('.').next(), after.split('.').next(), "another key has signed it");
    for token in [&before, &after] {
        one.bears(token).await.unwrap();
    }
    // The other has to hear of the key first; within a second it has.
    let took = until(async || other.bears(&after).await.is_ok()).await;
    assert!(took < Duration::from_secs(1), "{took:?}");
    other.bears(&before).await.unwrap();
    assert_eq!(one.access.public_keys().await.unwrap().len(), 2);
}

async fn rotated_at_once_older_tokens_end_everywhere(place: Place) {
    let (one, other) = (open(&place, Anonymous::Pull).await, open(&place, Anonymous::Pull).await);
    let ann = one.person("ann").await;
    let system = one.access.permit_system(&Access::operator()).unwrap();
    let oldest = one.granted(&ann, &[]).await.token;
    // The oldest key already has its end, which is later than now.
    one.access.rotate_keys(&system, false).await.unwrap();
    let older = one.granted(&ann, &[]).await.token;
    for token in [&oldest, &older] {
        other.bears(token).await.unwrap();
    }
    one.access.rotate_keys(&system, true).await.unwrap();
    for token in [&oldest, &older] {
        assert!(unauthenticated(one.bears(token).await));
        let took = until(async || unauthenticated(other.bears(token).await)).await;
        assert!(took < Duration::from_secs(1), "{took:?}");
    }
    one.bears(&one.granted(&ann, &[]).await.token).await.unwrap();
    assert_eq!(one.access.public_keys().await.unwrap().len(), 1);
}

async fn processes_that_start_together_make_one_key(place: Place) {
    let mut replicas = Vec::new();
    for _ in 0..4 {
        replicas.push(open(&place, Anonymous::Pull).await);
    }
    let asked = replicas.iter().map(|one| {
        let access = one.access.clone();
        tokio::spawn(async move { access.public_keys().await.unwrap() })
    });
    let mut keys = Vec::new();
    for asked in asked.collect::<Vec<_>>() {
        keys.push(asked.await.unwrap());
    }
    assert!(keys.iter().all(|one| *one == keys[0] && one.len() == 1), "{keys:?}");
}
