//! What a server says of a person or group.

use std::collections::HashMap;

use ldap3::{ResultEntry, SearchEntry};
use uuid::Uuid;

/// No name or address is longer.
const MAX_TEXT_BYTES: usize = 1024;

/// The bit of Active Directory's `userAccountControl` that says that an account is disabled.
const ACCOUNT_DISABLED: u32 = 0x2;

/// The one id that is no text in any directory that we know, and its 16 bytes are in the order of Microsoft's GUIDs.
const OBJECT_GUID: &str = "objectguid";

/// An entry, with those of its attributes that were asked for.
#[derive(Debug)]
pub(super) struct Entry {
    dn: String,
    /// By their names in lower case: servers write them as they like.
    values: HashMap<String, Vec<Vec<u8>>>,
}

impl Entry {
    /// # Panics
    /// It is no entry as RFC 4511 has it; whoever talks to a server expects that.
    pub(super) fn read(result: ResultEntry) -> Self {
        let entry = SearchEntry::construct(result);
        let texts = entry.attrs.into_iter().map(|(name, values)| {
            (name.to_ascii_lowercase(), values.into_iter().map(String::into_bytes).collect::<Vec<_>>())
        });
        let bytes = entry.bin_attrs.into_iter().map(|(name, values)| (name.to_ascii_lowercase(), values));
        Self { dn: entry.dn, values: texts.chain(bytes).collect() }
    }

    /// Its distinguished name. It may be empty, which is nobody.
    pub(super) fn dn(&self) -> &str {
        &self.dn
    }

    /// The first value of an attribute, if it is a text that people can read.
    pub(super) fn text(&self, attribute: &str) -> Option<String> {
        let value = String::from_utf8(self.values(attribute).first()?.clone()).ok()?;
        is_text(&value).then_some(value)
    }

    /// The only value of an attribute that names this entry for good, as text.
    pub(super) fn id(&self, attribute: &str) -> Option<String> {
        let [value] = self.values(attribute) else { return None };
        if attribute.eq_ignore_ascii_case(OBJECT_GUID) {
            return Some(Uuid::from_bytes_le(value.as_slice().try_into().ok()?).hyphenated().to_string());
        }
        let value = String::from_utf8(value.clone()).ok()?;
        is_text(&value).then_some(value)
    }

    /// Whether the bit for disabled accounts is set in an attribute of flags.
    pub(super) fn is_disabled(&self, flags: &str) -> bool {
        // Those who may not read it do not see it at all; what is there and no number is not trusted.
        self.values(flags).iter().any(|value| {
            let number: Option<i64> = str::from_utf8(value).ok().and_then(|number| number.parse().ok());
            number.is_none_or(|number| number & i64::from(ACCOUNT_DISABLED) != 0)
        })
    }

    fn values(&self, attribute: &str) -> &[Vec<u8>] {
        self.values.get(&attribute.to_ascii_lowercase()).map_or(&[], Vec::as_slice)
    }
}

fn is_text(value: &str) -> bool {
    !value.trim().is_empty() && value.len() <= MAX_TEXT_BYTES && !value.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(values: &[(&str, &[&[u8]])]) -> Entry {
        let values = values
            .iter()
            .map(|(name, values)| (name.to_ascii_lowercase(), values.iter().map(|value| value.to_vec()).collect()));
        Entry { dn: "cn=a".to_owned(), values: values.collect() }
    }

    #[test]
    fn texts() {
        let entry = entry(&[
            ("displayName", &[b"Alice Ames", b"Al"]),
            ("blank", &[b" "]),
            ("lines", &[b"a\nb"]),
            ("bytes", &[b"\xff"]),
            ("long", &[&[b'a'; 1025]]),
        ]);
        assert_eq!(entry.text("DISPLAYNAME").as_deref(), Some("Alice Ames"));
        for name in ["blank", "lines", "bytes", "long", "absent"] {
            assert_eq!(entry.text(name), None, "{name}");
        }
    }

    #[test]
    fn ids() {
        let guid = b"\xaa\x65\xe0\x6e\xd0\x73\xad\x44\x88\x7c\x1c\x81\x65\x90\x67\x03";
        let entry = entry(&[
            ("objectGUID", &[guid]),
            ("entryUUID", &[b"1d5f0b3a-0000-1040-8000-000000000000"]),
            ("uid", &[b"a", b"b"]),
        ]);
        assert_eq!(entry.id("objectGUID").as_deref(), Some("6ee065aa-73d0-44ad-887c-1c8165906703"));
        assert_eq!(entry.id("entryuuid").as_deref(), Some("1d5f0b3a-0000-1040-8000-000000000000"));
        assert_eq!((entry.id("uid"), entry.id("absent")), (None, None));
    }

    #[test]
    fn disabled_accounts() {
        for (flags, disabled) in [(&b"512"[..], false), (b"514", true), (b"66050", true), (b"-2", true), (b"x", true)] {
            assert_eq!(entry(&[("userAccountControl", &[flags])]).is_disabled("userAccountControl"), disabled);
        }
        assert!(!entry(&[]).is_disabled("userAccountControl"));
    }
}
