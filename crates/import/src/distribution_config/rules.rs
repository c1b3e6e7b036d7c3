//! What each key of `config.yml` means here.

use serde_json::Value;

/// What a key means.
pub(super) enum Meaning {
    /// A setting of ours: its section, its name, and its value as TOML, if that has a meaning.
    Setting(&'static str, &'static str, fn(&Value) -> Option<String>),
    /// Something to do; `{}` stands for the value.
    Todo(&'static str),
    /// Nothing, for this reason.
    Without(&'static str),
    /// Nothing that anybody would miss.
    Nothing,
}

use Meaning::{Nothing, Setting, Todo, Without};

const DRIVER: &str = "how the store is spoken to is not a setting here";
const WEBHOOKS: &str = "there are no webhooks yet";
const REDIS: &str = "nothing is shared but the database and the store";
const TOKEN: &str = "the registry signs its own tokens; make accounts and roles instead";

/// Each key, with its meaning; one that ends with a dot stands for all below it. The first that fits holds.
pub(super) const RULES: &[(&str, Meaning)] = &[
    ("version", Nothing),
    ("log.level", Setting("log", "level", text)),
    ("log.formatter", Setting("log", "format", format)),
    ("log.accesslog.disabled", Setting("log", "access", negated)),
    ("log.", Without("lines of the log have the fields that they have")),
    ("loglevel", Setting("log", "level", text)),
    ("http.addr", Setting("", "listen", address)),
    ("http.host", Setting("http", "public_url", text)),
    ("http.tls.certificate", Setting("tls", "cert", text)),
    ("http.tls.key", Setting("tls", "key", text)),
    (
        "http.tls.letsencrypt.",
        Without("certificates come from files, which are read again on SIGHUP: let certbot or a proxy fetch them"),
    ),
    ("http.tls.", Without("TLS 1.2 and 1.3 with the ciphers of rustls, without certificates of clients")),
    ("http.secret", Without("uploads are rows of the database, so nothing has to be signed")),
    ("http.draintimeout", Setting("shutdown", "grace", duration)),
    ("http.relativeurls", Without("addresses are relative always")),
    ("http.prefix", Without("the API is at the root of its host")),
    ("http.debug.", Without("/metrics and /healthz are served beside the API (metrics.enabled)")),
    ("http.headers.", Without("answers have the headers that they need")),
    ("http.", Without("HTTP/1.1 and HTTP/2 are on")),
    ("storage.filesystem.rootdirectory", Todo("take the data over: entrepot import distribution --from {}")),
    ("storage.filesystem.", Without("there is no limit of threads to set")),
    ("storage.filesystem", Nothing),
    ("storage.inmemory", Without("data is kept")),
    ("storage.delete.enabled", Setting("registry", "delete", boolean)),
    ("storage.maintenance.uploadpurging.age", Setting("uploads", "expire_after", duration)),
    ("storage.maintenance.uploadpurging.interval", Setting("uploads", "purge_interval", duration)),
    ("storage.maintenance.uploadpurging.", Without("unfinished uploads expire always")),
    ("storage.maintenance.readonly.", Without("entrepot maintenance stops writes, while it runs")),
    ("storage.cache.", Without("the cache is in memory and always right")),
    ("storage.redirect.", Without("pulls come through the registry, but for networks in store.redirect")),
    ("storage.tag.", Without("a tag is a row")),
    ("storage.s3.accesskey", Setting("s3", "access_key_id", text)),
    ("storage.s3.secretkey", Setting("s3", "secret_access_key", text)),
    ("storage.s3.sessiontoken", Setting("s3", "session_token", text)),
    ("storage.s3.region", Setting("s3", "region", text)),
    ("storage.s3.regionendpoint", Setting("s3", "endpoint", text)),
    ("storage.s3.bucket", Setting("s3", "bucket", text)),
    ("storage.s3.rootdirectory", Setting("s3", "prefix", prefix)),
    ("storage.s3.forcepathstyle", Setting("s3", "path_style", boolean)),
    ("storage.s3.storageclass", Setting("s3", "storage_class", text)),
    ("storage.s3.encrypt", Setting("s3", "encryption", encrypted)),
    ("storage.s3.keyid", Setting("s3", "encryption_key_id", text)),
    ("storage.s3.secure", Nothing),
    ("storage.s3.skipverify", Without("certificates are verified; name the authority in store.ca_file")),
    ("storage.s3.", Without(DRIVER)),
    ("storage.azure.accountname", Setting("azure", "account", text)),
    ("storage.azure.accountkey", Setting("azure", "key", text)),
    ("storage.azure.container", Setting("azure", "container", text)),
    ("storage.azure.rootdirectory", Setting("azure", "prefix", prefix)),
    ("storage.azure.", Without(DRIVER)),
    ("storage.gcs.bucket", Setting("gcs", "bucket", text)),
    ("storage.gcs.keyfile", Setting("gcs", "credentials_file", text)),
    ("storage.gcs.rootdirectory", Setting("gcs", "prefix", prefix)),
    ("storage.gcs.", Without(DRIVER)),
    ("storage.oss.accesskeyid", Setting("oss", "access_key_id", text)),
    ("storage.oss.accesskeysecret", Setting("oss", "access_key_secret", text)),
    ("storage.oss.bucket", Setting("oss", "bucket", text)),
    ("storage.oss.endpoint", Setting("oss", "endpoint", text)),
    ("storage.oss.region", Setting("oss", "region", oss_region)),
    ("storage.oss.rootdirectory", Setting("oss", "prefix", prefix)),
    ("storage.oss.", Without(DRIVER)),
    ("storage.swift.username", Setting("swift", "user", text)),
    ("storage.swift.password", Setting("swift", "password", text)),
    ("storage.swift.authurl", Setting("swift", "auth_url", text)),
    ("storage.swift.tenant", Setting("swift", "project", text)),
    ("storage.swift.domain", Setting("swift", "domain", text)),
    ("storage.swift.region", Setting("swift", "region", text)),
    ("storage.swift.container", Setting("swift", "container", text)),
    ("storage.swift.rootdirectory", Setting("swift", "prefix", prefix)),
    ("storage.swift.", Without(DRIVER)),
    ("auth.htpasswd.path", Todo("take the users over: entrepot user import-htpasswd {}")),
    ("auth.htpasswd.realm", Setting("access", "anonymous", nobody)),
    ("auth.token.", Without(TOKEN)),
    ("auth.", Without("it lets everybody in who says anything")),
    ("notifications.", Without(WEBHOOKS)),
    ("proxy.", Without("there is no pull-through cache yet")),
    ("redis.", Without(REDIS)),
    ("health.", Without("/readyz tries the database and the store")),
    ("validation.", Without("every manifest is checked: what it names has to be there")),
    ("policy.", Without("every kind of repository is taken")),
    ("middleware.", Without("there is no middleware; store.redirect sends pulls to the store itself")),
    ("reporting.", Without("failures are in the log")),
    ("catalog.", Without("pages of the catalog have at most 10,000 names")),
];

fn quoted(text: &str) -> String {
    // What a person would not see is not worth an escape.
    let plain: String = text.chars().filter(|character| !character.is_control()).collect();
    format!("\"{}\"", plain.replace('\\', "\\\\").replace('"', "\\\""))
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(quoted(text)),
        Value::Number(number) => Some(quoted(&number.to_string())),
        _ => None,
    }
}

fn boolean(value: &Value) -> Option<String> {
    value.as_bool().map(|value| value.to_string())
}

fn negated(value: &Value) -> Option<String> {
    value.as_bool().map(|value| (!value).to_string())
}

fn format(value: &Value) -> Option<String> {
    match value.as_str()? {
        "json" | "logstash" => Some(quoted("json")),
        "text" => Some(quoted("text")),
        _ => None,
    }
}

/// An address without a host is every address.
fn address(value: &Value) -> Option<String> {
    let address = value.as_str()?;
    Some(quoted(&if address.starts_with(':') { format!("0.0.0.0{address}") } else { address.to_owned() }))
}

fn duration(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    // Go writes 1h30m0s, which has no single unit.
    let units = text.chars().filter(char::is_ascii_alphabetic).count();
    (units == 1).then(|| quoted(text))
}

fn prefix(value: &Value) -> Option<String> {
    Some(quoted(value.as_str()?.trim_matches('/')))
}

fn encrypted(value: &Value) -> Option<String> {
    value.as_bool()?.then(|| quoted("AES256"))
}

fn oss_region(value: &Value) -> Option<String> {
    Some(quoted(value.as_str()?.trim_start_matches("oss-")))
}

/// Whoever has accounts lets nobody in without.
fn nobody(_: &Value) -> Option<String> {
    Some(quoted("none"))
}
