//! Guessing is slow, and the owner still gets in.

use std::net::IpAddr;

use entrepot_test_engines::on_both_engines;

use super::*;

on_both_engines! {
    guesses_at_one_time_are_counted_too,
    wrong_tokens_slow_nobody,
    names_that_nobody_can_have_are_only_wrong,
}

async fn guess(access: &Access, password: &str, address: &str) -> Result<Caller, Error> {
    let address: IpAddr = address.parse().unwrap();
    access.identify(Shown::Basic { username: "ann", password }, Some(address)).await
}

async fn guesses_at_one_time_are_counted_too(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    fixture.add("ann", Some(PASSWORD), false).await;
    let owner = "192.0.2.1";
    // From where else the owner comes while they are remembered, they are known too.
    for address in ["192.0.2.77", owner] {
        guess(&fixture.access, PASSWORD, address).await.unwrap();
    }
    let guesses = (0..40).map(|number| {
        let access = fixture.access.clone();
        tokio::spawn(async move { guess(&access, &format!("guess {number}"), "198.51.100.1").await.map(drop) })
    });
    let mut looked_at = 0;
    for guess in guesses.collect::<Vec<_>>() {
        match guess.await.unwrap() {
            Err(Error::Unauthenticated) => looked_at += 1,
            Err(Error::TooMany { after }) => assert!(after <= Duration::from_secs(6)),
            other => panic!("{other:?}"),
        }
    }
    // Ten at once, one more in six seconds, and those that had a turn when the tenth was wrong.
    assert!((10..20).contains(&looked_at), "{looked_at} guesses were looked at");
    // Where hashing is slow, another one may have become free meanwhile.
    while !matches!(guess(&fixture.access, "one more", "198.51.100.1").await, Err(Error::TooMany { .. })) {}
    assert!(matches!(guess(&fixture.access, PASSWORD, "198.51.100.1").await, Err(Error::TooMany { .. })));
    guess(&fixture.access, PASSWORD, owner).await.unwrap();
    // The owner's address is known, so a new login from there is looked at; others are not.
    assert!(unauthenticated(guess(&fixture.access, "wrong once", owner).await));
}

async fn wrong_tokens_slow_nobody(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    fixture.account("ann").await;
    let (_, secret) = fixture.personal_token("ann", token("pull", &[])).await;
    for number in 0..100 {
        assert!(unauthenticated(guess(&fixture.access, &format!("ept_{number}"), "192.0.2.1").await));
        assert!(unauthenticated(fixture.access.resume_login(&format!("ept_{number}"), None).await));
    }
    guess(&fixture.access, secret.reveal(), "192.0.2.1").await.unwrap();
}

async fn names_that_nobody_can_have_are_only_wrong(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    let long = "a".repeat(100_000);
    for username in ["", "Ann", "a\0b", "a/b", "library", "ann'; DROP TABLE accounts; --", &long] {
        assert!(unauthenticated(fixture.logs_in(username, "correct horse").await), "{username:.20}");
    }
    assert!(unauthenticated(fixture.logs_in("ann", &long).await));
}
