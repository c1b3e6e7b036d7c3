//! Parts: the objects that a blob in an object store consists of.

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use uuid::Uuid;

use crate::objects::Hold;

/// The name of an object below the store's prefix: `<writer>/<id>`, two UUIDs in lower case with hyphens.
///
/// It says who wrote the object and not what is in it: bytes get their key before their digest is known, so that they are
/// written once, in the place where they stay. Keys of one writer sort by the time at which they were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    writer: Uuid,
    id: Uuid,
}

/// A text that is no [`Key`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidKey;

impl Key {
    /// A key that nobody else has.
    pub(crate) fn new(writer: Uuid) -> Self {
        Self { writer, id: Uuid::now_v7() }
    }

    /// The process that wrote the object.
    pub fn writer(&self) -> Uuid {
        self.writer
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.writer, self.id)
    }
}

/// Takes the one spelling that [`Key`] prints, so that two texts never name the same object.
impl FromStr for Key {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let (writer, id) = text.split_once('/').ok_or(InvalidKey)?;
        let (writer, id) = (parse_id(writer).ok_or(InvalidKey)?, parse_id(id).ok_or(InvalidKey)?);
        if id.get_version_num() == 7 { Ok(Self { writer, id }) } else { Err(InvalidKey) }
    }
}

impl fmt::Display for InvalidKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key has the form <writer>/<id>, two UUIDs of which the second has version 7")
    }
}

impl std::error::Error for InvalidKey {}

/// Reads an id; other spellings than the one that is given out are not ours.
pub(crate) fn parse_id(text: &str) -> Option<Uuid> {
    let id = Uuid::try_parse(text).ok()?;
    (id.hyphenated().encode_lower(&mut Uuid::encode_buffer()) == text).then_some(id)
}

/// One object of a blob or of an unfinished upload. A blob is the bytes of its parts, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Where it lies.
    pub key: Key,
    /// Bytes in it.
    pub size: u64,
}

/// Parts that were just written, in order, and that the caller has not recorded yet. Always empty on disk.
///
/// Keep it until they are recorded, or until that failed: as long as it lives, the purge of this process leaves them
/// alone. Those that are not recorded are found by the next purge; removing them at once saves their space until then.
#[derive(Debug, Default)]
pub struct NewParts {
    parts: Vec<Part>,
    _holds: Vec<Hold>,
}

impl FromIterator<(Part, Option<Hold>)> for NewParts {
    fn from_iter<T: IntoIterator<Item = (Part, Option<Hold>)>>(written: T) -> Self {
        let (parts, holds): (_, Vec<_>) = written.into_iter().unzip();
        Self { parts, _holds: holds.into_iter().flatten().collect() }
    }
}

impl Deref for NewParts {
    type Target = [Part];

    fn deref(&self) -> &[Part] {
        &self.parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_one_spelling() {
        let text = "0190a000-0000-4000-8000-00000000000a/0190a000-0000-7000-8000-00000000000b";
        assert_eq!(text.parse::<Key>().unwrap().to_string(), text);
        for wrong in [
            "",
            "/",
            "0190a000-0000-7000-8000-00000000000b",
            "0190A000-0000-4000-8000-00000000000a/0190a000-0000-7000-8000-00000000000b",
            "0190a00000004000800000000000000a/0190a000-0000-7000-8000-00000000000b",
            "0190a000-0000-4000-8000-00000000000a/0190a000-0000-4000-8000-00000000000b",
            "0190a000-0000-4000-8000-00000000000a/0190a000-0000-7000-8000-00000000000b/",
            "../0190a000-0000-7000-8000-00000000000b",
        ] {
            assert_eq!(wrong.parse::<Key>(), Err(InvalidKey), "{wrong}");
        }
    }
}
