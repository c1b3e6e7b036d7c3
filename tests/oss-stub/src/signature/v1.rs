//! Version 1: HMAC-SHA1 over the head.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

use super::{Credentials, compare, expired, too_skewed};
use crate::answer::Refusal;
use crate::date::SKEW;
use crate::request::Ask;

/// Parameters that are part of what is signed; of all that the service knows, those that may come here.
const SIGNED: [&str; 14] = [
    "acl",
    "append",
    "continuation-token",
    "delete",
    "objectMeta",
    "partNumber",
    "position",
    "response-content-disposition",
    "response-content-type",
    "security-token",
    "tagging",
    "uploadId",
    "uploads",
    "versionId",
];

/// `OSS <id>:<signature>`, of which the first word is gone.
pub(super) fn check_header(credentials: &Credentials, ask: &Ask, given: &str) -> Result<(), Refusal> {
    let (id, signature) = given.split_once(':').unwrap_or((given, ""));
    credentials.is(id)?;
    let date = ask.header("x-oss-date").or(ask.header("date")).unwrap_or_default();
    let time = httpdate::parse_http_date(date).map_err(|_| Refusal::forbidden("AccessDenied", "There is no date."))?;
    let now = SystemTime::now();
    if time > now + SKEW || time < now - SKEW {
        return Err(too_skewed());
    }
    check(credentials, ask, date, signature)
}

/// The parameters `OSSAccessKeyId`, `Expires` (seconds since 1970) and `Signature`.
pub(super) fn check_url(credentials: &Credentials, ask: &Ask) -> Result<(), Refusal> {
    let parameter = |name| ask.parameter(name).unwrap_or_default();
    credentials.is(parameter("OSSAccessKeyId"))?;
    let expires = parameter("Expires");
    let seconds = expires.parse().map_err(|_| Refusal::forbidden("AccessDenied", "Invalid Expires."))?;
    if SystemTime::UNIX_EPOCH + Duration::from_secs(seconds) < SystemTime::now() {
        return Err(expired());
    }
    check(credentials, ask, expires, parameter("Signature"))
}

fn check(credentials: &Credentials, ask: &Ask, date: &str, signature: &str) -> Result<(), Refusal> {
    let sign = |text: &str| {
        // A key of any length is a key, so the error cannot come.
        Hmac::<Sha1>::new_from_slice(credentials.secret.as_bytes()).map_or_else(
            |_| String::new(),
            |mut mac| {
                mac.update(text.as_bytes());
                BASE64_STANDARD.encode(mac.finalize().into_bytes())
            },
        )
    };
    compare(ask, signature, |resource| text(ask, date, resource), sign)
}

fn text(ask: &Ask, date: &str, resource: &str) -> String {
    let header = |name| ask.header(name).unwrap_or_default();
    let mut own: Vec<(&str, &str)> = ask
        .headers
        .keys()
        .map(http::HeaderName::as_str)
        .filter(|name| name.starts_with("x-oss-"))
        .map(|name| (name, header(name)))
        .collect();
    own.sort_unstable();
    let own: String = own.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let mut parameters: Vec<String> = ask
        .parameters()
        .iter()
        .filter(|(name, _)| SIGNED.contains(&name.as_str()))
        .map(|(name, value)| if value.is_empty() { name.clone() } else { format!("{name}={value}") })
        .collect();
    parameters.sort_unstable();
    let question = if parameters.is_empty() { "" } else { "?" };
    format!(
        "{}\n{}\n{}\n{date}\n{own}{resource}{question}{}",
        ask.method,
        header("content-md5"),
        header("content-type"),
        parameters.join("&")
    )
}
