//! The gate's rules: [`Access`] as the policy of the distribution core.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use entrepot_database::{Connection, Durability, Timestamp};
use entrepot_oci::{RepositoryName, Tag};
use entrepot_registry::gate::{Action, Policy, Terms};

use crate::Pattern;
use crate::caller::{Caller, Principal};
use crate::memory::{Generation, Memory};
use crate::role::{Role, Visibility};
use crate::rules::{self, Findings, stored};
use crate::{Access, Anonymous, Error, tables};

/// What is remembered of somebody and a repository.
#[derive(Clone)]
pub(crate) struct Standing {
    generation: Generation,
    role: Role,
    /// Whether the rules know the repository.
    known: bool,
    /// Patterns of the tags that do not move.
    immutable: Arc<[Pattern]>,
    /// Bytes that the namespace may have.
    max_bytes: Option<u64>,
}

impl Policy for Access {
    type Caller = Caller;
    type Refusal = Error;

    async fn decide(&self, caller: &Caller, action: Action, repository: &RepositoryName) -> Result<Terms, Error> {
        let decided = self.stand(caller, action, repository).await;
        // Clients that can log in ask as nobody first, which says nothing.
        if matches!(decided, Err(Error::RepositoryDenied { .. })) && !caller.is_anonymous() {
            self.audit_denied(caller, action.as_str(), repository.as_str());
        }
        let Standing { immutable, max_bytes, .. } = decided?;
        let terms = freezing(immutable).limited_to(max_bytes);
        // A pull leaves no trace that would have a name.
        let name = if action == Action::Pull { None } else { caller.principal().name() };
        Ok(name.iter().fold(terms, |terms, name| terms.asked_by(name)))
    }

    fn decide_catalog(&self, caller: &Caller) -> Result<(), Error> {
        let nobody = caller.is_anonymous() && self.0.options.anonymous == Anonymous::Nothing;
        if nobody || !caller.who.limit.allows_catalog() {
            return Err(Error::Denied("you may not list repositories with what you have shown".to_owned()));
        }
        Ok(())
    }

    async fn visible(&self, caller: &Caller, names: Vec<String>) -> Result<Vec<String>, Error> {
        let (who, anonymous) = (Arc::clone(&caller.who), self.0.options.anonymous);
        let scanned = self.0.database.scan(move |connection| {
            // A page has many names of few namespaces: what does not change from one to the next is asked once.
            let visibilities = rules::visibilities(connection, &names)?;
            let mut reaches: HashMap<&str, rules::Reach> = HashMap::new();
            let repositories = names.iter().map(|name| stored(name)).collect::<Result<Vec<RepositoryName>, _>>()?;
            let mut visible = Vec::new();
            for repository in repositories.iter().filter(|repository| who.limit.shows(repository)) {
                let reach = match reaches.entry(repository.namespace()) {
                    Entry::Occupied(entry) => entry.into_mut(),
                    Entry::Vacant(entry) => {
                        entry.insert(rules::reach(connection, &who.principal, repository.namespace())?)
                    }
                };
                let visibility = visibilities.get(repository.as_str()).copied();
                if reach.on(repository, visibility, anonymous).role().is_some() {
                    visible.push(repository.as_str().to_owned());
                }
            }
            Ok(visible)
        });
        scanned.await
    }
}

impl Access {
    /// How `caller` stands to `repository`, if it allows `action`. A repository that somebody may push to begins to be with that.
    pub(crate) async fn stand(
        &self,
        caller: &Caller,
        action: Action,
        repository: &RepositoryName,
    ) -> Result<Standing, Error> {
        let denied =
            || Error::RepositoryDenied { who: caller.principal().name(), action, repository: repository.clone() };
        let standing = self.sufficient(caller, action, repository).await?.ok_or_else(denied)?;
        if action == Action::Push && !standing.known {
            return self.begin_repository(caller.principal(), repository, standing).await;
        }
        Ok(standing)
    }

    /// Whether `caller` may do `action` on `repository`; nothing begins with the question.
    pub(crate) async fn may(
        &self,
        caller: &Caller,
        action: Action,
        repository: &RepositoryName,
    ) -> Result<bool, Error> {
        Ok(self.sufficient(caller, action, repository).await?.is_some())
    }

    /// How `caller` stands to `repository`, if that and what they showed allow `action`.
    async fn sufficient(
        &self,
        caller: &Caller,
        action: Action,
        repository: &RepositoryName,
    ) -> Result<Option<Standing>, Error> {
        if !caller.who.limit.allows(action, repository) {
            return Ok(None);
        }
        let standing = self.standing(caller.principal(), repository).await?;
        Ok(standing.filter(|standing| standing.role >= Role::for_action(action)))
    }

    /// How `principal` stands to `repository`, from memory if it can be; `None` without any role. That is not remembered: who has
    /// no role is not to fill the memory.
    async fn standing(&self, principal: &Principal, repository: &RepositoryName) -> Result<Option<Standing>, Error> {
        let key = (PrincipalKey::of(principal), repository.clone());
        if let Some(standing) = self.0.standings.get(&key)
            && self.0.memory.current() == Some(standing.generation)
        {
            return Ok(Some(standing));
        }
        let (who, name, anonymous) = (principal.clone(), repository.clone(), self.0.options.anonymous);
        let found = self.0.database.read(move |connection| {
            let generation = Memory::of(connection)?;
            let findings = rules::find(connection, &who, &name, anonymous)?;
            let Some(role) = findings.role() else { return Ok(None) };
            let immutable = immutable(connection, findings.namespace, &name)?;
            let Findings { known, max_bytes, .. } = findings;
            Ok::<_, Error>(Some(Standing { generation, role, known, immutable, max_bytes }))
        });
        let standing = found.await?;
        if let Some(standing) = &standing {
            self.0.standings.insert(key, standing.clone());
        }
        Ok(standing)
    }

    /// Writes down that the repository is there, as its namespace has it for new ones.
    async fn begin_repository(
        &self,
        principal: &Principal,
        repository: &RepositoryName,
        standing: Standing,
    ) -> Result<Standing, Error> {
        let (by, name) = (principal.name().unwrap_or_default(), repository.clone());
        let begun = self.0.database.write(Durability::Process, move |connection| begin(connection, &name, &by));
        begun.await?;
        let standing = Standing { known: true, ..standing };
        self.0.standings.insert((PrincipalKey::of(principal), repository.clone()), standing.clone());
        Ok(standing)
    }
}

/// Writes down a new repository; one that is there stays as it is.
pub(crate) fn begin(connection: &Connection<'_>, repository: &RepositoryName, by: &str) -> Result<(), Error> {
    if rules::visibility(connection, repository)?.is_some() {
        return Ok(());
    }
    let namespace = repository.namespace();
    let settings = connection.first(&tables::NAMESPACE, &[namespace.into()], |row| {
        Ok::<_, Error>((stored::<Visibility>(row.text(4)?)?, row.optional_integer(7)?))
    })?;
    // What nobody owns is everybody's.
    let (visibility, most) = settings.unwrap_or((Visibility::Public, None));
    if let Some(most) = most {
        let count = connection.first(&tables::COUNT_REPOSITORIES, &[namespace.into()], |row| row.integer(0))?;
        if count.unwrap_or_default() >= most {
            let what = format!("{most} repositories");
            return Err(Error::QuotaReached { namespace: namespace.to_owned(), what });
        }
    }
    add_repository(connection, repository, visibility, by)
}

/// Writes down a repository, unless it is there.
pub(crate) fn add_repository(
    connection: &Connection<'_>,
    repository: &RepositoryName,
    visibility: Visibility,
    by: &str,
) -> Result<(), Error> {
    let parameters = [
        repository.as_str().into(),
        repository.namespace().into(),
        visibility.as_str().into(),
        by.into(),
        Timestamp::now().into(),
    ];
    connection.execute(&tables::ADD_REPOSITORY, &parameters)?;
    Ok(())
}

/// Terms under which tags of these patterns do not move.
pub(crate) fn freezing(immutable: Arc<[Pattern]>) -> Terms {
    match immutable.is_empty() {
        true => Terms::default(),
        false => Terms::freezing(move |tag: &Tag| immutable.iter().any(|pattern| pattern.matches(tag.as_str()))),
    }
}

/// The patterns of tags in `repository` that do not move; `namespace` is the row of its namespace, if there is one.
pub(crate) fn immutable(
    connection: &Connection<'_>,
    namespace: Option<i64>,
    repository: &RepositoryName,
) -> Result<Arc<[Pattern]>, Error> {
    let Some(namespace) = namespace else { return Ok(Arc::new([])) };
    let all = connection.all(&tables::IMMUTABLE, &[namespace.into()], |row| {
        Ok::<(Pattern, Pattern), Error>((stored(row.text(0)?)?, stored(row.text(1)?)?))
    })?;
    Ok(all.into_iter().filter(|(names, _)| names.matches(repository.as_str())).map(|(_, tags)| tags).collect())
}

/// Under what somebody is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum PrincipalKey {
    Anonymous,
    Operator,
    Account(i64, bool),
    Robot(i64),
    Organization(i64),
    Job(i64),
}

impl PrincipalKey {
    fn of(principal: &Principal) -> Self {
        match principal {
            Principal::Anonymous => Self::Anonymous,
            Principal::Operator => Self::Operator,
            Principal::Account { id, administrator, .. } => Self::Account(*id, *administrator),
            Principal::Robot { id, .. } => Self::Robot(*id),
            Principal::Organization { id, .. } => Self::Organization(*id),
            Principal::Job { namespace, .. } => Self::Job(*namespace),
        }
    }
}
