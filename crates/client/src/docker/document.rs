//! JSON of others, in which one place is changed: everything else stays as it was written, in its order, with its numbers.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::ser::PrettyFormatter;
use serde_json::value::RawValue;

/// An object, entry by entry.
#[derive(Default)]
pub(super) struct Object(Vec<(String, Value)>);

/// A value: as it was written, or an object in which something may have changed.
enum Value {
    Written(Box<RawValue>),
    Open(Object),
}

impl Object {
    /// What stands at `key`; of several the last counts, as for everybody who reads such files.
    pub(super) fn read<'a, T: Deserialize<'a>>(&'a self, key: &str) -> Result<Option<T>, serde_json::Error> {
        match self.0.iter().rev().find(|(name, _)| name == key) {
            Some((_, Value::Written(text))) => serde_json::from_str(text.get()),
            Some((_, Value::Open(_))) | None => Ok(None),
        }
    }

    /// The object at `key`, to be changed. If there is none there will be.
    pub(super) fn open(&mut self, key: &str) -> Result<&mut Self, serde_json::Error> {
        let value = self.slot(key);
        if let Value::Written(text) = value {
            *value = Value::Open(serde_json::from_str::<Option<Self>>(text.get())?.unwrap_or_default());
        }
        match value {
            Value::Open(object) => Ok(object),
            Value::Written(_) => Err(serde::de::Error::custom("it is no object")),
        }
    }

    /// Puts an object of texts at `key`, in place of what was there.
    pub(super) fn put(&mut self, key: &str, texts: &[(&str, &str)]) -> Result<(), serde_json::Error> {
        let written = |text: &&str| serde_json::value::to_raw_value(text).map(Value::Written);
        let entries = texts.iter().map(|(name, text)| Ok(((*name).to_owned(), written(text)?)));
        *self.slot(key) = Value::Open(Self(entries.collect::<Result<_, serde_json::Error>>()?));
        Ok(())
    }

    /// What is at `key`, and an empty object if nothing is.
    fn slot(&mut self, key: &str) -> &mut Value {
        let place = self.0.iter().rposition(|(name, _)| name == key).unwrap_or_else(|| {
            self.0.push((key.to_owned(), Value::Open(Self::default())));
            self.0.len() - 1
        });
        &mut self.0[place].1
    }

    /// Takes what is at `key` away.
    pub(super) fn remove(&mut self, key: &str) {
        self.0.retain(|(name, _)| name != key);
    }

    /// The text, as docker lays it out.
    pub(super) fn text(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut text = Vec::new();
        self.serialize(&mut serde_json::Serializer::with_formatter(&mut text, PrettyFormatter::with_indent(b"\t")))?;
        Ok(text)
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut entries = Vec::new();
                while let Some((name, text)) = map.next_entry()? {
                    entries.push((name, Value::Written(text)));
                }
                Ok(Object(entries))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Written(text) => text.serialize(serializer),
            Self::Open(object) => object.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_place_is_changed_and_the_rest_stays() {
        let before = "{\n\t\"zeta\": 1.50,\n\t\"auths\": {\n\t\t\"b.acme.example\": {\n\t\t\t\"auth\": \"Yg==\"\n\t\t},\n\
             \t\t\"a.acme.example\": {}\n\t},\n\t\"big\": 123456789012345678901234567890,\n\t\"esc\": \"\\u00e9\\/\"\n}";
        let mut document: Object = serde_json::from_str(before).unwrap();
        document.open("auths").unwrap();
        assert_eq!(String::from_utf8(document.text().unwrap()).unwrap(), before, "opened, and nothing changed");
        document.open("auths").unwrap().put("c.acme.example", &[("auth", "Yw==")]).unwrap();
        document.open("auths").unwrap().remove("a.acme.example");
        let text = String::from_utf8(document.text().unwrap()).unwrap();
        let change = "\t\t\"c.acme.example\": {\n\t\t\t\"auth\": \"Yw==\"\n\t\t}\n\t},";
        assert_eq!(text, before.replace("\t\t\"a.acme.example\": {}\n\t},", change));
    }

    #[test]
    fn what_is_no_object_is_not_changed() {
        for (text, fits) in
            [(r#"{"auths":null}"#, true), ("{}", true), (r#"{"auths":[]}"#, false), (r#"{"auths":"x"}"#, false)]
        {
            let mut document: Object = serde_json::from_str(text).unwrap();
            assert_eq!(document.open("auths").is_ok(), fits, "{text}");
        }
        assert!(serde_json::from_str::<Object>("[]").is_err());
        let twice: Object = serde_json::from_str(r#"{"credsStore":"a","credsStore":"b"}"#).unwrap();
        assert_eq!(twice.read::<String>("credsStore").unwrap().as_deref(), Some("b"));
    }
}
