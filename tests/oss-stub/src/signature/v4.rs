//! Version 4: HMAC-SHA256 with a key of the day, the region and the service.

use std::time::{Duration, SystemTime};

use hmac::{Hmac, KeyInit as _, Mac as _};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest as _, Sha256};

use super::{Credentials, compare, expired, too_skewed};
use crate::answer::Refusal;
use crate::date::{SKEW, compact};
use crate::request::Ask;

const IN_QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const IN_PATH: &AsciiSet = &IN_QUERY.remove(b'/');

/// `Credential=<id>/<scope>, AdditionalHeaders=<names>, Signature=<hex>`, in any order.
pub(super) fn check_header(credentials: &Credentials, ask: &Ask, given: &str) -> Result<(), Refusal> {
    let field = |name: &str| {
        let mut fields = given.split(',').filter_map(|field| field.trim().split_once('='));
        fields.find(|(key, _)| *key == name).map(|(_, value)| value).unwrap_or_default()
    };
    let date = ask.header("x-oss-date").unwrap_or_default();
    let now = SystemTime::now();
    if !(compact(now - SKEW)..=compact(now + SKEW)).contains(&date.to_owned()) {
        return Err(too_skewed());
    }
    let signed = Signed { credential: field("Credential"), date, additional: field("AdditionalHeaders") };
    signed.check(credentials, ask, field("Signature"))
}

/// The parameters `x-oss-credential`, `x-oss-date`, `x-oss-expires` (seconds from then) and `x-oss-signature`.
pub(super) fn check_url(credentials: &Credentials, ask: &Ask) -> Result<(), Refusal> {
    let parameter = |name| ask.parameter(name).unwrap_or_default();
    let date = parameter("x-oss-date");
    let seconds =
        parameter("x-oss-expires").parse().map_err(|_| Refusal::forbidden("AccessDenied", "Invalid Expires."))?;
    let now = SystemTime::now();
    if date < compact(now - Duration::from_secs(seconds)).as_str() || date > compact(now + SKEW).as_str() {
        return Err(expired());
    }
    let credential = parameter("x-oss-credential");
    let signed = Signed { credential, date, additional: parameter("x-oss-additional-headers") };
    signed.check(credentials, ask, parameter("x-oss-signature"))
}

/// What a signature of this version is about.
struct Signed<'a> {
    credential: &'a str,
    date: &'a str,
    additional: &'a str,
}

impl Signed<'_> {
    fn check(&self, credentials: &Credentials, ask: &Ask, signature: &str) -> Result<(), Refusal> {
        let (id, scope) = self.credential.split_once('/').unwrap_or((self.credential, ""));
        credentials.is(id)?;
        let words: Vec<&str> = scope.split('/').collect();
        let [day, region, "oss", "aliyun_v4_request"] = words[..] else {
            return Err(Refusal::bad("InvalidArgument", format!("{scope:?} is no scope.")));
        };
        if !self.date.starts_with(day) {
            return Err(Refusal::bad("InvalidArgument", "The scope has another day than the request."));
        }
        let mut key = format!("aliyun_v4{}", credentials.secret).into_bytes();
        for step in [day, region, "oss", "aliyun_v4_request"] {
            key = hmac(&key, step);
        }
        let sign = |canonical: &str| {
            let digest = hex::encode(Sha256::digest(canonical.as_bytes()));
            hex::encode(hmac(&key, &format!("OSS4-HMAC-SHA256\n{}\n{scope}\n{digest}", self.date)))
        };
        compare(ask, signature, |resource| self.canonical(ask, resource), sign)
    }

    fn canonical(&self, ask: &Ask, resource: &str) -> String {
        let path = utf8_percent_encode(resource, IN_PATH);
        let encode = |text| utf8_percent_encode(text, IN_QUERY).to_string();
        let mut query: Vec<(String, String)> = ask
            .parameters()
            .iter()
            .filter(|(name, _)| name != "x-oss-signature")
            .map(|(name, value)| (encode(name), encode(value)))
            .collect();
        query.sort_unstable();
        let query: Vec<String> = query
            .into_iter()
            .map(|(name, value)| if value.is_empty() { name } else { format!("{name}={value}") })
            .collect();
        let additional: Vec<&str> = self.additional.split(';').collect();
        let is_signed = |name: &&str| {
            name.starts_with("x-oss-") || matches!(*name, "content-type" | "content-md5") || additional.contains(name)
        };
        let mut names: Vec<&str> = ask.headers.keys().map(http::HeaderName::as_str).filter(is_signed).collect();
        names.sort_unstable();
        let headers: String =
            names.into_iter().map(|name| format!("{name}:{}\n", ask.header(name).unwrap_or_default())).collect();
        let payload = ask.header("x-oss-content-sha256").unwrap_or("UNSIGNED-PAYLOAD");
        format!("{}\n{path}\n{}\n{headers}\n{}\n{payload}", ask.method, query.join("&"), self.additional)
    }
}

/// A key of any length is a key, so the error cannot come; without a signature nothing matches.
fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    Hmac::<Sha256>::new_from_slice(key).map_or_else(
        |_| Vec::new(),
        |mut mac| {
            mac.update(text.as_bytes());
            mac.finalize().into_bytes().to_vec()
        },
    )
}
