//! People who log in with a browser at a real OpenID provider.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use entrepot_test_harness::{Registry, get, post, push};
use entrepot_test_support::servers::{OidcProvider, OidcSettings};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::browser::{Browser, PUBLIC_URL};
use crate::{SOON, takes};

const BEA: &str = "4711";
const MAL: &str = "4712";
const ANN: &str = "4713";
/// Bea is a developer, Mal a visitor, and another Ann than the one who is known here already.
const ACCOUNTS: &str = r#"{
    "4711": {"preferred_username": "Bea@acme.example", "name": "Bea Bell", "email": "bea@acme.example",
             "email_verified": true, "groups": ["developers", "staff"]},
    "4712": {"preferred_username": "mal", "email": "mal@acme.example", "email_verified": true, "groups": ["visitors"]},
    "4713": {"preferred_username": "ann", "email": "ann@acme.example", "email_verified": true, "groups": ["staff"]}
}"#;
const IN_DEVELOPERS: &str = r#"["developers", "staff"]"#;
const SETTINGS: OidcSettings = OidcSettings { algorithm: "RS256", in_token: false, accounts: ACCOUNTS };

/// A registry whose people log in at a provider: Ann governs it with a password, and developers may push to acme/app.
struct World {
    provider: OidcProvider,
    registry: Registry,
    files: TempDir,
}

impl World {
    fn start(more: &[(&str, &str)]) -> Result<Option<Self>> {
        let back = format!("{PUBLIC_URL}/login/oidc/acme/callback");
        let Some(provider) = OidcProvider::start_for(&SETTINGS, &back)? else { return Ok(None) };
        let files = TempDir::new()?;
        let secret = files.path().join("secret");
        fs::write(&secret, OidcProvider::SECRET)?;
        let (issuer, secret) = (provider.issuer(), secret.to_string_lossy().into_owned());
        let usual = [
            ("ENTREPOT_ACCESS_ANONYMOUS", "none"),
            ("ENTREPOT_HTTP_PUBLIC_URL", PUBLIC_URL),
            ("ENTREPOT_OIDC_ACME_LABEL", "Acme"),
            ("ENTREPOT_OIDC_ACME_ISSUER", issuer.as_str()),
            ("ENTREPOT_OIDC_ACME_CLIENT_ID", "basic"),
            ("ENTREPOT_OIDC_ACME_CLIENT_SECRET_FILE", secret.as_str()),
            ("ENTREPOT_OIDC_ACME_SCOPES", "profile email groups"),
            // This provider gives no refresh token without.
            ("ENTREPOT_OIDC_ACME_PROMPT", "consent"),
            ("ENTREPOT_OIDC_ACME_ALLOWED_GROUPS", "staff,developers"),
            ("ENTREPOT_OIDC_ACME_ALLOWED_DOMAINS", "acme.example"),
        ];
        let settings = [&usual[..], more].concat();
        let data = TempDir::new()?;
        let password = files.path().join("ann");
        fs::write(&password, "landed-and-stored")?;
        let ann = format!("user create ann --admin --email ann@acme.example --password-file {}", password.display());
        for line in [
            ann.as_str(),
            "org create acme --owner ann",
            "team create acme developers",
            "team grant acme developers acme/app write",
            "team map-group acme developers oidc:acme developers",
        ] {
            takes(&data, &settings, line)?;
        }
        let checked = takes(&data, &settings, "oidc check")?;
        ensure!(checked.contains("acme: ") && checked.contains(&back), "{checked}");
        let registry = Registry::of(env!("CARGO_BIN_EXE_entrepot").as_ref(), &settings, data)?;
        Ok(Some(Self { provider, registry, files }))
    }

    /// Bea, logged in, and a token that she has made.
    fn bea(&self) -> Result<(Browser, String)> {
        let mut browser = Browser::default();
        let answer = browser.log_in(&self.registry, &self.provider, BEA)?.expect(303)?;
        ensure!(answer.required("location")? == "/settings/tokens", "{answer:?}");
        let token = browser.make_token(&self.registry)?;
        Ok((browser, token))
    }

    fn groups_of_bea(&self, groups: &str) -> Result<()> {
        self.provider.set_accounts(&ACCOUNTS.replace(IN_DEVELOPERS, groups))
    }

    /// What a command prints.
    fn operator(&self, line: &str) -> Result<String> {
        let output = self.registry.command(line).output()?;
        ensure!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?)
    }
}

#[test]
fn teams_follow_the_groups_of_a_provider_without_a_login() -> Result<()> {
    let Some(mut world) = World::start(&[("ENTREPOT_OIDC_ACME_RECHECK_INTERVAL", "1s")])? else { return Ok(()) };
    let (mut browser, token) = world.bea()?;
    let registry = &world.registry;
    registry.ask(&push("acme/app", "bea", &token))?.expect(202)?;
    registry.ask(&push("acme/other", "bea", &token))?.expect(403)?;
    let shown = world.operator("user show bea")?;
    ensure!(shown.contains("oidc:acme") && shown.contains("bea@acme.example"), "{shown}");

    // Out of the group, out of the team; still one of the staff.
    world.groups_of_bea(r#"["staff"]"#)?;
    registry.becomes(&push("acme/app", "bea", &token), 403, SOON)?;
    ensure!(browser.is_in(registry)?, "who has left a group is still one of the company");
    world.groups_of_bea(IN_DEVELOPERS)?;
    registry.becomes(&push("acme/app", "bea", &token), 202, SOON)?;

    // No longer one of those who may come in: nothing that she has counts, until she may again and logs in.
    world.groups_of_bea(r#"["visitors"]"#)?;
    registry.becomes(&get("/v2/").basic("bea", &token), 401, SOON)?;
    browser.falls_out(registry)?;
    let refused = browser.log_in(registry, &world.provider, BEA)?.expect(403)?;
    ensure!(refused.text().contains("none of the groups that may come in"), "{}", refused.text());
    world.groups_of_bea(IN_DEVELOPERS)?;
    registry.ask(&get("/v2/").basic("bea", &token))?.expect(401)?;
    browser.log_in(registry, &world.provider, BEA)?.expect(303)?;
    registry.becomes(&push("acme/app", "bea", &token), 202, SOON)?;

    // Gone there.
    world.provider.set_accounts("{}")?;
    registry.becomes(&get("/v2/").basic("bea", &token), 401, SOON)?;
    browser.falls_out(registry)?;
    let log = world.operator("audit --json")?;
    for what in ["account.create", "account.groups", "account.lapse", "\"login\""] {
        ensure!(log.contains(what), "no {what} in {log}");
    }
    let log = world.registry.log();
    for secret in [token.as_str(), OidcProvider::SECRET, "code=", "state="] {
        ensure!(!log.contains(secret), "{secret} is in the log:\n{log}");
    }
    Ok(())
}

#[test]
fn teams_follow_the_groups_of_a_provider_at_the_next_login() -> Result<()> {
    let Some(world) = World::start(&[("ENTREPOT_OIDC_ACME_RECHECK_INTERVAL", "1d")])? else { return Ok(()) };
    let (mut browser, token) = world.bea()?;
    let registry = &world.registry;
    world.groups_of_bea(r#"["staff"]"#)?;
    registry.ask(&push("acme/app", "bea", &token))?.expect(202)?;
    browser.log_in(registry, &world.provider, BEA)?.expect(303)?;
    registry.becomes(&push("acme/app", "bea", &token), 403, SOON)?;
    world.groups_of_bea(IN_DEVELOPERS)?;
    browser.log_in(registry, &world.provider, BEA)?.expect(303)?;
    registry.becomes(&push("acme/app", "bea", &token), 202, SOON)
}

#[test]
fn a_provider_that_is_down_lets_nobody_in_and_its_last_word_counts_for_a_while() -> Result<()> {
    let within = Duration::from_secs(6);
    let settings = [("ENTREPOT_OIDC_ACME_RECHECK_INTERVAL", "1s"), ("ENTREPOT_OIDC_ACME_RECHECK_WITHIN", "6s")];
    let Some(world) = World::start(&settings)? else { return Ok(()) };
    let (mut inside, token) = world.bea()?;
    let mut outside = Browser::default();
    let back = outside.come_back(&world.registry, &world.provider, BEA)?;
    let World { provider, registry, files: _files } = world;
    drop(provider);
    let refused = outside.look(&registry, &back)?.expect(503)?;
    ensure!(!registry.command("oidc check").output()?.status.success(), "a provider that is down passes the check");
    ensure!(refused.text().contains("Acme does not answer as it should"), "{}", refused.text());
    ensure!(!outside.is_in(&registry)?, "who could not be looked at is in");
    registry.ask(&push("acme/app", "bea", &token))?.expect(202)?;
    sleep(Duration::from_secs(2));
    registry.ask(&push("acme/app", "bea", &token))?.expect(202)?;
    ensure!(inside.is_in(&registry)?, "who is in is out at once");
    registry.becomes(&push("acme/app", "bea", &token), 401, within + SOON)?;
    inside.falls_out(&registry)?;
    // Those who are known here go on.
    registry.ask(&push("acme/app", "ann", "landed-and-stored"))?.expect(202)?;
    Ok(())
}

#[test]
fn a_login_counts_once_and_in_the_browser_where_it_was_begun() -> Result<()> {
    let Some(world) = World::start(&[])? else { return Ok(()) };
    let (registry, provider) = (&world.registry, &world.provider);
    let refused = |browser: &mut Browser, place: &str| -> Result<()> {
        let answer = browser.look(registry, place)?.expect(403)?;
        ensure!(answer.text().contains("was not begun in this browser"), "{}", answer.text());
        ensure!(answer.header("set-cookie").is_none_or(|cookie| !cookie.starts_with("entrepot=")), "{answer:?}");
        Ok(())
    };

    // Somebody sends others their own answer, so that they would work as them.
    let mut attacker = Browser::default();
    let back = attacker.come_back(registry, provider, BEA)?;
    refused(&mut Browser::default(), &back)?;
    // Also others who are about to log in themselves.
    let mut victim = Browser::default();
    let own = victim.come_back(registry, provider, BEA)?;
    refused(&mut victim.clone(), &back)?;
    // Somebody else's cookie fits no other state, nor no answer at all, nor another provider's.
    let mut thief = Browser::default().with_cookie_of(&attacker, "entrepot-departure")?;
    refused(&mut thief, &own)?;
    let path = "/login/oidc/acme/callback";
    for query in ["", "?code=x", "?state=", "?code=x&state=y", "?state=a&state=b", "?error=access_denied"] {
        refused(&mut victim.clone(), &format!("{path}{query}"))?;
    }
    let state = own.split("state=").nth(1).and_then(|rest| rest.split('&').next()).context("no state")?;
    victim.look(registry, &own.replace("/acme/", "/other/"))?.expect(404)?;

    // None of that has used it up. The first answer does, whether it is good or not.
    let mut twin = victim.clone();
    victim.look(registry, &own)?.expect(303)?;
    ensure!(victim.is_in(registry)?, "who has logged in is not in");
    refused(&mut twin, &own)?;
    let mut bad = Browser::default();
    let good = bad.come_back(registry, provider, BEA)?;
    let state_of_bad = good.split("state=").nth(1).and_then(|rest| rest.split('&').next()).context("no state")?;
    ensure!(state != state_of_bad, "two logins have one state");
    let said_no = format!("{path}?error=access_denied&state={state_of_bad}&iss={}", provider.issuer());
    let mut copy = bad.clone();
    let answer = copy.look(registry, &said_no)?.expect(403)?;
    ensure!(answer.text().contains("Acme does not let you in: access_denied"), "{}", answer.text());
    refused(&mut bad, &good)?;

    // A code of somebody else's login fits nobody else's, even in the right browser: it has another challenge.
    let mut mixed = Browser::default();
    let mine = mixed.come_back(registry, provider, BEA)?;
    let code = |url: &str| url.split("code=").nth(1).and_then(|rest| rest.split('&').next()).map(str::to_owned);
    let (mine_code, theirs) = (code(&mine).context("no code")?, code(&back).context("no code")?);
    let answer = mixed.look(registry, &mine.replace(&mine_code, &theirs))?.expect(403)?;
    ensure!(answer.text().contains("Acme does not let you in"), "{}", answer.text());
    ensure!(!mixed.is_in(registry)?, "a code of another login lets in");
    Ok(())
}

/// What the provider signs to say that somebody has logged out there, changed.
fn logout(provider: &OidcProvider, changes: &Value) -> Result<String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let mut claims = json!({
        "aud": "basic", "iat": now, "exp": now + 120, "jti": "one", "sub": BEA,
        "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
    });
    let all = claims.as_object_mut().context("an object")?;
    all.extend(changes.as_object().context("an object")?.clone());
    all.retain(|_, value| !value.is_null());
    provider.sign(&claims.to_string())
}

#[test]
fn who_logs_out_at_the_provider_is_logged_out_here() -> Result<()> {
    let Some(world) = World::start(&[])? else { return Ok(()) };
    let (registry, provider) = (&world.registry, &world.provider);
    let (mut browser, token) = world.bea()?;
    let say = |path: &str, body: String| {
        let form = post(path).header("Content-Type", "application/x-www-form-urlencoded");
        registry.ask(&form.body(body))
    };
    let path = "/login/oidc/acme/logout";
    let past = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() - 600;
    let good = logout(provider, &json!({}))?;
    let (signed, signature) = good.rsplit_once('.').context("no token")?;
    let forged = format!("{signed}.{}", signature.chars().rev().collect::<String>());
    for bad in [
        String::new(),
        "logout_token=".to_owned(),
        "logout_token=a.b.c".to_owned(),
        format!("logout_token={forged}"),
        format!("logout_token={}", logout(provider, &json!({ "events": null }))?),
        format!("logout_token={}", logout(provider, &json!({ "nonce": "n" }))?),
        format!("logout_token={}", logout(provider, &json!({ "aud": "post" }))?),
        format!("logout_token={}", logout(provider, &json!({ "exp": past }))?),
        format!("logout_token={}", logout(provider, &json!({ "sub": null }))?),
        format!("logout_token={good}{}", "x".repeat(40_000)),
    ] {
        let answer = say(path, bad)?.expect(400)?;
        ensure!(answer.header("cache-control") == Some("no-store"), "{answer:?}");
        ensure!(answer.json()?["error"] == "invalid_request", "{}", answer.text());
    }
    say("/login/oidc/other/logout", format!("logout_token={good}"))?.expect(404)?;
    // Of others, of a session that nobody has here, and of one that had ended before this one began.
    for other in [json!({ "sub": MAL }), json!({ "sub": null, "sid": "none" }), json!({ "iat": past })] {
        say(path, format!("logout_token={}", logout(provider, &other)?))?.expect(200)?;
    }
    ensure!(browser.is_in(registry)?, "she was logged out by what is not about her");

    say(path, format!("logout_token={good}"))?.expect(200)?;
    browser.falls_out(registry)?;
    registry.ask(&push("acme/app", "bea", &token))?.expect(202)?;
    let log = world.operator("audit --json")?;
    ensure!(log.contains("session.end_by_provider"), "{log}");
    Ok(())
}

#[test]
fn who_is_known_here_is_not_who_has_the_same_name_elsewhere() -> Result<()> {
    let Some(world) = World::start(&[])? else { return Ok(()) };
    let (registry, provider) = (&world.registry, &world.provider);
    // The name and the confirmed address of the one who governs the registry.
    let mut browser = Browser::default();
    let answer = browser.log_in(registry, provider, ANN)?.expect(403)?;
    ensure!(answer.text().contains("name of another account"), "{}", answer.text());
    let answer = browser.log_in(registry, provider, MAL)?.expect(403)?;
    ensure!(answer.text().contains("none of the groups that may come in"), "{}", answer.text());
    ensure!(!browser.is_in(registry)?, "Mal is in");
    ensure!(!world.operator("user list")?.contains("mal"), "who may not come in has an account");

    // No password is one of hers, and that is said as to everybody.
    let (mut bea, token) = world.bea()?;
    let said = |name: &str| -> Result<String> {
        let answer = registry.ask(&get("/v2/").basic(name, "landed-and-stored"))?.expect(401)?;
        Ok(answer.text())
    };
    let (hers, nobodys) = (said("bea")?, said("nobody")?);
    ensure!(hers == nobodys && hers.contains("people of Acme log in with a browser at"), "{hers}\n{nobodys}");
    let password = world.files.path().join("ann");
    let set = registry.command(&format!("user password bea --password-file {}", password.display())).output()?;
    let text = String::from_utf8_lossy(&set.stderr).into_owned();
    ensure!(!set.status.success() && text.contains("known from oidc:acme, and has no password here"), "{text}");

    // Who is disabled here stays out, whatever the provider says.
    world.operator("user disable bea")?;
    registry.becomes(&get("/v2/").basic("bea", &token), 401, SOON)?;
    let answer = bea.log_in(registry, provider, BEA)?.expect(403)?;
    ensure!(answer.text().contains("The account bea is disabled here"), "{}", answer.text());
    bea.falls_out(registry)?;
    world.operator("user enable bea")?;
    bea.log_in(registry, provider, BEA)?.expect(303)?;
    ensure!(bea.is_in(registry)?, "who is enabled again is not in");
    Ok(())
}
