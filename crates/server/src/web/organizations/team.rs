//! One team: who is in it, and what its people may do with which repositories.

use axum::extract::{Path, State};
use entrepot_access::{Error, Name, NamespaceOwner, Permit, Subject, TeamMember};
use http::StatusCode;

use super::{Inside, SHOWN, begin, named, owned, removal, roles, sure, teams};
use crate::web::Web;
use crate::web::failure::Failure;
use crate::web::fields::Fields;
use crate::web::form::{Field, Form};
use crate::web::page::{Answer, redirect, show};
use crate::web::part::Part;
use crate::web::posted::Posted;
use crate::web::section::{Item, Section, Sections};
use crate::web::visitor::Visitor;

type Place = Path<(String, String)>;

/// Where the page of a team is.
pub(super) fn place(organization: &Name, team: &Name) -> String {
    format!("{}{}/{team}", super::place(organization), teams::HERE)
}

/// A team of an organization that the visitor changes.
struct Owned<'a> {
    web: &'a Web,
    visitor: &'a Visitor,
    organization: Name,
    team: Name,
    permit: Permit<NamespaceOwner>,
}

impl<'a> Owned<'a> {
    async fn of(web: &'a Web, visitor: &'a Visitor, organization: &str, team: &str) -> Result<Self, Failure> {
        let (organization, permit) = owned(web, visitor, organization).await?;
        Ok(Self { web, visitor, organization, team: named("team", team)?, permit })
    }

    fn subject(&self) -> Subject {
        Subject::Team(self.team.clone())
    }

    fn done(&self, what: &str) -> Answer {
        Ok(redirect(&format!("{}?done={what}", place(&self.organization, &self.team))))
    }

    async fn refused(&self, fields: &Fields, error: Error) -> Answer {
        let page = page(self.web, self.visitor, self.organization.as_str(), self.team.as_str()).await?;
        page.refused(self.visitor, fields, error)
    }
}

/// `GET /organizations/{organization}/teams/{team}`
pub(crate) async fn one(State(web): State<Web>, visitor: Visitor, Path((name, team)): Place) -> Answer {
    show(&visitor, StatusCode::OK, &page(&web, &visitor, &name, &team).await?)
}

/// `POST /organizations/{organization}/teams/{team}/remove`
pub(crate) async fn remove(
    State(web): State<Web>,
    Path((name, team)): Place,
    Posted { visitor, fields }: Posted,
) -> Answer {
    let owned = Owned::of(&web, &visitor, &name, &team).await?;
    let removed = async {
        sure(&fields, &owned.team)?;
        web.access.remove_team(&owned.permit, &owned.team).await
    };
    match removed.await {
        Ok(()) => Ok(redirect(&format!("{}{}?done=removed", super::place(&owned.organization), teams::HERE))),
        Err(error) => owned.refused(&fields, error).await,
    }
}

/// `POST /organizations/{organization}/teams/{team}/members`
pub(crate) async fn add_member(
    State(web): State<Web>,
    Path((name, team)): Place,
    Posted { visitor, fields }: Posted,
) -> Answer {
    let owned = Owned::of(&web, &visitor, &name, &team).await?;
    let added = async { web.access.add_team_member(&owned.permit, &owned.team, &fields.parsed("account")?).await };
    match added.await {
        Ok(()) => owned.done("saved"),
        Err(error) => owned.refused(&fields, error).await,
    }
}

/// `POST /organizations/{organization}/teams/{team}/members/{account}/remove`
pub(crate) async fn remove_member(
    State(web): State<Web>,
    Path((name, team, account)): Path<(String, String, String)>,
    Posted { visitor, .. }: Posted,
) -> Answer {
    let owned = Owned::of(&web, &visitor, &name, &team).await?;
    web.access.remove_team_member(&owned.permit, &owned.team, &named("account", &account)?).await?;
    owned.done("removed")
}

/// `POST /organizations/{organization}/teams/{team}/roles`
pub(crate) async fn set_role(
    State(web): State<Web>,
    Path((name, team)): Place,
    Posted { visitor, fields }: Posted,
) -> Answer {
    let owned = Owned::of(&web, &visitor, &name, &team).await?;
    match roles::set(&web, &owned.permit, owned.subject(), &fields).await {
        Ok(()) => owned.done("saved"),
        Err(error) => owned.refused(&fields, error).await,
    }
}

/// `POST /organizations/{organization}/teams/{team}/roles/remove`
pub(crate) async fn remove_role(
    State(web): State<Web>,
    Path((name, team)): Place,
    Posted { visitor, fields }: Posted,
) -> Answer {
    let owned = Owned::of(&web, &visitor, &name, &team).await?;
    web.access.remove_grant(&owned.permit, owned.subject(), fields.parsed("pattern")?).await?;
    owned.done("removed")
}

/// A team, for who is in the organization; with what owners do about it, for owners.
async fn page(web: &Web, visitor: &Visitor, name: &str, team: &str) -> Result<Sections, Failure> {
    let inside = Inside::of(web, visitor, name).await?;
    let team = web.access.team(&inside.permit, &named("team", team)?).await?;
    let at = place(&inside.name, &team.name);
    let title = format!("Team {} of {}", team.name, inside.name);
    let mut page = begin(visitor, &inside.name, title, teams::HERE, inside.owner.is_some());
    if !team.description.is_empty() {
        page = page.section(Section::new("").lead(team.description));
    }
    page = page.section(people(web, visitor, &inside, &team.name, &at).await?);
    let Some(owner) = &inside.owner else { return Ok(page) };
    let roles = roles::section(web, visitor, &inside.name, owner, Subject::Team(team.name), &at).await?;
    let end = Section::new("Remove the team")
        .lead("Its people stay in the organization, without the roles that they have through the team.")
        .form(removal(visitor, &at, "Remove the team"));
    Ok(page.section(roles).section(end))
}

async fn people(web: &Web, visitor: &Visitor, inside: &Inside, team: &Name, at: &str) -> Result<Section, Error> {
    let part = Part::of::<Name>(visitor, SHOWN);
    let mut members = web.access.team_members(&inside.permit, team, part.after(), part.probed()).await?;
    let more = part.cut(&mut members, at, |member| member.account.to_string());
    let owner = inside.owner.is_some();
    let item = |TeamMember { account, by_hand }: TeamMember| {
        let item = Item::new(account.to_string());
        match (owner, by_hand) {
            (_, false) => item.tag("through a group", ""),
            (true, true) => {
                let remove = format!("{at}/members/{account}/remove");
                item.form(Form::button(visitor, remove, "Remove", account.to_string()).harms())
            }
            (false, true) => item,
        }
    };
    let mut section =
        Section::new("People").items(members.into_iter().map(item).collect(), "Nobody is in it.").more(more);
    for group in web.access.team_groups(&inside.permit, team).await? {
        section = section
            .lead(format!("Who is in the group {} of {} is in it after the next login.", group.name, group.source));
    }
    if !owner {
        return Ok(section);
    }
    let account = Field::text("account", "Name of an account").hint("They are in the organization with that.");
    Ok(section.form(Form::new(visitor, format!("{at}/members"), "Put into the team").field(account)))
}
