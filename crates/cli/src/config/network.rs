//! Lists of networks.

use entrepot_server::Network;

use super::list::written;
use super::value::{Form, Kind, Unfit, Value, toml_string};

/// Networks, in the order in which they were written.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Networks(pub(crate) Vec<Network>);

impl Value for Networks {
    const KIND: Kind =
        Kind { allowed: "a list of networks or addresses such as [\"10.0.0.0/8\", \"fd00::/8\"]", form: Form::List };

    fn parse(text: &str) -> Result<Self, Unfit> {
        Self::of_items(text.split(','))
    }

    fn of_items<'a>(items: impl Iterator<Item = &'a str>) -> Result<Self, Unfit> {
        let networks = written(items)
            .map(|item| item.parse().map_err(|_| Unfit::because(format!("{} is none", toml_string(item)))));
        networks.collect::<Result<_, _>>().map(Self)
    }

    fn to_toml(&self) -> String {
        let items: Vec<String> = self.0.iter().map(|network| toml_string(&network.to_string())).collect();
        format!("[{}]", items.join(", "))
    }
}
