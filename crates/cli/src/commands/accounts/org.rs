//! `entrepot org`: organizations and who is in them.

use std::process::ExitCode;

use clap::Subcommand;
use entrepot_access::{
    Access, InOrganization, Member, Membership, Name, NamespaceChange, NamespaceOwner, Organization, Permit, Visibility,
};

use super::listing::{Listing, time};
use super::{Form, PAGE, all, done};

pub(crate) const EXAMPLES: &str = "\
Examples:
  Make an organization and put somebody into it:
    entrepot org create acme --owner ann
    entrepot org member add acme ben

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

/// Runs one of the commands.
pub(crate) async fn run(command: OrgCommand, access: &Access) -> anyhow::Result<ExitCode> {
    match command {
        OrgCommand::Create { name, owner } => {
            access.create_organization(&Access::operator(), &name, &owner).await?;
            done(&format!("{name} is an organization, and {owner} owns it"))
        }
        OrgCommand::List { form } => {
            let system = access.permit_system(&Access::operator())?;
            let key = |organization: &Organization| organization.name.to_string();
            let organizations = all(key, async |last| access.organizations(&system, last, PAGE).await);
            listing(organizations.await?).print(&form)
        }
        OrgCommand::Show { name, form } => {
            listing([access.organization(&inside(access, &name).await?, &name).await?]).print(&form)
        }
        OrgCommand::Member(command) => member(command, access).await,
        OrgCommand::Visibility { name, visibility } => {
            let change = NamespaceChange { default_visibility: Some(visibility), ..NamespaceChange::default() };
            access.change_organization(&permit(access, &name).await?, change).await?;
            done(&format!("new repositories of {name} are {visibility}"))
        }
    }
}

async fn member(command: MemberCommand, access: &Access) -> anyhow::Result<ExitCode> {
    match command {
        MemberCommand::Add { organization, account, role } => {
            access.set_member(&permit(access, &organization).await?, &account, role).await?;
            done(&format!("{account} is in {organization} as {role}"))
        }
        MemberCommand::Remove { organization, account } => {
            access.remove_member(&permit(access, &organization).await?, &account).await?;
            done(&format!("{account} is not in {organization} any more"))
        }
        MemberCommand::List { organization, form } => {
            let inside = inside(access, &organization).await?;
            let key = |member: &Member| member.account.to_string();
            let members = all(key, async |last| access.members(&inside, last, PAGE).await);
            let row = |member: Member| vec![member.account.as_str().into(), member.role.as_str().into()];
            Listing::new(&["account", "role"], members.await?.into_iter().map(row)).print(&form)
        }
    }
}

/// Leave to change an organization.
pub(super) async fn permit(access: &Access, name: &Name) -> anyhow::Result<Permit<NamespaceOwner>> {
    Ok(access.permit_organization(&Access::operator(), name).await?)
}

/// Leave to see it from within.
pub(super) async fn inside(access: &Access, name: &Name) -> anyhow::Result<Permit<InOrganization>> {
    Ok(access.permit_member(&Access::operator(), name).await?)
}

fn listing(organizations: impl IntoIterator<Item = Organization>) -> Listing {
    let row = |organization: Organization| {
        let visibility = organization.default_visibility.as_str();
        vec![
            organization.name.as_str().into(),
            organization.display_name.into(),
            visibility.into(),
            time(organization.created_at),
        ]
    };
    let columns = &["name", "display_name", "default_visibility", "created_at"];
    Listing::new(columns, organizations.into_iter().map(row))
}
