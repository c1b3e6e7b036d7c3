//! Lists of names.

use super::value::{Form, Kind, Unfit, Value, toml_string};

/// Names or other short texts, in the order in which they were written.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Texts(pub(crate) Vec<String>);

impl Value for Texts {
    const KIND: Kind = Kind { allowed: "a list of texts such as [\"developers\", \"/acme/ops\"]", form: Form::List };

    fn parse(text: &str) -> Result<Self, Unfit> {
        if text.contains(char::is_control) {
            return Err(Unfit::PLAIN);
        }
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        Ok(Self(items.map(str::to_owned).collect()))
    }

    fn to_toml(&self) -> String {
        let items: Vec<String> = self.0.iter().map(|item| toml_string(item)).collect();
        format!("[{}]", items.join(", "))
    }
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
}
