//! `entrepot repo`: repositories, as the rules know them.

use std::process::ExitCode;

use clap::Subcommand;
use entrepot_access::{
    Access, ImmutableTags, LIBRARY, Name, Pattern, Permit, RepositoryAdmin, RepositorySettings, Subject, Visibility,
};
use entrepot_oci::RepositoryName;

use super::grant::{self, Given};
use super::listing::{Listing, time};
use super::{Form, PAGE, done};

pub(crate) const EXAMPLES: &str = "\
Examples:
  Make a repository before anything is pushed to it, and let everybody pull:
    entrepot repo create acme/app --visibility public

  Let somebody push who is in no team:
    entrepot repo grant acme/app ben write

  Let released versions stay as they are:
    entrepot repo immutable add 'acme/*' 'v*'";

/// What can be done with repositories.
#[derive(Debug, Subcommand)]
pub(crate) enum RepoCommand {
    /// List the repositories of a person or an organization
    List {
        /// Whose: the first part of their names; library has those whose name has one part
        #[arg(default_value = LIBRARY)]
        namespace: String,
        /// Form
        #[command(flatten)]
        form: Form,
    },
    /// Make a repository before anything is pushed to it
    Create {
        /// Its name
        repository: RepositoryName,
        /// public or private [default: as its namespace has it]
        #[arg(long)]
        visibility: Option<Visibility>,
    },
    /// Let everybody see a repository, or only those who have a role
    Visibility {
        /// Which
        repository: RepositoryName,
        /// public or private
        visibility: Visibility,
    },
    /// Give somebody a role, in an organization or not
    Grant {
        /// On which repositories: acme/app, acme/*
        pattern: Pattern,
        /// Whom
        account: Name,
        /// Which role: read, write (push and delete) or admin
        role: entrepot_access::Role,
    },
    /// Take a role back
    Revoke {
        /// On which repositories, as it was given
        pattern: Pattern,
        /// From whom
        account: Name,
    },
    /// List the roles that somebody was given in a namespace
    Grants {
        /// Which namespace
        namespace: String,
        /// Whose
        account: Name,
        /// Form
        #[command(flatten)]
        form: Form,
    },
    /// Tags that do not move once they are set
    #[command(subcommand)]
    Immutable(ImmutableCommand),
}

/// What can be done with tags that do not move.
#[derive(Debug, Subcommand)]
pub(crate) enum ImmutableCommand {
    /// Let tags stay as they are once they are set
    Add(Rule),
    /// Let them be moved again
    Remove(Rule),
    /// List which tags do not move
    List {
        /// Of which namespace
        namespace: String,
        /// Form
        #[command(flatten)]
        form: Form,
    },
}

/// Which tags.
#[derive(Debug, clap::Args)]
pub(crate) struct Rule {
    /// Of which repositories: acme/app, acme/*
    repositories: Pattern,
    /// Which tags: v*, release-*, *
    tags: Pattern,
}

/// Runs one of the commands.
pub(crate) async fn run(command: RepoCommand, access: &Access) -> anyhow::Result<ExitCode> {
    match command {
        RepoCommand::List { namespace, form } => list(access, &namespace, &form).await,
        RepoCommand::Create { repository, visibility } => {
            let made = access.create_repository(&permit(access, &repository).await?, visibility).await?;
            done(&format!("{} is there, and {}", made.name, made.visibility))
        }
        RepoCommand::Visibility { repository, visibility } => {
            access.set_visibility(&permit(access, &repository).await?, visibility).await?;
            done(&format!("{repository} is {visibility}"))
        }
        RepoCommand::Grant { pattern, account, role } => {
            let permit = grant::permit(access, grant::namespace(&pattern)).await?;
            Given::new(pattern, role).give(access, &permit, Subject::Account(account)).await
        }
        RepoCommand::Revoke { pattern, account } => {
            let permit = grant::permit(access, grant::namespace(&pattern)).await?;
            grant::take(access, &permit, Subject::Account(account), pattern).await
        }
        RepoCommand::Grants { namespace, account, form } => {
            grant::list(access, &grant::permit(access, &namespace).await?, Subject::Account(account), &form).await
        }
        RepoCommand::Immutable(ImmutableCommand::Add(rule)) => freeze(access, rule, true).await,
        RepoCommand::Immutable(ImmutableCommand::Remove(rule)) => freeze(access, rule, false).await,
        RepoCommand::Immutable(ImmutableCommand::List { namespace, form }) => {
            let rules = access.immutable(&grant::permit(access, &namespace).await?).await?;
            let row = |rule: ImmutableTags| vec![rule.repositories.as_str().into(), rule.tags.as_str().into()];
            Listing::new(&["repositories", "tags"], rules.into_iter().map(row)).print(&form)
        }
    }
}

async fn permit(access: &Access, repository: &RepositoryName) -> anyhow::Result<Permit<RepositoryAdmin>> {
    Ok(access.permit_repository(&Access::operator(), repository).await?)
}

async fn list(access: &Access, namespace: &str, form: &Form) -> anyhow::Result<ExitCode> {
    let (mut repositories, mut last) = (Vec::new(), None);
    loop {
        let (page, next) = access.repositories(&Access::operator(), namespace, last, PAGE).await?;
        repositories.extend(page);
        last = next;
        if last.is_none() {
            break;
        }
    }
    let row = |one: RepositorySettings| {
        vec![one.name.as_str().into(), one.visibility.as_str().into(), one.created_by.into(), time(one.created_at)]
    };
    Listing::new(&["name", "visibility", "created_by", "created_at"], repositories.into_iter().map(row)).print(form)
}

async fn freeze(access: &Access, Rule { repositories, tags }: Rule, immutable: bool) -> anyhow::Result<ExitCode> {
    let permit = grant::permit(access, grant::namespace(&repositories)).await?;
    let sentence = format!("tags {tags} of {repositories} {}", if immutable { "do not move" } else { "can be moved" });
    access.set_immutable(&permit, ImmutableTags { repositories, tags }, immutable).await?;
    done(&sentence)
}
