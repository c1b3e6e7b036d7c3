//! Tags that say to which manifest another belongs: the fallback of the referrers API (`sha256-<hex>`), and what cosign makes
//! of that (`sha256-<hex>.sig`, `.att`, `.sbom`). What they name goes when that manifest goes.

use entrepot_database::Connection;
use entrepot_oci::Digest;

use super::keep::read_keeper;
use super::report::Keeper;
use crate::{Error, tables};

/// Digits of the digest in such a tag, also of a longer digest.
const DIGITS: usize = 64;

/// Such a tag, taken apart.
pub(crate) struct Satellite<'a> {
    algorithm: &'a str,
    hex: &'a str,
}

impl<'a> Satellite<'a> {
    /// `None` for every other tag.
    pub(crate) fn parse(tag: &'a str) -> Option<Self> {
        let (algorithm, rest) = tag.split_once('-')?;
        let (hex, suffix) = rest.split_at_checked(DIGITS)?;
        let known = matches!(algorithm, "sha256" | "sha512");
        let digits = hex.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
        let whole = suffix.is_empty() || suffix.starts_with('.');
        (known && digits && whole).then_some(Self { algorithm, hex })
    }

    /// What it belongs to, if the repository has it, be it in the trash.
    pub(crate) fn subject(&self, connection: &Connection<'_>, repository: i64) -> Result<Option<Keeper>, Error> {
        let first = format!("{}:{}", self.algorithm, self.hex);
        // Behind every digit.
        let end = format!("{first}g");
        let parameters = [repository.into(), (&first).into(), (&end).into()];
        connection.first(&tables::MANIFEST_BETWEEN, &parameters, read_keeper)
    }
}

/// The manifests that belong by their tags to the manifest `subject`.
pub(crate) fn of(connection: &Connection<'_>, repository: i64, subject: &Digest) -> Result<Vec<i64>, Error> {
    let tag = subject.referrers_tag();
    // `/` follows on `.`, and is in no tag.
    let end = format!("{tag}/");
    let found =
        connection.all(&tables::TAGS_BETWEEN, &[repository.into(), tag.as_str().into(), (&end).into()], |row| {
            Ok::<_, Error>(Satellite::parse(row.text(0)?).is_some().then_some(row.integer(1)?))
        })?;
    Ok(found.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_such_tags_are_taken_for_them() {
        let hex = "0a".repeat(32);
        for tag in [format!("sha256-{hex}"), format!("sha256-{hex}.sig"), format!("sha512-{hex}.att")] {
            assert!(Satellite::parse(&tag).is_some(), "{tag}");
        }
        let upper = hex.to_uppercase();
        for tag in ["latest", "sha256-0a", &format!("sha256-{hex}0"), &format!("sha256-{upper}"), &format!("md5-{hex}")]
        {
            assert!(Satellite::parse(tag).is_none(), "{tag}");
        }
    }
}
