//! People who log in at a real OpenID provider, over both databases and by way of two replicas.

use entrepot_database::{Durability, Statement, Timestamp};
use entrepot_identity::Secret as ClientSecret;
use entrepot_identity::provider::{ClaimNames, Client, Registration, SecretIn};
use entrepot_test_engines::on_both_engines;
use entrepot_test_support::servers::{OidcProvider, OidcSettings};

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::*;
use crate::{Admission, AuditFilter, LoginProvider, ProviderAnswer, TeamGroup, Visit, tables};

on_both_engines! {
    a_login_is_taken_once_by_whichever_replica,
    who_is_asked_about_follows_and_lapses,
    a_refresh_token_that_is_good_once_is_kept_whatever_comes_of_the_rest,
    a_look_at_who_is_due_ends,
    who_logs_out_elsewhere_stays_in_here,
    a_new_token_is_kept_when_the_process_stops,
    a_new_token_is_kept_when_writes_go_on,
    without_a_refresh_token_the_last_word_counts_for_a_while,
    a_provider_that_is_configured_no_more_is_believed_for_a_day,
}

/// Leaves a session as it is if the provider does not tell of its own.
const FORGET_PROVIDER_SESSION: Statement = {
    let text = "UPDATE sessions SET provider_session = NULL WHERE hash = $1";
    Statement::new("FORGET_PROVIDER_SESSION", text, text)
};

/// What the provider calls the session with which one began.
const PROVIDER_SESSION: Statement = {
    let text = "SELECT provider_session FROM sessions WHERE hash = $1";
    Statement::new("PROVIDER_SESSION", text, text)
};

const BEA: &str = "4711";
const BEN: &str = "4712";
const ACCOUNTS: &str = r#"{
    "4711": {"preferred_username": "bea", "email": "bea@acme.example", "email_verified": true, "groups": ["dev"]},
    "4712": {"preferred_username": "ben", "email": "ben@acme.example", "email_verified": false, "groups": ["dev"]}
}"#;
const CALLBACK: &str = "https://registry.acme.example/login/oidc/acme/callback";

fn start() -> Option<OidcProvider> {
    let settings = OidcSettings { algorithm: "ES256", in_token: false, accounts: ACCOUNTS };
    OidcProvider::start_for(&settings, CALLBACK).unwrap()
}

/// People of this provider, asked about every second, may come in.
fn options(provider: &OidcProvider, prompt: Option<&str>) -> Options {
    let acme = LoginProvider {
        name: "acme".parse().unwrap(),
        label: "Acme".to_owned(),
        issuer: provider.issuer().parse().unwrap(),
        registration: Registration {
            client_id: "basic".to_owned(),
            secret: Some(ClientSecret::from(OidcProvider::SECRET)),
            secret_in: SecretIn::Basic,
            claims: ClaimNames::default(),
            prompt: prompt.map(str::to_owned),
        },
        scopes: ["profile", "email", "groups"].map(str::to_owned).into(),
        admission: Admission::default(),
        recheck_interval: Duration::from_secs(1),
        recheck_within: Duration::from_secs(2),
    };
    Options {
        providers: Some(Client::trusting(None).unwrap()),
        login_providers: vec![acme],
        public_url: Some("https://registry.acme.example".parse().unwrap()),
        ..Options::new(Anonymous::Nothing)
    }
}

/// A browser that has come back: what it brings, and its secret.
async fn come_back(access: &Access, provider: &OidcProvider, subject: &str) -> (ProviderAnswer, Secret) {
    let departure = access.begin_provider_login("acme", "/settings", None).await.unwrap();
    let back = provider.log_in(&departure.url, subject).unwrap();
    let parameter = |name: &str| {
        let (_, rest) = back.split_once(&format!("{name}="))?;
        // Nothing but the issuer has to be decoded.
        Some(rest.split('&').next()?.replace("%3A", ":").replace("%2F", "/"))
    };
    let answer = ProviderAnswer {
        code: parameter("code"),
        state: parameter("state"),
        iss: parameter("iss"),
        ..Default::default()
    };
    (answer, departure.browser)
}

async fn log_in(access: &Access, provider: &OidcProvider, subject: &str) -> Secret {
    let (answer, browser) = come_back(access, provider, subject).await;
    let finished = access.finish_provider_login("acme", &answer, browser.reveal(), &Visit::default()).await;
    finished.unwrap().session
}

/// Asks providers until it is to stop.
struct Following {
    stop: watch::Sender<()>,
    asking: JoinHandle<()>,
}

impl Following {
    async fn stop(self) {
        drop(self.stop);
        self.asking.await.unwrap();
    }
}

impl Fixture {
    fn follow(&self) -> Following {
        let ((stop, stopped), access) = (watch::channel(()), self.access.clone());
        Following { stop, asking: tokio::spawn(async move { access.follow_providers(stopped).await }) }
    }

    async fn session_works(&self, session: &Secret) -> bool {
        self.access.identify(Shown::Session(session.reveal()), None).await.is_ok()
    }

    async fn row(&self, text: &str) -> crate::Account {
        let permit = self.access.permit_account(&Access::operator(), &name(text)).await.unwrap();
        self.access.account(&permit).await.unwrap()
    }
}

async fn a_login_is_taken_once_by_whichever_replica(place: Place) {
    let Some(provider) = start() else { return };
    let one = open_with(&place, options(&provider, None)).await;
    let other = open_with(&place, options(&provider, None)).await;
    let visit = Visit::default();
    let (answer, browser) = come_back(&one.access, &provider, BEA).await;
    let foreign = Secret::bare().unwrap();
    for (name, shown) in [("acme", foreign.reveal()), ("acme", "")] {
        let denied = other.access.finish_provider_login(name, &answer, shown, &visit).await;
        assert!(matches!(&denied, Err(Error::Denied(why)) if why.contains("not begun in this browser")), "{denied:?}");
    }
    let unknown = other.access.finish_provider_login("other", &answer, browser.reveal(), &visit).await;
    assert!(matches!(unknown, Err(Error::NotFound { .. })), "{unknown:?}");

    // The same answer to both at one time.
    let finish = |access: &Access| {
        let (access, answer, browser, visit) = (access.clone(), answer.clone(), browser.clone(), visit.clone());
        async move { access.finish_provider_login("acme", &answer, browser.reveal(), &visit).await }
    };
    let (a, b) = tokio::join!(finish(&one.access), finish(&other.access));
    let (mut arrived, denied): (Vec<_>, Vec<_>) = [a, b].into_iter().partition(Result::is_ok);
    assert!(arrived.len() == 1 && matches!(denied[0], Err(Error::Denied(_))), "{arrived:?} {denied:?}");
    let arrival = arrived.pop().unwrap().unwrap();
    assert_eq!(arrival.next, "/settings");
    assert!(one.session_works(&arrival.session).await && other.session_works(&arrival.session).await);

    // One account, however often and wherever she comes; only an address that is confirmed there comes along.
    log_in(&other.access, &provider, BEA).await;
    log_in(&one.access, &provider, BEN).await;
    let (bea, ben) = (one.row("bea").await, one.row("ben").await);
    assert_eq!((bea.source.as_str(), bea.email.as_deref()), ("oidc:acme", Some("bea@acme.example")));
    assert!(bea.email_confirmed && ben.email.is_none() && !ben.email_confirmed);
    let permit = one.access.permit_account(&Access::operator(), &name("bea")).await.unwrap();
    let sessions = one.access.sessions(&permit).await.unwrap();
    assert!(sessions.len() == 2 && sessions.iter().all(|session| session.evidence.as_str() == "provider"));
    let set = one.access.set_password(&permit, PASSWORD).await;
    assert!(matches!(set, Err(Error::Conflict(_))), "{set:?}");
}

async fn who_is_asked_about_follows_and_lapses(place: Place) {
    let Some(provider) = start() else { return };
    let fixture = open_with(&place, options(&provider, Some("consent"))).await;
    let _stop = fixture.follow();
    fixture.account("ann").await;
    let acme = fixture.organization("acme", "ann").await;
    fixture.access.create_team(&acme, &name("dev"), "").await.unwrap();
    fixture.give(&acme, Subject::Team(name("dev")), "acme/app", Role::Write).await;
    for source in ["acme", "oidc:", "oidc:Acme", "ldaps"] {
        let group = TeamGroup { source: source.to_owned(), name: "dev".to_owned() };
        let added = fixture.access.add_team_group(&acme, &name("dev"), group).await;
        assert!(matches!(added, Err(Error::Invalid { field: "group", .. })), "{source}");
    }
    let group = TeamGroup { source: "oidc:acme".to_owned(), name: "dev".to_owned() };
    fixture.access.add_team_group(&acme, &name("dev"), group).await.unwrap();

    let session = log_in(&fixture.access, &provider, BEA).await;
    let (_, secret) = fixture.personal_token("bea", token("pull push", &[])).await;
    let own = fixture.owner_of("bea").await;
    fixture.access.create_robot(&own, &name("ci"), "").await.unwrap();
    let new = token("pull push", &[]);
    let (_, robots) = fixture.access.create_robot_token(&own, &name("ci"), new).await.unwrap();
    let may_push = async || match fixture.shows(&secret).await {
        Ok(bea) => fixture.may(&bea, Action::Push, "acme/app").await,
        Err(error) => panic!("{error}"),
    };
    assert!(may_push().await);
    provider.set_accounts(&ACCOUNTS.replace(r#"["dev"]"#, "[]")).unwrap();
    until(async || !may_push().await).await;
    assert!(fixture.session_works(&session).await);
    provider.set_accounts(ACCOUNTS).unwrap();
    until(async || may_push().await).await;

    provider.set_accounts("{}").unwrap();
    until(async || unauthenticated(fixture.shows(&secret).await)).await;
    until(async || !fixture.session_works(&session).await).await;
    assert!(unauthenticated(fixture.shows(&robots).await), "a robot of hers goes on");
    provider.set_accounts(ACCOUNTS).unwrap();
    let again = log_in(&fixture.access, &provider, BEA).await;
    assert!(may_push().await && fixture.session_works(&again).await && fixture.shows(&robots).await.is_ok());
    assert!(!fixture.session_works(&session).await, "an ended session is there again");
}

/// A provider whose tokens count once has given a new one, which has not arrived yet.
async fn with_a_token_on_its_way(place: &Place) -> Option<(OidcProvider, Fixture, Secret, Following)> {
    let provider = start()?;
    provider.renew_once().unwrap();
    let mut options = options(&provider, Some("consent"));
    options.login_providers[0].recheck_within = Duration::from_mins(10);
    let fixture = open_with(place, options).await;
    let session = log_in(&fixture.access, &provider, BEA).await;
    provider.hold(true).unwrap();
    let before = provider.tokens().unwrap();
    let following = fixture.follow();
    until(async || provider.tokens().unwrap() > before).await;
    Some((provider, fixture, session, following))
}

/// Whether somebody is in still after two more looks: with a token that has been used already she would be out.
async fn stays_in(provider: &OidcProvider, fixture: &Fixture, session: &Secret) -> bool {
    for _ in 0..2 {
        let before = provider.tokens().unwrap();
        until(async || provider.tokens().unwrap() > before).await;
    }
    fixture.session_works(session).await
}

async fn a_new_token_is_kept_when_the_process_stops(place: Place) {
    let Some((provider, fixture, session, following)) = with_a_token_on_its_way(&place).await else { return };
    let stopping = tokio::spawn(following.stop());
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!stopping.is_finished(), "it does not wait for what was asked");
    provider.hold(false).unwrap();
    stopping.await.unwrap();
    let _again = fixture.follow();
    assert!(stays_in(&provider, &fixture, &session).await);
}

async fn a_new_token_is_kept_when_writes_go_on(place: Place) {
    let Some((provider, fixture, session, _following)) = with_a_token_on_its_way(&place).await else { return };
    let system = fixture.access.permit_system(&Access::operator()).unwrap();
    fixture.access.begin_maintenance(&system, None).await.unwrap();
    provider.hold(false).unwrap();
    // Longer than it takes until she is due again: nobody is asked meanwhile.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    fixture.access.end_maintenance(&system).await.unwrap();
    assert!(stays_in(&provider, &fixture, &session).await);
}

async fn a_refresh_token_that_is_good_once_is_kept_whatever_comes_of_the_rest(place: Place) {
    let Some(provider) = start() else { return };
    let mut options = options(&provider, Some("consent"));
    options.login_providers[0].recheck_within = Duration::from_hours(1);
    let fixture = open_with(&place, options).await;
    let (_stop, stopped) = watch::channel(());
    provider.renew_once().unwrap();
    let session = log_in(&fixture.access, &provider, BEA).await;
    let kept = async || {
        let login = fixture.access.0.database.read(|connection| {
            let by = [Timestamp::now().plus(Duration::from_hours(2)).into(), 1_i64.into()];
            connection.first(&tables::DUE_PROVIDER_LOGINS, &by, |row| {
                Ok::<_, Error>(row.optional_text(3)?.map(str::to_owned))
            })
        });
        login.await.unwrap().flatten().unwrap()
    };
    let first = kept().await;
    // It gives another one, and then cannot say who that is.
    provider.fail_userinfo(true).unwrap();
    until(async || {
        fixture.access.ask_about_all(&stopped).await.unwrap();
        kept().await != first
    })
    .await;
    provider.fail_userinfo(false).unwrap();
    provider.set_accounts(&ACCOUNTS.replace("bea@acme", "bea.bell@acme")).unwrap();
    until(async || {
        fixture.access.ask_about_all(&stopped).await.unwrap();
        fixture.row("bea").await.email.as_deref() == Some("bea.bell@acme.example")
    })
    .await;
    assert!(fixture.session_works(&session).await, "she is out though the provider answers for her");
}

async fn a_look_at_who_is_due_ends(place: Place) {
    let Some(provider) = start() else { return };
    let mut options = options(&provider, Some("consent"));
    // She is due again as soon as she was asked about.
    options.login_providers[0].recheck_interval = Duration::from_micros(1);
    options.login_providers[0].recheck_within = Duration::from_hours(1);
    let fixture = open_with(&place, options).await;
    let session = log_in(&fixture.access, &provider, BEA).await;
    let (_stop, stopped) = watch::channel(());
    let looked = tokio::time::timeout(Duration::from_secs(30), fixture.access.ask_about_all(&stopped)).await;
    looked.expect("it goes on and on").unwrap();
    assert!(fixture.session_works(&session).await);
}

/// What the provider signs to say that Bea has logged out there, in one session or in all.
fn logged_out(provider: &OidcProvider, session: Option<&str>) -> String {
    let now = Timestamp::now().micros() / 1_000_000;
    let event = "http://schemas.openid.net/event/backchannel-logout";
    let session = session.map(|session| format!(r#","sid":"{session}""#)).unwrap_or_default();
    let claims = format!(
        r#"{{"aud":"basic","iat":{now},"exp":{},"jti":"one","sub":"{BEA}","events":{{"{event}":{{}}}}{session}}}"#,
        now + 120
    );
    provider.sign(&claims).unwrap()
}

async fn who_logs_out_elsewhere_stays_in_here(place: Place) {
    let Some(provider) = start() else { return };
    let fixture = open_with(&place, options(&provider, None)).await;
    // One from before the provider told of its sessions, and two of which it has told.
    let untold = log_in(&fixture.access, &provider, BEA).await;
    let hash = untold.hash();
    let forgotten = fixture.access.0.database.write(Durability::Power, move |connection| {
        connection.execute(&FORGET_PROVIDER_SESSION, &[hash.as_slice().into()])
    });
    assert_eq!(forgotten.await.unwrap(), 1);
    let (one, other) = (log_in(&fixture.access, &provider, BEA).await, log_in(&fixture.access, &provider, BEA).await);
    let says = async |session| {
        fixture.access.end_provider_sessions("acme", &logged_out(&provider, session)).await.unwrap();
    };
    says(Some("none of these")).await;
    assert!(!fixture.session_works(&untold).await, "it may be the one that has ended");
    assert!(fixture.session_works(&one).await && fixture.session_works(&other).await, "these are others");
    // Whoever is disabled meanwhile is logged out too, and that is written down.
    let permit = fixture.access.permit_account(&Access::operator(), &name("bea")).await.unwrap();
    fixture.access.set_disabled(&permit, true).await.unwrap();
    let hash = one.hash();
    let begun_with = fixture.access.0.database.read(move |connection| {
        connection.first(&PROVIDER_SESSION, &[hash.as_slice().into()], |row| Ok::<_, Error>(row.text(0)?.to_owned()))
    });
    let begun_with = begun_with.await.unwrap();
    says(begun_with.as_deref()).await;
    says(None).await;
    let system = fixture.access.permit_system(&Access::operator()).unwrap();
    let log = fixture.access.audit_log(&system, AuditFilter::default()).await.unwrap();
    let told = log.iter().filter(|entry| entry.action == "session.end_by_provider" && entry.target == "bea");
    assert_eq!(told.count(), 3);
    fixture.access.set_disabled(&permit, false).await.unwrap();
    assert!(!fixture.session_works(&one).await && !fixture.session_works(&other).await);
}

async fn without_a_refresh_token_the_last_word_counts_for_a_while(place: Place) {
    let Some(provider) = start() else { return };
    // Without being asked for consent this provider gives none.
    let fixture = open_with(&place, options(&provider, None)).await;
    let _stop = fixture.follow();
    let session = log_in(&fixture.access, &provider, BEA).await;
    let begun = Instant::now();
    until(async || !fixture.session_works(&session).await).await;
    assert!(begun.elapsed() > Duration::from_millis(1500), "it counted for {:?}", begun.elapsed());
    assert!(fixture.session_works(&log_in(&fixture.access, &provider, BEA).await).await);
}

async fn a_provider_that_is_configured_no_more_is_believed_for_a_day(place: Place) {
    let Some(provider) = start() else { return };
    let session = log_in(&open_with(&place, options(&provider, None)).await.access, &provider, BEA).await;
    let fixture = open(&place, Anonymous::Nothing).await;
    for (hours, is_in) in [(23, true), (25, false)] {
        let age = Duration::from_hours(hours);
        let aged = fixture.access.0.database.write(Durability::Power, move |connection| {
            let now = Timestamp::now();
            let later = [now.plus(Duration::from_hours(48)).into(), 1_i64.into()];
            let login = connection.first(&tables::DUE_PROVIDER_LOGINS, &later, |row| {
                Ok::<_, Error>((row.integer(0)?, row.text(1)?.to_owned()))
            });
            let (account, login) = login?.unwrap();
            let parameters =
                [Option::<&str>::None.into(), now.minus(age).into(), now.into(), account.into(), (&login).into()];
            Ok::<_, Error>(connection.execute(&tables::RENEW_PROVIDER_LOGIN, &parameters)?)
        });
        assert_eq!(aged.await.unwrap(), 1);
        let (_stop, stopped) = watch::channel(());
        fixture.access.ask_about_all(&stopped).await.unwrap();
        assert_eq!(fixture.session_works(&session).await, is_in, "after {hours} hours");
    }
}
