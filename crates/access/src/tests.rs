//! The rules over both databases. Each test makes its own people; callers are who a token of theirs says.

use std::time::{Duration, Instant};

use entrepot_oci::RepositoryName;
use entrepot_registry::gate::{Action, Policy};
use entrepot_test_engines::Place;

use crate::account::NewPassword;
use crate::token::NewToken;
use crate::{
    Access, Anonymous, Caller, Error, Granted, Membership, Name, NamespaceOwner, NewAccount, Options, Pattern, Permit,
    ROOM, Role, Scopes, Secret, Service, Shown, Subject, Visibility,
};

mod audit;
mod devices;
mod entry;
mod guessing;
mod invitations;
mod jobs;
mod keys;
mod links;
mod organizations;
mod passkeys;
mod providers;
mod rates;
mod repositories;
mod revocation;
mod roles;
mod statements;
mod tokens;

const PASSWORD: &str = "correct horse battery";

struct Fixture {
    access: Access,
    /// Keeps what is remembered true, as `serve` does.
    attending: tokio::task::JoinHandle<()>,
}

impl Drop for Fixture {
    fn drop(&mut self) {
        self.attending.abort();
    }
}

async fn open(place: &Place, anonymous: Anonymous) -> Fixture {
    open_with(place, Options::new(anonymous)).await
}

async fn open_with(place: &Place, options: Options) -> Fixture {
    let access = Access::new(options, place.open(&[entrepot_registry::ROOM, ROOM]).await.unwrap()).unwrap();
    let attended = access.clone();
    Fixture { access, attending: tokio::spawn(async move { attended.attend().await }) }
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn repository(text: &str) -> RepositoryName {
    text.parse().unwrap()
}

fn pattern(text: &str) -> Pattern {
    text.parse().unwrap()
}

/// A token for everything, or for these scopes and patterns.
fn token(scopes: &str, patterns: &[&str]) -> NewToken {
    NewToken {
        label: "test".to_owned(),
        scopes: Scopes::from_words(scopes.split(' ')).unwrap(),
        repositories: patterns.iter().map(|text| pattern(text)).collect(),
        lifetime: None,
    }
}

impl Fixture {
    /// An account without a password.
    async fn account(&self, text: &str) -> Name {
        self.add(text, None, false).await;
        name(text)
    }

    async fn add(&self, text: &str, password: Option<&str>, administrator: bool) {
        let system = self.access.permit_system(&Access::operator()).unwrap();
        let password = password.map(|password| NewPassword::Chosen(password.to_owned()));
        let new = NewAccount { name: name(text), email: None, password, administrator };
        self.access.create_account(&system, new).await.unwrap();
    }

    /// An account, as who it asks with a personal token.
    async fn person(&self, text: &str) -> Caller {
        self.account(text).await;
        self.personal(text, token("pull push delete admin", &[])).await
    }

    async fn administrator(&self, text: &str) -> Caller {
        self.add(text, None, true).await;
        self.personal(text, token("pull push delete admin", &[])).await
    }

    /// Who shows a new personal token.
    async fn personal(&self, text: &str, new: NewToken) -> Caller {
        let (_, secret) = self.personal_token(text, new).await;
        self.shows(&secret).await.unwrap()
    }

    async fn personal_token(&self, text: &str, new: NewToken) -> (String, Secret) {
        let permit = self.access.permit_account(&Access::operator(), &name(text)).await.unwrap();
        self.access.create_personal_token(&permit, new).await.unwrap()
    }

    async fn organization(&self, text: &str, owner: &str) -> Permit<NamespaceOwner> {
        self.access.create_organization(&Access::operator(), &name(text), &name(owner)).await.unwrap();
        self.owner_of(text).await
    }

    /// What an owner may do, as the operator may.
    async fn owner_of(&self, text: &str) -> Permit<NamespaceOwner> {
        self.access.permit_namespace(&Access::operator(), text).await.unwrap()
    }

    async fn robot(&self, permit: &Permit<NamespaceOwner>, robot: &str) -> Caller {
        self.access.create_robot(permit, &name(robot), "").await.unwrap();
        let new = token("pull push delete admin", &[]);
        let (_, secret) = self.access.create_robot_token(permit, &name(robot), new).await.unwrap();
        self.shows(&secret).await.unwrap()
    }

    async fn give(&self, permit: &Permit<NamespaceOwner>, subject: Subject, on: &str, role: Role) {
        self.access.set_grant(permit, subject, pattern(on), role).await.unwrap();
    }

    async fn create(&self, text: &str, visibility: Visibility) {
        let permit = self.access.permit_repository(&Access::operator(), &repository(text)).await.unwrap();
        self.access.create_repository(&permit, Some(visibility)).await.unwrap();
    }

    /// Who shows a token or a registry token.
    async fn shows(&self, secret: &Secret) -> Result<Caller, Error> {
        self.bears(secret.reveal()).await
    }

    async fn bears(&self, token: &str) -> Result<Caller, Error> {
        self.access.identify(Shown::Bearer(token), None).await
    }

    async fn logs_in(&self, username: &str, password: &str) -> Result<Caller, Error> {
        self.access.identify(Shown::Basic { username, password }, None).await
    }

    /// A registry token for these scopes.
    async fn granted(&self, caller: &Caller, scopes: &[&str]) -> Granted {
        let scopes = scopes.iter().map(|scope| scope.parse().unwrap()).collect();
        self.access.grant_token(caller, Service { scopes, ..Service::default() }).await.unwrap()
    }

    async fn may(&self, caller: &Caller, action: Action, on: &str) -> bool {
        match self.access.decide(caller, action, &repository(on)).await {
            Ok(_) => true,
            Err(Error::RepositoryDenied { .. }) => false,
            Err(error) => panic!("{on}: {error}"),
        }
    }

    /// What of pull, push and delete `caller` may do: `pull`, `all` or `nothing`; the three go together in no other way.
    async fn rights(&self, caller: &Caller, on: &str) -> &'static str {
        let push = self.may(caller, Action::Push, on).await;
        let (pull, delete) = (self.may(caller, Action::Pull, on).await, self.may(caller, Action::Delete, on).await);
        match (pull, push, delete) {
            (true, true, true) => "all",
            (true, false, false) => "pull",
            (false, false, false) => "nothing",
            other => panic!("{on}: {other:?}"),
        }
    }
}

fn unauthenticated<T>(result: Result<T, Error>) -> bool {
    matches!(result, Err(Error::Unauthenticated))
}

/// Asks again and again until `done`, and returns after what time it was asked last when it was not.
async fn until(mut done: impl AsyncFnMut() -> bool) -> Duration {
    let (start, mut last) = (Instant::now(), Duration::ZERO);
    loop {
        let asked = start.elapsed();
        if done().await {
            return last;
        }
        last = asked;
        assert!(asked < Duration::from_secs(5), "it does not come to that");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
