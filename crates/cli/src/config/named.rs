//! Sections of which there may be several, each with a name of its own: `[oidc.acme]`. The table has them once, with [`NAME`] in the place
//! of the name.

use entrepot_access::{InvalidProviderName, ProviderName};

use super::sections;
use super::setting::Setting;

/// What stands in a key of the table in the place of the name.
const NAME: &str = "NAME";

/// Whether a section or key of the table stands for several.
pub(super) fn has_name(key: &str) -> bool {
    key.split('.').any(|part| part == NAME)
}

/// The name that `written` has where `template` has a place for one, if they are the same but for that.
pub(super) fn name_in<'a>(template: &str, written: &'a str) -> Option<&'a str> {
    let (before, after) = template.split_once(NAME)?;
    written.strip_prefix(before)?.strip_suffix(after).filter(|name| name.parse::<ProviderName>().is_ok())
}

/// A key of the table with a name in its place.
pub(super) fn with_name(key: &str, name: &str) -> String {
    if has_name(key) { key.replacen(NAME, name, 1) } else { key.to_owned() }
}

/// A key of the table as it would be written beside `written`, with the same name.
pub(super) fn as_in(key: &str, written: &str) -> String {
    let section = written.rsplit_once('.').map_or("", |(section, _)| section);
    let name = sections::TABLE.iter().find_map(|template| name_in(template.name, section));
    name.map_or_else(|| key.to_owned(), |name| with_name(key, name))
}

/// The setting that is written as `key`.
pub(super) fn by_key(key: &str) -> Option<&'static Setting> {
    sections::all().find(|setting| match has_name(setting.key) {
        true => name_in(setting.key, key).is_some(),
        false => setting.key == key,
    })
}

/// The setting that an environment variable is about, and the name of its section if it has one of its own.
pub(super) fn by_variable(variable: &str) -> Option<(&'static Setting, Option<String>)> {
    let one = sections::all().find(|setting| !has_name(setting.key) && setting.environment_name() == variable);
    if let Some(setting) = one {
        return Some((setting, None));
    }
    sections::all().filter(|setting| has_name(setting.key)).find_map(|setting| {
        let template = setting.environment_name();
        let (before, after) = template.split_once(NAME)?;
        let name = variable.strip_prefix(before)?.strip_suffix(after)?;
        let is_upper = !name.contains(|letter: char| letter.is_ascii_lowercase());
        let name = name.to_ascii_lowercase();
        (is_upper && name.parse::<ProviderName>().is_ok()).then_some((setting, Some(name)))
    })
}

/// Whether `written` is a section with a name of its own.
pub(super) fn is_named_section(written: &str) -> bool {
    sections::TABLE.iter().any(|section| name_in(section.name, written).is_some())
}

/// What is wrong with `written`, if only its name keeps it from being such a section.
pub(super) fn is_misnamed(written: &str) -> Option<String> {
    let misnamed = sections::TABLE.iter().filter(|section| has_name(section.name)).any(|section| {
        let around = section.name.split_once(NAME);
        around.is_some_and(|(before, after)| {
            written.len() > before.len() && written.starts_with(before) && written.ends_with(after)
        })
    });
    (misnamed && !is_named_section(written)).then(|| format!("{written} cannot be called so: {InvalidProviderName}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_found_with_a_name() {
        for (key, found) in [
            ("oidc.acme.issuer", Some("oidc.NAME.issuer")),
            ("oidc.ca_file", Some("oidc.ca_file")),
            ("oidc.NAME.issuer", None),
            ("oidc.Acme.issuer", None),
            ("oidc..issuer", None),
            ("oidc.acme", None),
            ("oidc.acme.two.issuer", None),
            ("oidc.acme.isuer", None),
        ] {
            assert_eq!(by_key(key).map(|setting| setting.key), found, "{key}");
        }
        for (variable, found) in [
            ("ENTREPOT_OIDC_ACME_CLIENT_ID", Some(("oidc.NAME.client_id", Some("acme")))),
            ("ENTREPOT_OIDC_NAME_NAME_CLAIM", Some(("oidc.NAME.name_claim", Some("name")))),
            ("ENTREPOT_OIDC_CA_FILE", Some(("oidc.ca_file", None))),
            ("ENTREPOT_OIDC_acme_CLIENT_ID", None),
            ("ENTREPOT_OIDC_ACME_TWO_CLIENT_ID", None),
            ("ENTREPOT_OIDC__CLIENT_ID", None),
        ] {
            let by = by_variable(variable);
            let by = by.as_ref().map(|(setting, name)| (setting.key, name.as_deref()));
            assert_eq!(by, found, "{variable}");
        }
    }

    #[test]
    fn a_key_is_written_as_those_beside_it() {
        assert_eq!(as_in("oidc.NAME.issuer", "oidc.acme.isuer"), "oidc.acme.issuer");
        assert_eq!(as_in("oidc.NAME.issuer", "limits.isuer"), "oidc.NAME.issuer");
        assert_eq!(as_in("data_dir", "oidc.acme.data_dir"), "data_dir");
    }
}
