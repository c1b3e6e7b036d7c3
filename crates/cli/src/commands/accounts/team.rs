//! `entrepot team`: teams of an organization.

use std::process::ExitCode;

use clap::Subcommand;
use entrepot_access::{Name, Pattern};
use entrepot_client::{Client, Route, route};
use serde::Deserialize;
use serde_json::json;

use super::grant::{self, Given, Subject};
use super::listing::Listing;
use super::{Form, done};

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
    /// Let the members of a group elsewhere be in a team no more, from when they log in next
    UnmapGroup {
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

/// A team, as the API shows it.
#[derive(Deserialize)]
struct Team {
    name: String,
    description: String,
}

/// Somebody in one.
#[derive(Deserialize)]
struct Member {
    account: String,
}

/// A group elsewhere.
#[derive(Deserialize)]
struct Group {
    source: String,
    name: String,
}

/// Runs one of the commands.
pub(crate) async fn run(command: TeamCommand, client: &Client) -> anyhow::Result<ExitCode> {
    match command {
        TeamCommand::Create { organization, team, description } => {
            let body = json!({ "name": team.as_str(), "description": description });
            client.post(teams(&organization), Some(body)).await?;
            done(&format!("{organization} has the team {team}"))
        }
        TeamCommand::Remove { organization, team } => {
            client.delete(route(["organizations", organization.as_str(), "teams", team.as_str()])).await?;
            done(&format!("{organization} has no team {team} any more"))
        }
        TeamCommand::List { organization, form } => {
            let teams: Vec<Team> = client.list(teams(&organization)).await?;
            let rows = teams.into_iter().map(|team| vec![team.name.into(), team.description.into()]);
            Listing::new(&["name", "description"], rows).print(&form)
        }
        TeamCommand::Add { organization, team, account } => {
            client.put(member(&organization, &team, &account), None).await?;
            done(&format!("{account} is in the team {team} of {organization}"))
        }
        TeamCommand::RemoveMember { organization, team, account } => {
            client.delete(member(&organization, &team, &account)).await?;
            done(&format!("{account} is not in the team {team} by hand any more"))
        }
        TeamCommand::Members { organization, team, form } => {
            let path = ["organizations", organization.as_str(), "teams", team.as_str(), "members"];
            let members: Vec<Member> = client.list(route(path)).await?;
            Listing::new(&["account"], members.into_iter().map(|member| vec![member.account.into()])).print(&form)
        }
        TeamCommand::MapGroup { organization, team, source, group } => {
            let body = json!({ "source": source, "name": group });
            client.put(groups(&organization, &team), Some(body)).await?;
            done(&format!("members of {group} ({source}) are in the team {team} from when they log in next"))
        }
        TeamCommand::UnmapGroup { organization, team, source, group } => {
            let mapped = groups(&organization, &team).query("source", &source).query("name", &group);
            client.delete(mapped).await?;
            done(&format!("members of {group} ({source}) are out of the team {team} from when they log in next"))
        }
        TeamCommand::Groups { organization, team, form } => {
            let groups: Vec<Group> = client.list(groups(&organization, &team)).await?;
            let rows = groups.into_iter().map(|group| vec![group.source.into(), group.name.into()]);
            Listing::new(&["source", "group"], rows).print(&form)
        }
        TeamCommand::Grant { organization, team, given } => {
            given.give(client, organization.as_str(), Subject::Team(team)).await
        }
        TeamCommand::Revoke { organization, team, pattern } => {
            grant::take(client, organization.as_str(), Subject::Team(team), pattern).await
        }
        TeamCommand::Grants { organization, team, form } => {
            grant::list(client, organization.as_str(), Subject::Team(team), &form).await
        }
    }
}

fn teams(organization: &Name) -> Route {
    route(["organizations", organization.as_str(), "teams"])
}

fn member(organization: &Name, team: &Name, account: &Name) -> Route {
    route(["organizations", organization.as_str(), "teams", team.as_str(), "members", account.as_str()])
}

fn groups(organization: &Name, team: &Name) -> Route {
    route(["organizations", organization.as_str(), "teams", team.as_str(), "groups"])
}
