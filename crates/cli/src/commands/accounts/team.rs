//! `entrepot team`: teams of an organization.

use std::process::ExitCode;

use clap::Subcommand;
use entrepot_access::{Access, Name, Pattern, Subject, Team, TeamGroup};

use super::grant::{self, Given};
use super::listing::Listing;
use super::org::{inside, permit};
use super::{Form, PAGE, all, done};

pub(crate) const EXAMPLES: &str = "\
Examples:
  A team whose members may push to some repositories:
    entrepot team create acme web
    entrepot team add acme web ben
    entrepot team grant acme web 'acme/web-*' write

  Members of a group of the company's directory are in it too:
    entrepot team map-group acme web ldap cn=web,ou=groups,dc=acme,dc=example";

/// What can be done with teams.
#[derive(Debug, Subcommand)]
pub(crate) enum TeamCommand {
    /// Make a team
    Create {
        /// Of which organization
        organization: Name,
        /// Its name
        team: Name,
        /// What it is for
        #[arg(long, value_name = "TEXT", default_value = "")]
        description: String,
    },
    /// Remove a team, with its roles
    Remove {
        /// Of which organization
        organization: Name,
        /// Which team
        team: Name,
    },
    /// List the teams
    List {
        /// Of which organization
        organization: Name,
        /// Form
        #[command(flatten)]
        form: Form,
    },
    /// Put somebody into a team, and with that into the organization
    Add {
        /// Of which organization
        organization: Name,
        /// Which team
        team: Name,
        /// Whom
        account: Name,
    },
    /// Take somebody out of a team
    ///
    /// Who is in it through a group elsewhere too, stays in it.
    RemoveMember {
        /// Of which organization
        organization: Name,
        /// Which team
        team: Name,
        /// Whom
        account: Name,
    },
    /// List who is in a team
    Members {
        /// Of which organization
        organization: Name,
        /// Which team
        team: Name,
        /// Form
        #[command(flatten)]
        form: Form,
    },
    /// Let the members of a group elsewhere be in a team, from when they log in next
    MapGroup {
        /// Of which organization
        organization: Name,
        /// Which team
        team: Name,
        /// Where the group is: ldap, or oidc: and the name of the provider
        source: String,
        /// What it is called there
        group: String,
    },
    /// List the groups elsewhere whose members are in a team
    Groups {
        /// Of which organization
        organization: Name,
        /// Which team
        team: Name,
        /// Form
        #[command(flatten)]
        form: Form,
    },
    /// Give a team a role, in place of an earlier one on the same repositories
    Grant {
        /// Of which organization
        organization: Name,
        /// Which team
        team: Name,
        /// The role
        #[command(flatten)]
        given: Given,
    },
    /// Take a role back
    Revoke {
        /// Of which organization
        organization: Name,
        /// Which team
        team: Name,
        /// On which repositories, as it was given
        pattern: Pattern,
    },
    /// List the roles of a team
    Grants {
        /// Of which organization
        organization: Name,
        /// Which team
        team: Name,
        /// Form
        #[command(flatten)]
        form: Form,
    },
}

/// Runs one of the commands.
pub(crate) async fn run(command: TeamCommand, access: &Access) -> anyhow::Result<ExitCode> {
    match command {
        TeamCommand::Create { organization, team, description } => {
            access.create_team(&permit(access, &organization).await?, &team, &description).await?;
            done(&format!("{organization} has the team {team}"))
        }
        TeamCommand::Remove { organization, team } => {
            access.remove_team(&permit(access, &organization).await?, &team).await?;
            done(&format!("{organization} has no team {team} any more"))
        }
        TeamCommand::List { organization, form } => list(access, &organization, &form).await,
        TeamCommand::Add { organization, team, account } => {
            access.add_team_member(&permit(access, &organization).await?, &team, &account).await?;
            done(&format!("{account} is in the team {team} of {organization}"))
        }
        TeamCommand::RemoveMember { organization, team, account } => {
            access.remove_team_member(&permit(access, &organization).await?, &team, &account).await?;
            done(&format!("{account} is not in the team {team} by hand any more"))
        }
        TeamCommand::Members { organization, team, form } => members(access, &organization, &team, &form).await,
        TeamCommand::MapGroup { organization, team, source, group } => {
            let sentence = format!("members of {group} ({source}) are in the team {team} from when they log in next");
            let group = TeamGroup { source, name: group };
            access.add_team_group(&permit(access, &organization).await?, &team, group).await?;
            done(&sentence)
        }
        TeamCommand::Groups { organization, team, form } => {
            let groups = access.team_groups(&inside(access, &organization).await?, &team).await?;
            let rows = groups.into_iter().map(|group| vec![group.source.into(), group.name.into()]);
            Listing::new(&["source", "group"], rows).print(&form)
        }
        TeamCommand::Grant { organization, team, given } => {
            given.give(access, &permit(access, &organization).await?, Subject::Team(team)).await
        }
        TeamCommand::Revoke { organization, team, pattern } => {
            grant::take(access, &permit(access, &organization).await?, Subject::Team(team), pattern).await
        }
        TeamCommand::Grants { organization, team, form } => {
            grant::list(access, &permit(access, &organization).await?, Subject::Team(team), &form).await
        }
    }
}

async fn list(access: &Access, organization: &Name, form: &Form) -> anyhow::Result<ExitCode> {
    let inside = inside(access, organization).await?;
    let teams = all(|team: &Team| team.name.clone(), async |last| access.teams(&inside, last, PAGE).await).await?;
    let rows = teams.into_iter().map(|team| vec![team.name.into(), team.description.into()]);
    Listing::new(&["name", "description"], rows).print(form)
}

async fn members(access: &Access, organization: &Name, team: &Name, form: &Form) -> anyhow::Result<ExitCode> {
    let inside = inside(access, organization).await?;
    let members = all(String::clone, async |last| access.team_members(&inside, team, last, PAGE).await).await?;
    Listing::new(&["account"], members.into_iter().map(|account| vec![account.into()])).print(form)
}
