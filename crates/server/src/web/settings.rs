//! What people change of their own accounts.

pub(super) mod passkeys;
pub(super) mod password;
pub(super) mod profile;
pub(super) mod second_factor;
pub(super) mod sessions;
pub(super) mod tokens;

use entrepot_access::{AccountOwner, Name, Permit};
use http::StatusCode;

use super::Web;
use super::failure::Failure;
use super::page::{Answer, Frame, show};
use super::section::{Section, Sections};
use super::visitor::Visitor;

/// The pages, each its address and its name.
const PAGES: &[(&str, &str)] = &[
    ("/settings", "Profile"),
    ("/settings/password", "Password"),
    ("/settings/second-factor", "Second factor"),
    ("/settings/tokens", "Tokens"),
    ("/settings/sessions", "Sessions"),
];

/// Who changes their own account, and that they may.
pub(super) async fn own(web: &Web, visitor: &Visitor) -> Result<(Name, Permit<AccountOwner>), Failure> {
    let name = visitor.person()?.clone();
    let permit = web.access.permit_account(&visitor.caller, &name).await?;
    Ok((name, permit))
}

/// The page at `here`, with nothing in it.
fn begin(visitor: &Visitor, here: &str) -> Sections {
    let title = PAGES.iter().find(|(to, _)| *to == here).map_or("Settings", |(_, text)| text);
    Sections::new(Frame::new(visitor, title).within("settings")).beside("Settings", PAGES.iter().copied(), here)
}

/// The page at `here` with these sections.
fn page(visitor: &Visitor, status: StatusCode, here: &str, sections: impl IntoIterator<Item = Section>) -> Answer {
    show(visitor, status, &with(visitor, here, sections))
}

fn with(visitor: &Visitor, here: &str, sections: impl IntoIterator<Item = Section>) -> Sections {
    sections.into_iter().fold(begin(visitor, here), Sections::section)
}
