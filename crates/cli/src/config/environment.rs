//! Settings from environment variables.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use super::origin::Origin;
use super::reader::{Given, Sources};
use super::sections;
use super::setting::ENVIRONMENT_PREFIX;
use super::{named, nearest};

/// Names the configuration file, unless `--config` does.
pub(super) const CONFIG_VARIABLE: &str = "ENTREPOT_CONFIG";

/// Where commands ask a registry elsewhere, and what they show to it: no settings of this one.
const ELSEWHERE: [&str; 2] = ["ENTREPOT_SERVER", "ENTREPOT_TOKEN"];

/// Takes the settings out of `variables`, and returns the configuration file they name.
pub(super) fn gather(
    variables: impl Iterator<Item = (OsString, OsString)>,
    sources: &mut Sources,
) -> Option<(Origin, PathBuf)> {
    let mut config = None;
    for (name, value) in variables {
        // A name of ours is ASCII, so what is not UTF-8 can be ours in its beginning only: an unknown one.
        let name = name.to_string_lossy().into_owned();
        let ours = name.starts_with(ENVIRONMENT_PREFIX) && !ELSEWHERE.contains(&name.as_str());
        if !ours || is_service_link(&name, &value) {
            continue;
        }
        let origin = Origin::Environment { name: name.clone() };
        if name == CONFIG_VARIABLE {
            config = Some((origin, PathBuf::from(value)));
            continue;
        }
        let Some((setting, in_name)) = named::by_variable(&name) else {
            sources.mistake(origin, unknown(&name));
            continue;
        };
        let key = in_name.as_ref().map_or_else(|| setting.key.to_owned(), |name| named::with_name(setting.key, name));
        match value.to_str() {
            Some(text) => sources.give(&key, Given::text(origin, text)),
            None => sources.mistake(origin, format!("the value of {key} is not UTF-8")),
        }
        if let Some((section, _)) = key.rsplit_once('.').filter(|_| in_name.is_some()) {
            sources.named.insert(section.to_owned());
        }
    }
    config
}

fn unknown(name: &str) -> String {
    let mut known: Vec<String> = sections::all().map(|setting| setting.environment_name()).collect();
    known.push(CONFIG_VARIABLE.to_owned());
    format!("no setting has this name; {}", nearest::hint(name, known.iter().map(String::as_str)))
}

/// Whether Kubernetes or Docker made the variable to tell of a service whose name begins with `entrepot`:
/// `ENTREPOT_SERVICE_HOST`, `ENTREPOT_PORT=tcp://…`, `ENTREPOT_PORT_5000_TCP_ADDR` and so on (Kubernetes, "Accessing
/// the Service", "Environment Variables"). They stand in every container beside such a service.
fn is_service_link(name: &str, value: &OsStr) -> bool {
    let link = |value: &OsStr| {
        value.to_str().is_some_and(|text| ["tcp://", "udp://", "sctp://"].iter().any(|scheme| text.starts_with(scheme)))
    };
    name.ends_with("_SERVICE_HOST")
        || name.ends_with("_SERVICE_PORT")
        || name.contains("_SERVICE_PORT_")
        || (name.ends_with("_PORT") && link(value))
        || name.split_once("_PORT_").is_some_and(|(_, rest)| {
            let mut parts = rest.split('_');
            parts.next().is_some_and(|port| port.parse::<u16>().is_ok())
                && matches!(parts.next(), Some("TCP" | "UDP" | "SCTP"))
        })
}
