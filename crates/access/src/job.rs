//! Jobs that log in without a secret of ours: with a token that an OpenID provider signed for them, by rules over what it claims.
//!
//! A job logs in under the name of the namespace whose rules shall let it in, with its token as the password.

use std::net::IpAddr;
use std::time::SystemTime;

use entrepot_database::{Connection, Row, Timestamp};
use entrepot_identity::provider::rules::{InvalidRule, Rule, match_rules};
use entrepot_identity::provider::{Expected, Issuer, Pace, Refused, unverified_issuer};
use uuid::Uuid;

use crate::Pattern;
use crate::account::checked_text;
use crate::caller::{Credential, Limit, Principal, Who};
use crate::grant::check_within;
use crate::holder::{stored_patterns, stored_scopes};
use crate::identify::Remembered;
use crate::memory::{Generation, Memory};
use crate::name::Name;
use crate::permit::{NamespaceOwner, Permit, governs};
use crate::role::{Scope, Scopes};
use crate::rules::stored;
use crate::{Access, Error, tables};

/// Rules that one namespace may have: each is looked at when a job logs in.
const MAX_RULES: usize = 100;
/// Longest rule as it is written down, in bytes.
const MAX_RULE: usize = 8 * 1024;
/// Patterns of repositories that one rule may have.
const MAX_PATTERNS: usize = 50;
/// Providers whose keys are kept; more are more than one registry has rules for.
const MAX_ISSUERS: usize = 100;

/// A rule that lets jobs in.
#[derive(Clone, Debug)]
pub struct JobRule {
    /// Its id.
    pub id: String,
    /// What it is for, for people.
    pub label: String,
    /// Which jobs.
    pub rule: Rule,
    /// What they may do.
    pub scopes: Scopes,
    /// With which repositories of the namespace; with all, if there are none.
    pub repositories: Vec<Pattern>,
    /// Since when there is it.
    pub created_at: Timestamp,
}

/// A rule that is to be made.
#[derive(Clone, Debug)]
pub struct NewJobRule {
    /// What it is for, for people.
    pub label: String,
    /// Which jobs.
    pub rule: Rule,
    /// What they may do.
    pub scopes: Scopes,
    /// With which repositories of the namespace; with all, if there are none.
    pub repositories: Vec<Pattern>,
}

/// What a rule says to a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleVerdict {
    /// The rule.
    pub id: String,
    /// What it is for.
    pub label: String,
    /// What does not hold, a sentence each; the rule lets the job in if there is nothing.
    pub failures: Vec<String>,
}

impl NewJobRule {
    /// Which jobs: those with a token that `issuer` signed for `audience`, and in which each claim matches its pattern.
    ///
    /// # Errors
    /// [`Error::Invalid`] if it would let in everybody, or nobody.
    pub fn about<'a>(
        issuer: &str,
        audience: &str,
        claims: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Rule, Error> {
        Rule::new(issuer, audience, claims).map_err(|why| match why {
            InvalidRule::Issuer(why) => Error::invalid("issuer", why),
            InvalidRule::Audience => Error::invalid("audience", why),
            InvalidRule::Unconditional
            | InvalidRule::AnyOwner { .. }
            | InvalidRule::TooMany
            | InvalidRule::Claim(_)
            | InvalidRule::Pattern { .. } => Error::invalid("claims", why),
        })
    }
}

impl JobRule {
    fn read(row: &Row<'_>) -> Result<Self, Error> {
        let text = row.text(2)?;
        Ok(Self {
            id: row.text(0)?.to_owned(),
            label: row.text(1)?.to_owned(),
            rule: serde_json::from_str(text).map_err(|_| Error::damaged(text))?,
            scopes: stored_scopes(row.text(3)?)?,
            repositories: stored_patterns(row.text(4)?)?,
            created_at: Timestamp::from_micros(row.integer(5)?),
        })
    }
}

impl Access {
    /// Adds a rule. A provider on the registry's own machine takes who governs it: others could find out what else answers there.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a pattern beyond the namespace, the scope admin, or more than is looked at; [`Error::Denied`];
    /// [`Error::Conflict`] if there are 100 rules.
    pub async fn add_job_rule(&self, permit: &Permit<NamespaceOwner>, new: NewJobRule) -> Result<String, Error> {
        check(permit, &new)?;
        let label = checked_text("label", &new.label)?;
        let rule = serde_json::to_string(&new.rule).map_err(|error| Error::Internal(error.to_string()))?;
        if rule.len() > MAX_RULE {
            return Err(Error::invalid("claims", format!("with issuer and audience they may have {MAX_RULE} bytes")));
        }
        let (id, entry) = (Uuid::now_v7().to_string(), permit.entry("job_rule.add", &permit.on.name, &label));
        let made = id.clone();
        self.change_namespace(permit, entry, move |connection, owner| {
            let there = connection.all(&tables::JOB_RULES, &[(&owner.name).into()], |_| Ok::<_, Error>(()))?;
            if there.len() >= MAX_RULES {
                return Err(Error::Conflict(format!("{} has {MAX_RULES} rules, and may have no more", owner.name)));
            }
            let patterns: Vec<_> = new.repositories.iter().map(Pattern::as_str).collect();
            let (scopes, patterns) = (new.scopes.to_words(), patterns.join(" "));
            let parameters = [
                (&made).into(),
                owner.id.into(),
                (&label).into(),
                (&rule).into(),
                (&scopes).into(),
                (&patterns).into(),
                Timestamp::now().into(),
            ];
            connection.execute(&tables::ADD_JOB_RULE, &parameters)?;
            Ok(())
        })
        .await?;
        Ok(id)
    }

    /// Removes a rule; jobs that came in by it are out within a second.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn remove_job_rule(&self, permit: &Permit<NamespaceOwner>, id: &str) -> Result<(), Error> {
        let (entry, id) = (permit.entry("job_rule.remove", &permit.on.name, id), id.to_owned());
        self.change_namespace(permit, entry, move |connection, owner| {
            match connection.execute(&tables::REMOVE_JOB_RULE, &[(&id).into(), owner.id.into()])? {
                0 => Err(Error::not_found("rule", &id)),
                _ => Ok(()),
            }
        })
        .await
    }

    /// The rules of a namespace, oldest first.
    ///
    /// # Errors
    /// What the database said.
    pub async fn job_rules(&self, permit: &Permit<NamespaceOwner>) -> Result<Vec<JobRule>, Error> {
        Ok(self.rules_of(&permit.on.name).await?.1)
    }

    /// What each rule of a namespace says to a token, whose signature and times are checked too.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a token that nobody would take, whatever the rules say; [`Error::Unavailable`].
    pub async fn test_job_rules(
        &self,
        permit: &Permit<NamespaceOwner>,
        token: &str,
    ) -> Result<Vec<RuleVerdict>, Error> {
        let (_, rules) = self.rules_of(&permit.on.name).await?;
        let name = unverified_issuer(token).map_err(|refused| Error::invalid("token", refused))?;
        let Some(known) = rules.iter().find(|rule| rule.rule.issuer().as_str() == name) else {
            return Err(Error::invalid("token", format!("it is from {name}, and no rule is about that issuer")));
        };
        let issuer = self.issuer(&known.rule)?;
        let claims = issuer.verify(token, &expected(&rules, &name)?, SystemTime::now()).await;
        let claims = claims.map_err(|refused| match refused.is_temporary() {
            true => Error::Unavailable(refused.to_string()),
            false => Error::invalid("token", refused),
        })?;
        let outcome = match_rules(rules.iter().map(|rule| &rule.rule), &claims);
        let verdicts = rules.iter().zip(outcome.verdicts).map(|(rule, verdict)| RuleVerdict {
            id: rule.id.clone(),
            label: rule.label.clone(),
            failures: verdict.failures.iter().map(ToString::to_string).collect(),
        });
        Ok(verdicts.collect())
    }

    /// Lets a job in that shows an identity token under the name of a namespace; `None` if what is shown is none, or the namespace
    /// has no rule about its issuer.
    pub(crate) async fn by_identity_token(
        &self,
        namespace: &str,
        token: &str,
        address: Option<IpAddr>,
    ) -> Result<Option<Remembered>, Error> {
        let Ok(issuer) = unverified_issuer(token) else { return Ok(None) };
        self.0.guessing.admit(None, address)?;
        let (generation, rules) = self.rules_of(namespace).await?;
        let Some(known) = rules.iter().find(|rule| rule.rule.issuer().as_str() == issuer) else { return Ok(None) };
        let verified = self.issuer(&known.rule)?.verify(token, &expected(&rules, &issuer)?, SystemTime::now()).await;
        let claims = match verified {
            Ok(claims) => claims,
            Err(refused) if refused.is_temporary() => return Err(Error::Unavailable(refused.to_string())),
            Err(refused) => return self.refuse_job(namespace, &refused, address),
        };
        let outcome = match_rules(rules.iter().map(|rule| &rule.rule), &claims);
        let Some(rule) = outcome.matching().next().and_then(|index| rules.get(index)) else {
            tracing::info!(namespace, issuer, subject = claims.subject(), "no rule lets this job in");
            self.0.guessing.wrong(None, address);
            return Err(Error::Unauthenticated);
        };
        let (id, subject) = (rule.id.clone(), claims.subject().to_owned());
        let who = self.0.database.read(move |connection| holder(connection, &id, &subject)).await?;
        let who = who.ok_or(Error::Unauthenticated)?;
        // The token ends when it does, whatever we remember.
        let rest = claims.expires().duration_since(SystemTime::now()).unwrap_or_default();
        Ok(Some(Remembered::new(who, generation, rest)))
    }

    fn refuse_job<T>(&self, namespace: &str, refused: &Refused, address: Option<IpAddr>) -> Result<T, Error> {
        tracing::info!(namespace, %refused, "an identity token was refused");
        self.0.guessing.wrong(None, address);
        Err(Error::Unauthenticated)
    }

    async fn rules_of(&self, namespace: &str) -> Result<(Generation, Vec<JobRule>), Error> {
        let namespace = namespace.to_owned();
        let read = self.0.database.read(move |connection| {
            let generation = Memory::of(connection)?;
            Ok::<_, Error>((generation, connection.all(&tables::JOB_RULES, &[(&namespace).into()], JobRule::read)?))
        });
        read.await
    }

    /// The provider that a rule is about, with the keys that were fetched from it.
    fn issuer(&self, rule: &Rule) -> Result<Issuer, Error> {
        let Some(client) = &self.0.options.providers else {
            return Err(Error::Unconfigured("no OpenID provider can be asked from here".to_owned()));
        };
        let mut issuers = self.0.issuers.lock();
        if issuers.len() >= MAX_ISSUERS {
            issuers.clear();
        }
        let url = rule.issuer();
        let issuer = issuers.entry(url.as_str().to_owned());
        Ok(issuer.or_insert_with(|| Issuer::new(client.clone(), url.clone(), Pace::default())).clone())
    }
}

/// Whether a rule may be made by whoever has the permit.
fn check(permit: &Permit<NamespaceOwner>, new: &NewJobRule) -> Result<(), Error> {
    if new.repositories.len() > MAX_PATTERNS {
        return Err(Error::invalid("repositories", format!("a rule may have {MAX_PATTERNS} patterns")));
    }
    for pattern in &new.repositories {
        check_within(&permit.on, pattern)?;
    }
    if new.scopes.has(Scope::Admin) {
        return Err(Error::invalid("scopes", "jobs may pull, push and delete, but not administer"));
    }
    if new.rule.issuer().is_loopback() && !governs(permit.caller()) {
        let why = "only administrators may name a provider on the registry's own machine";
        return Err(Error::Denied(why.to_owned()));
    }
    Ok(())
}

/// Whom a token of `issuer` may be for: what any of the rules about it says.
fn expected(rules: &[JobRule], issuer: &str) -> Result<Expected, Error> {
    let mut audiences =
        rules.iter().filter(|rule| rule.rule.issuer().as_str() == issuer).map(|rule| rule.rule.audience());
    let first = audiences.next().ok_or(Error::Unauthenticated)?;
    Ok(audiences.fold(Expected::audience(first), Expected::or_audience))
}

/// A job that came in by the rule `id`, if that is still there.
pub(crate) fn holder(connection: &Connection<'_>, id: &str, subject: &str) -> Result<Option<Who>, Error> {
    connection.first(&tables::JOB_RULE, &[id.into()], |row| {
        let owner: Name = stored(row.text(3)?)?;
        let limit =
            Limit { scopes: stored_scopes(row.text(0)?)?, repositories: stored_patterns(row.text(1)?)?, access: None };
        let (rule, subject) = (id.to_owned(), subject.to_owned());
        let principal = Principal::Job { namespace: row.integer(2)?, owner, rule, subject };
        Ok(Who { principal, credential: Credential::Identity, limit, valid_from: None, valid_until: None })
    })
}
