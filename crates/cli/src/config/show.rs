//! The effective configuration as a TOML file that says where each value came from.

use super::Config;
use super::secret::HIDDEN;
use super::sections::TABLE;

/// Prints every setting but secrets; without those the result is a valid configuration file that means the same.
pub(crate) fn show(config: &Config) -> String {
    let mut values = config.values().into_iter();
    let mut page = String::new();
    for section in &TABLE {
        if !section.name.is_empty() {
            page.push_str(&format!("\n[{}]\n", section.name));
        }
        for (setting, value) in section.settings.iter().zip(values.by_ref()) {
            let line = match value {
                Some(value) if value == HIDDEN && setting.secret => {
                    format!("# {} is set, and not shown # {}\n", setting.name(), config.origins.describe(setting))
                }
                Some(value) => format!("{} = {value} # {}\n", setting.name(), config.origins.describe(setting)),
                None => format!("# {} is not set\n", setting.name()),
            };
            page.push_str(&line);
        }
    }
    page
}
