//! What was typed into a form.

use std::fmt::Display;
use std::str::FromStr;

use entrepot_access::Error;

/// The values of a form, in their order.
#[derive(Clone, Default)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// What a body says.
    pub(super) fn parse(body: &[u8]) -> Self {
        Self(form_urlencoded::parse(body).into_owned().collect())
    }

    /// A value; nothing, if there is none.
    pub(super) fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// A value without the spaces around it, if something was typed.
    pub(super) fn given(&self, name: &str) -> Option<&str> {
        Some(self.text(name).trim()).filter(|text| !text.is_empty())
    }

    /// All values of one name.
    pub(super) fn all(&self, name: &'static str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A value as what it has to be.
    ///
    /// # Errors
    /// [`Error::Invalid`], for the field.
    pub(super) fn parsed<T: FromStr<Err: Display>>(&self, name: &'static str) -> Result<T, Error> {
        parsed(name, self.text(name).trim())
    }

    /// Whether the form was sent; a page that only shows one has no values.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// `text`, typed into the field `name`, as what it has to be.
///
/// # Errors
/// [`Error::Invalid`], for the field.
pub(super) fn parsed<T: FromStr<Err: Display>>(name: &'static str, text: &str) -> Result<T, Error> {
    text.parse().map_err(|error: T::Err| Error::Invalid { field: name, why: error.to_string() })
}
