//! One robot: its tokens, and what it may do with which repositories.

use axum::extract::{Path, State};
use entrepot_access::{Name, NamespaceOwner, Permit, RobotName, Subject};
use http::StatusCode;
use uuid::Uuid;

use super::{begin, named, owned, removal, robots, roles, sure};
use crate::web::Web;
use crate::web::failure::Failure;
use crate::web::form::Form;
use crate::web::page::{Answer, redirect, show};
use crate::web::posted::Posted;
use crate::web::section::{Section, Sections};
use crate::web::token::{form, items, new_token, once};
use crate::web::visitor::Visitor;

type Place = Path<(String, String)>;
type PlaceOfToken = Path<(String, String, Uuid)>;

/// Where the page of a robot is.
pub(super) fn place(organization: &Name, robot: &Name) -> String {
    format!("{}{}/{robot}", super::place(organization), robots::HERE)
}

/// A robot of an organization that the visitor changes.
struct Owned<'a> {
    web: &'a Web,
    visitor: &'a Visitor,
    organization: Name,
    robot: Name,
    permit: Permit<NamespaceOwner>,
}

impl<'a> Owned<'a> {
    async fn of(web: &'a Web, visitor: &'a Visitor, organization: &str, robot: &str) -> Result<Self, Failure> {
        let (organization, permit) = owned(web, visitor, organization).await?;
        Ok(Self { web, visitor, organization, robot: named("robot", robot)?, permit })
    }

    fn place(&self) -> String {
        place(&self.organization, &self.robot)
    }

    fn name(&self) -> String {
        RobotName::new(self.organization.clone(), self.robot.clone()).to_string()
    }

    fn done(&self, what: &str) -> Answer {
        Ok(redirect(&format!("{}?done={what}", self.place())))
    }

    async fn page(&self, made: Option<Section>) -> Result<Sections, Failure> {
        let Self { web, visitor, organization, robot, permit } = self;
        let found = web.access.robot(permit, robot).await?;
        let at = self.place();
        let tokens_at = format!("{at}/tokens");
        let tokens = items(visitor, &tokens_at, web.access.robot_tokens(permit, robot).await?);
        let mut page = begin(visitor, organization, format!("Robot {}", found.name), robots::HERE, true);
        if !found.description.is_empty() {
            page = page.section(Section::new("").lead(found.description));
        }
        if let Some(made) = made {
            page = page.section(made);
        }
        let tokens = Section::new("Tokens").items(tokens, "There are none: it cannot log in.");
        let new =
            Section::new("A new token").form(form(visitor, &tokens_at, organization, "All that the robot may use"));
        let roles = roles::section(web, visitor, organization, permit, Subject::Robot(robot.clone()), &at).await?;
        let stopped = found.disabled_at.is_some();
        let end = Section::new("Remove the robot").lead("Its tokens and roles go with it.").form(removal(
            visitor,
            &at,
            "Remove the robot",
        ));
        Ok(page.section(tokens).section(new).section(roles).section(stop(visitor, &at, stopped)).section(end))
    }
}

fn stop(visitor: &Visitor, at: &str, stopped: bool) -> Section {
    if stopped {
        let go_on = Form::new(visitor, format!("{at}/enable"), "Let it go on");
        return Section::new("It is stopped").lead("It can do nothing. What it has stays.").form(go_on);
    }
    Section::new("Stop the robot")
        .lead("It can do nothing then, until you let it go on. What it has stays.")
        .form(Form::new(visitor, format!("{at}/disable"), "Stop it").harms())
}

/// `GET /organizations/{organization}/robots/{robot}`
pub(crate) async fn one(State(web): State<Web>, visitor: Visitor, Path((name, robot)): Place) -> Answer {
    let page = Owned::of(&web, &visitor, &name, &robot).await?.page(None).await?;
    show(&visitor, StatusCode::OK, &page)
}

/// `POST /organizations/{organization}/robots/{robot}/disable`
pub(crate) async fn disable(
    State(web): State<Web>,
    Path((name, robot)): Place,
    Posted { visitor, .. }: Posted,
) -> Answer {
    let owned = Owned::of(&web, &visitor, &name, &robot).await?;
    web.access.set_robot_disabled(&owned.permit, &owned.robot, true).await?;
    owned.done("saved")
}

/// `POST /organizations/{organization}/robots/{robot}/enable`
pub(crate) async fn enable(
    State(web): State<Web>,
    Path((name, robot)): Place,
    Posted { visitor, .. }: Posted,
) -> Answer {
    let owned = Owned::of(&web, &visitor, &name, &robot).await?;
    web.access.set_robot_disabled(&owned.permit, &owned.robot, false).await?;
    owned.done("saved")
}

/// `POST /organizations/{organization}/robots/{robot}/remove`
pub(crate) async fn remove(
    State(web): State<Web>,
    Path((name, robot)): Place,
    Posted { visitor, fields }: Posted,
) -> Answer {
    let owned = Owned::of(&web, &visitor, &name, &robot).await?;
    let removed = async {
        sure(&fields, &owned.robot)?;
        web.access.remove_robot(&owned.permit, &owned.robot).await
    };
    match removed.await {
        Ok(()) => Ok(redirect(&format!("{}{}?done=removed", super::place(&owned.organization), robots::HERE))),
        Err(error) => owned.page(None).await?.refused(&visitor, &fields, error),
    }
}

/// `POST /organizations/{organization}/robots/{robot}/tokens`
pub(crate) async fn create_token(
    State(web): State<Web>,
    Path((name, robot)): Place,
    Posted { visitor, fields }: Posted,
) -> Answer {
    let owned = Owned::of(&web, &visitor, &name, &robot).await?;
    let made = async { web.access.create_robot_token(&owned.permit, &owned.robot, new_token(&fields)?).await };
    match made.await {
        Ok((_, secret)) => {
            let made = once("The new token", &secret, &owned.name(), &owned.place());
            show(&visitor, StatusCode::OK, &owned.page(Some(made)).await?)
        }
        Err(error) => owned.page(None).await?.refused(&visitor, &fields, error),
    }
}

/// `POST /organizations/{organization}/robots/{robot}/tokens/{id}/rotate`
pub(crate) async fn rotate_token(
    State(web): State<Web>,
    Path((name, robot, id)): PlaceOfToken,
    Posted { visitor, .. }: Posted,
) -> Answer {
    let owned = Owned::of(&web, &visitor, &name, &robot).await?;
    let secret = web.access.rotate_namespace_token(&owned.permit, &id.to_string()).await?;
    let made = once("The new secret", &secret, &owned.name(), &owned.place());
    show(&visitor, StatusCode::OK, &owned.page(Some(made)).await?)
}

/// `POST /organizations/{organization}/robots/{robot}/tokens/{id}/revoke`
pub(crate) async fn revoke_token(
    State(web): State<Web>,
    Path((name, robot, id)): PlaceOfToken,
    Posted { visitor, .. }: Posted,
) -> Answer {
    let owned = Owned::of(&web, &visitor, &name, &robot).await?;
    web.access.revoke_namespace_token(&owned.permit, &id.to_string()).await?;
    owned.done("revoked")
}

/// `POST /organizations/{organization}/robots/{robot}/roles`
pub(crate) async fn set_role(
    State(web): State<Web>,
    Path((name, robot)): Place,
    Posted { visitor, fields }: Posted,
) -> Answer {
    let owned = Owned::of(&web, &visitor, &name, &robot).await?;
    match roles::set(&web, &owned.permit, Subject::Robot(owned.robot.clone()), &fields).await {
        Ok(()) => owned.done("saved"),
        Err(error) => owned.page(None).await?.refused(&visitor, &fields, error),
    }
}

/// `POST /organizations/{organization}/robots/{robot}/roles/remove`
pub(crate) async fn remove_role(
    State(web): State<Web>,
    Path((name, robot)): Place,
    Posted { visitor, fields }: Posted,
) -> Answer {
    let owned = Owned::of(&web, &visitor, &name, &robot).await?;
    web.access.remove_grant(&owned.permit, Subject::Robot(owned.robot.clone()), fields.parsed("pattern")?).await?;
    owned.done("removed")
}
