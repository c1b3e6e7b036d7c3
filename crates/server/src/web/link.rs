//! The pages of links that work once. To look at one uses nothing up: programs that check letters follow links.

use axum::extract::{Path, State};
use axum::response::Response;
use entrepot_access::{Error, Invitation, Invited, Joined, Joining, Link, LinkKind, Newcomer, Purpose, Secret};
use http::StatusCode;
use http::header::{self, HeaderValue};

use super::Web;
use super::fields::Fields;
use super::form::{Field, Form};
use super::login::entered;
use super::next::Next;
use super::page::{Answer, Frame, Simple, redirect, show};
use super::posted::Posted;
use super::visitor::Visitor;

type Place = Path<(String, String)>;

/// `GET /link/{kind}/{secret}`
pub(super) async fn ask(State(web): State<Web>, visitor: Visitor, Path((kind, secret)): Place) -> Answer {
    let link = web.access.link(kind_of(&kind)?, &secret).await?;
    let form = form(&visitor, &link, &Fields::default());
    page(&visitor, StatusCode::OK, &link, form)
}

/// `POST /link/{kind}/{secret}`
pub(super) async fn act(
    State(web): State<Web>,
    Path((kind, secret)): Place,
    Posted { visitor, fields }: Posted,
) -> Answer {
    let kind = kind_of(&kind)?;
    let link = web.access.link(kind, &secret).await?;
    match follow(&web, &visitor, &link, &secret, &fields).await {
        Ok(Followed { session: Some(session), place }) => Ok(entered(&visitor, &session, &Next::wanted(&place))),
        Ok(Followed { session: None, place }) => Ok(redirect(&place)),
        Err(Error::LinkGone) => Err(Error::LinkGone.into()),
        Err(error) => {
            let Some(form) = form(&visitor, &link, &fields) else { return Err(error.into()) };
            let (status, form) = form.refused(error);
            page(&visitor, status, &link, Some(form))
        }
    }
}

/// What came of a link.
struct Followed {
    /// Of whoever has made an account by it.
    session: Option<Secret>,
    /// Where it leads.
    place: String,
}

impl Followed {
    fn to(place: impl Into<String>) -> Self {
        Self { session: None, place: place.into() }
    }

    fn by(joined: Joined, place: impl Into<String>) -> Self {
        Self { session: joined.session, place: place.into() }
    }
}

/// Does what a link is for, and says where that leads.
async fn follow(web: &Web, visitor: &Visitor, link: &Link, secret: &str, fields: &Fields) -> Result<Followed, Error> {
    let (access, address) = (&web.access, visitor.address);
    let joining = || Joining::of_browser(&visitor.visit());
    let newcomer =
        || Ok::<_, Error>(Newcomer { name: fields.parsed("name")?, password: fields.text("password").to_owned() });
    match &link.purpose {
        Purpose::SetUp => {
            let joined = access.set_up(secret, newcomer()?, fields.given("email"), joining()?).await?;
            Ok(Followed::by(joined, "/?done=set-up"))
        }
        Purpose::SignUp { .. } => {
            let joined = access.finish_sign_up(secret, joining()?).await?;
            Ok(Followed::by(joined, "/?done=sign-up"))
        }
        Purpose::Confirm { .. } => {
            access.confirm_address(secret, address).await?;
            Ok(Followed::to("/?done=confirm"))
        }
        Purpose::Reset { .. } => {
            access.reset_password(secret, fields.text("password"), address).await?;
            Ok(Followed::to("/login?done=reset"))
        }
        Purpose::Invitation(_) if visitor.name().is_some() => {
            let accepted = access.accept_invitation(&visitor.caller, secret).await?;
            Ok(Followed::to(format!("/organizations/{}?done=accepted", accepted.organization)))
        }
        Purpose::Invitation(Invitation { to: Invited::Account(_), .. }) => Err(Error::Unauthenticated),
        Purpose::Invitation(invitation) => {
            let joined = access.join(secret, newcomer()?, joining()?).await?;
            Ok(Followed::by(joined, format!("/organizations/{}?done=join", invitation.organization)))
        }
    }
}

fn kind_of(text: &str) -> Result<LinkKind, Error> {
    text.parse().map_err(|_| Error::LinkGone)
}

/// What is to be done with a link; nothing, if somebody has to log in first.
fn form(visitor: &Visitor, link: &Link, fields: &Fields) -> Option<Form> {
    // The same place: the secret is in no other.
    let begin = |button| Form::new(visitor, visitor.uri.path(), button);
    let newcomer =
        |button| begin(button).field(Field::new_account("name")).field(Field::new_password("password", "Password"));
    let form = match &link.purpose {
        Purpose::SetUp => newcomer("Make the administrator").field(Field::email("email", "E-mail").optional()),
        Purpose::SignUp { .. } => begin("Make the account"),
        Purpose::Confirm { .. } => begin("Confirm the address"),
        Purpose::Reset { .. } => begin("Change the password").field(Field::new_password("password", "New password")),
        Purpose::Invitation(_) if visitor.name().is_some() => begin("Accept"),
        Purpose::Invitation(Invitation { to: Invited::Account(_), .. }) => return None,
        Purpose::Invitation(_) => newcomer("Make an account and accept"),
    };
    Some(form.focused().filled(fields))
}

fn page(visitor: &Visitor, status: StatusCode, link: &Link, form: Option<Form>) -> Answer {
    let (title, lead) = words(visitor, &link.purpose);
    let mut page = Simple::new(Frame::new(visitor, title)).lead(lead);
    if let Some(form) = form {
        page = page.form(form);
    }
    if matches!(link.purpose, Purpose::Invitation(_)) && visitor.name().is_none() {
        page = page.lead("If you have an account, log in first, and open the link again.").link("/login", "Log in");
    }
    show(visitor, status, &page).map(close)
}

fn words(visitor: &Visitor, purpose: &Purpose) -> (&'static str, String) {
    match purpose {
        Purpose::SetUp => {
            ("Set up the registry", "Nobody governs this registry yet. The account that you make here will.".to_owned())
        }
        Purpose::SignUp { account, email } => {
            ("Your account", format!("This makes the account {account} for {email}."))
        }
        Purpose::Confirm { account, email } => {
            ("Your address", format!("This confirms that letters to {email} reach {account}."))
        }
        Purpose::Reset { account } => {
            ("A new password", format!("For the account {account}. Everything that was issued for the old one ends."))
        }
        Purpose::Invitation(invitation) => ("You are invited", invited(visitor, invitation)),
    }
}

fn invited(visitor: &Visitor, invitation: &Invitation) -> String {
    let Invitation { organization, inviter, team, role, .. } = invitation;
    let team = team.as_ref().map(|team| format!(", into the team {team}")).unwrap_or_default();
    let as_whom = visitor.name().map(|name| format!(" You accept as {name}.")).unwrap_or_default();
    format!("{inviter} asks you into {organization} as {role}{team}.{as_whom}")
}

/// Says nothing of the address, which is a secret, to whatever is asked next. `no-referrer` would also hide from us that a form comes
/// from here.
fn close(mut response: Response) -> Response {
    response.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("strict-origin"));
    response
}
