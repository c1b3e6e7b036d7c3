//! `entrepot org`: organizations and who is in them.

use std::process::ExitCode;
use std::str::FromStr;

use clap::Subcommand;
use entrepot_access::{InvalidName, Membership, Name, Visibility};
use entrepot_client::{Client, Route, route};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::listing::Listing;
use super::{Form, done};

pub(crate) const EXAMPLES: &str = "\
Examples:
  Make an organization and put somebody into it:
    entrepot org create acme --owner ann
    entrepot org member add acme ben

  Ask somebody into it, by the name of an account or by a letter:
    entrepot org invite acme eva --team web
    entrepot org invite acme eva@acme.example

  Let everybody pull from the repositories that it makes from now on:
    entrepot org visibility acme public";

/// What can be done with organizations.
#[derive(Debug, Subcommand)]
pub(crate) enum OrgCommand {
    /// Make an organization
    Create {
        /// Its name
        name: Name,
        /// Who will own it
        #[arg(long, value_name = "NAME")]
        owner: Name,
    },
    /// List every organization
    List {
        /// Only those that you are in
        #[arg(long)]
        mine: bool,
        /// Form
        #[command(flatten)]
        form: Form,
    },
    /// Show one organization
    Show {
        /// Which
        name: Name,
        /// Form
        #[command(flatten)]
        form: Form,
    },
    /// Who is in it
    #[command(subcommand)]
    Member(MemberCommand),
    /// Ask somebody into an organization, who is in it when they accept
    ///
    /// An account sees the invitation when it logs in, and gets a letter if it has an address. An address gets a letter, if the registry
    /// sends any, and who has no account makes one by it. An invitation stands for a week.
    Invite {
        /// Which organization
        organization: Name,
        /// Whom: the name of an account, or an e-mail address
        who: Invitee,
        /// As what: owners may do everything in it, members what their teams may
        #[arg(long, value_name = "ROLE", default_value = "member")]
        role: Membership,
        /// Into which of its teams, too
        #[arg(long, value_name = "TEAM")]
        team: Option<Name>,
    },
    /// List the invitations that stand
    Invitations {
        /// Of which organization
        organization: Name,
        /// Form
        #[command(flatten)]
        form: Form,
    },
    /// Take an invitation back
    Uninvite {
        /// Of which organization
        organization: Name,
        /// Its id, from the list
        id: Uuid,
    },
    /// Say who may see the repositories that it makes from now on
    Visibility {
        /// Which
        name: Name,
        /// public or private
        visibility: Visibility,
    },
}

/// What can be done with members.
#[derive(Debug, Subcommand)]
pub(crate) enum MemberCommand {
    /// Put somebody into an organization, or change what they are in it
    Add {
        /// Which organization
        organization: Name,
        /// Whom
        account: Name,
        /// As what: owners may do everything in it, members what their teams may
        #[arg(long, value_name = "ROLE", default_value = "member")]
        role: Membership,
    },
    /// Take somebody out of an organization and its teams
    Remove {
        /// Which organization
        organization: Name,
        /// Whom
        account: Name,
    },
    /// List the members
    List {
        /// Which organization
        organization: Name,
        /// Form
        #[command(flatten)]
        form: Form,
    },
}

/// An organization, as the API shows it.
#[derive(Deserialize)]
struct Organization {
    name: String,
    display_name: String,
    default_visibility: String,
    created_at: String,
}

/// Somebody in one, as the API shows them.
#[derive(Deserialize)]
struct Member {
    account: String,
    role: String,
}

/// Somebody who is asked into one. An account has no `@` in its name.
#[derive(Clone, Debug)]
pub(crate) enum Invitee {
    Account(Name),
    Email(String),
}

impl FromStr for Invitee {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        if text.contains('@') { Ok(Self::Email(text.to_owned())) } else { text.parse().map(Self::Account) }
    }
}

/// An invitation, as the API shows it.
#[derive(Deserialize)]
struct Invitation {
    id: String,
    account: Option<String>,
    email: Option<String>,
    role: String,
    team: Option<String>,
    inviter: String,
    expires_at: String,
}

impl Invitation {
    fn who(&self) -> &str {
        self.account.as_deref().or(self.email.as_deref()).unwrap_or_default()
    }
}

/// Runs one of the commands.
pub(crate) async fn run(command: OrgCommand, client: &Client) -> anyhow::Result<ExitCode> {
    match command {
        OrgCommand::Create { name, owner } => {
            let body = json!({ "name": name.as_str(), "owner": owner.as_str() });
            client.post(route(["organizations"]), Some(body)).await?;
            done(&format!("{name} is an organization, and {owner} owns it"))
        }
        OrgCommand::List { mine, form } => {
            listing(client.list(route(["organizations"]).query("all", !mine)).await?).print(&form)
        }
        OrgCommand::Show { name, form } => {
            listing([client.get(route(["organizations", name.as_str()])).await?]).print(&form)
        }
        OrgCommand::Member(command) => member(command, client).await,
        OrgCommand::Invite { organization, who, role, team } => {
            let (account, email) = match &who {
                Invitee::Account(name) => (Some(name.as_str()), None),
                Invitee::Email(email) => (None, Some(email)),
            };
            let team = team.as_ref().map(Name::as_str);
            let body = json!({ "account": account, "email": email, "role": role.as_str(), "team": team });
            let made: Invitation = client.make(invitations(&organization, None), Some(body)).await?;
            let (id, who, until) = (&made.id, made.who(), &made.expires_at);
            done(&format!("{who} is asked into {organization} as {role}; the invitation {id} stands until {until}"))
        }
        OrgCommand::Invitations { organization, form } => {
            let found: Vec<Invitation> = client.list(invitations(&organization, None)).await?;
            let row = |found: Invitation| {
                let who = found.who().to_owned();
                vec![
                    found.id.into(),
                    who.into(),
                    found.role.into(),
                    found.team.into(),
                    found.inviter.into(),
                    found.expires_at.into(),
                ]
            };
            let columns = &["id", "who", "role", "team", "inviter", "expires_at"];
            Listing::new(columns, found.into_iter().map(row)).print(&form)
        }
        OrgCommand::Uninvite { organization, id } => {
            client.delete(invitations(&organization, Some(id))).await?;
            done(&format!("the invitation {id} has ended"))
        }
        OrgCommand::Visibility { name, visibility } => {
            let body = json!({ "default_visibility": visibility.as_str() });
            client.patch(route(["organizations", name.as_str()]), body).await?;
            done(&format!("new repositories of {name} are {visibility}"))
        }
    }
}

/// The invitations of an organization, or one of them.
fn invitations(organization: &Name, id: Option<Uuid>) -> Route {
    let id = id.map(|id| id.to_string());
    route(["organizations", organization.as_str(), "invitations"].into_iter().chain(id.as_deref()))
}

async fn member(command: MemberCommand, client: &Client) -> anyhow::Result<ExitCode> {
    let members = |organization: &Name| route(["organizations", organization.as_str(), "members"]);
    let one = |organization: &Name, account: &Name| {
        route(["organizations", organization.as_str(), "members", account.as_str()])
    };
    match command {
        MemberCommand::Add { organization, account, role } => {
            let body = json!({ "role": role.as_str() });
            client.put(one(&organization, &account), Some(body)).await?;
            done(&format!("{account} is in {organization} as {role}"))
        }
        MemberCommand::Remove { organization, account } => {
            client.delete(one(&organization, &account)).await?;
            done(&format!("{account} is not in {organization} any more"))
        }
        MemberCommand::List { organization, form } => {
            let members: Vec<Member> = client.list(members(&organization)).await?;
            let row = |member: Member| vec![member.account.into(), member.role.into()];
            Listing::new(&["account", "role"], members.into_iter().map(row)).print(&form)
        }
    }
}

fn listing(organizations: impl IntoIterator<Item = Organization>) -> Listing {
    let row = |organization: Organization| {
        vec![
            organization.name.into(),
            organization.display_name.into(),
            organization.default_visibility.into(),
            organization.created_at.into(),
        ]
    };
    let columns = &["name", "display_name", "default_visibility", "created_at"];
    Listing::new(columns, organizations.into_iter().map(row))
}
