//! Lists of names.

use super::value::{Form, Kind, Unfit, Value, toml_string};

/// Names or other short texts, in the order in which they were written.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Texts(pub(crate) Vec<String>);

impl Value for Texts {
    const KIND: Kind = Kind { allowed: "a list of texts such as [\"developers\", \"/acme/ops\"]", form: Form::List };

    fn parse(text: &str) -> Result<Self, Unfit> {
        Self::of_items(text.split(','))
    }

    fn of_items<'a>(items: impl Iterator<Item = &'a str>) -> Result<Self, Unfit> {
        let items: Vec<_> = written(items).map(str::to_owned).collect();
        if items.iter().any(|item| item.contains(char::is_control)) { Err(Unfit::PLAIN) } else { Ok(Self(items)) }
    }

    fn to_toml(&self) -> String {
        let items: Vec<String> = self.0.iter().map(|item| toml_string(item)).collect();
        format!("[{}]", items.join(", "))
    }
}

/// The items that say something, without the blanks around them.
pub(super) fn written<'a>(items: impl Iterator<Item = &'a str>) -> impl Iterator<Item = &'a str> {
    items.map(str::trim).filter(|item| !item.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_between_commas_is_one_text() {
        let texts = Texts::parse("developers, /acme/ops,,Domain Users").unwrap();
        assert_eq!(texts.to_toml(), r#"["developers", "/acme/ops", "Domain Users"]"#);
        assert_eq!(Texts::parse("").unwrap(), Texts::default());
        assert!(Texts::parse("a\nb").is_err());
    }

    #[test]
    fn an_item_by_itself_keeps_its_commas() {
        let name = "CN=Ops,OU=Groups,DC=acme,DC=example";
        let texts = Texts::of_items([name, " Sales, EMEA ", ""].into_iter()).unwrap();
        assert_eq!(texts.0, [name, "Sales, EMEA"]);
        assert!(Texts::of_items(["a\nb"].into_iter()).is_err());
    }
}
