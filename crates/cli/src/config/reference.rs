//! The reference page of every setting, as Markdown.

use super::environment::CONFIG_VARIABLE;
use super::sections::TABLE;
use super::setting::{Fallback, Section, Setting};

/// The page `docs/configuration.md`.
pub(crate) fn reference() -> String {
    let mut page = introduction();
    for section in &TABLE {
        page.push_str(&chapter(section));
    }
    page
}

fn introduction() -> String {
    format!(
        r#"<!-- Made by `entrepot config reference`. -->
# Configuration

Entrepot runs without any configuration. What you want otherwise goes into a TOML file, into environment variables or
into flags. A flag wins over an environment variable, that over the file, and that over the default.

The file is the one that `--config` or `{CONFIG_VARIABLE}` names; without them no file is read.

```toml
# registry.toml, for `entrepot serve --config registry.toml`
listen = "0.0.0.0:443"
data_dir = "/var/lib/entrepot"

[tls]
cert = "/etc/entrepot/cert.pem"
key = "/etc/entrepot/key.pem"

[access]
anonymous = "pull"
```

- `entrepot config check` says whether the configuration is valid, or names every mistake in it.
- `entrepot config show` prints the configuration that holds, with where each value came from.
- A key that does not exist is a mistake, and so is an environment variable that begins with `ENTREPOT_` and names no
  setting. Only those that Kubernetes and Docker make for a service called `entrepot` are passed over.
- Durations and sizes always have a unit. Durations: `ms`, `s`, `m`, `h`, `d`, also together as in `1h30m`. Sizes:
  `B`, `KiB`, `MiB`, `GiB`, `TiB` (by 1024) and `KB`, `MB`, `GB`, `TB` (by 1000).
- In the file, durations, sizes, addresses, paths and words stand in quotes; numbers, `true` and `false` do not. Lists
  stand in square brackets; in an environment variable their entries have commas between them, so one with a comma in
  it can stand in the file only.
- Secrets can stand in files of their own, named by the settings that end in `_file`. `config show` never shows them.
"#
    )
}

fn chapter(section: &Section) -> String {
    let title = match section.name {
        "" => "Outside of every section".to_owned(),
        name => format!("`[{name}]`"),
    };
    let entries: String = section.settings.iter().map(entry).collect();
    format!("\n## {title}\n\n{}\n{entries}", section.about)
}

fn entry(setting: &Setting) -> String {
    let default = match setting.default {
        Fallback::Value("") => "none".to_owned(),
        Fallback::Value(text) => format!("`{text}`"),
        Fallback::Words(text) => text.to_owned(),
    };
    let flag = match setting.flag {
        Some(flag) => format!(", flag `--{} {}`", flag.name, flag.value),
        None => String::new(),
    };
    let change = if setting.reloadable { "taken on SIGHUP" } else { "taken at the next start" };
    format!(
        "\n### `{}`\n\n{}\n\n- Value: {}\n- Default: {default}\n- Also: `{}`{flag}\n- A new value is {change}\n",
        setting.key,
        setting.description,
        setting.allowed(),
        setting.environment_name()
    )
}
