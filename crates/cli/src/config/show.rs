//! The effective configuration as a TOML file that says where each value came from.

use super::Config;
use super::named;
use super::secret::HIDDEN;
use super::sections::TABLE;
use super::setting::Setting;

/// Prints every setting but secrets; without those the result is a valid configuration file that means the same.
pub(crate) fn show(config: &Config) -> String {
    let mut values = config.values().into_iter();
    let mut page = String::new();
    for section in &TABLE {
        if !section.is_one() {
            for (name, values) in config.named_values() {
                page.push_str(&format!("\n[{}]\n", named::with_name(section.name, name)));
                for (setting, value) in section.settings.iter().zip(values) {
                    page.push_str(&line(config, setting, &named::with_name(setting.key, name), value));
                }
            }
            continue;
        }
        if !section.name.is_empty() {
            page.push_str(&format!("\n[{}]\n", section.name));
        }
        for (setting, value) in section.settings.iter().zip(values.by_ref()) {
            page.push_str(&line(config, setting, setting.key, value));
        }
    }
    page
}

fn line(config: &Config, setting: &Setting, key: &str, value: Option<String>) -> String {
    let (name, origin) = (setting.name(), config.origins.describe(key));
    match value {
        Some(value) if value == HIDDEN && setting.secret => format!("# {name} is set, and not shown # {origin}\n"),
        Some(value) => format!("{name} = {value} # {origin}\n"),
        None => format!("# {name} is not set\n"),
    }
}
