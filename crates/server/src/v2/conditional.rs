//! Conditional requests (RFC 9110, section 13). The entity tag of content is its digest in quotes.

use entrepot_oci::{Digest, ErrorCode};
use entrepot_registry::Precondition;
use http::StatusCode;
use http::header::{self, HeaderMap, HeaderValue};

use super::error::ApiError;
use super::header as header_value;

/// `"sha256:…"`
pub(super) fn etag(digest: &Digest) -> HeaderValue {
    digest.with_text(|text| {
        let mut quoted = String::with_capacity(text.len() + 2);
        quoted.push('"');
        quoted.push_str(text);
        quoted.push('"');
        header_value(&quoted)
    })
}

/// The entity tags of a header, without quotes and weakness marks. Some clients leave the quotes out.
fn tags(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(|tag| tag.trim().trim_start_matches("W/").trim_matches('"')).filter(|tag| !tag.is_empty())
}

fn values<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> impl Iterator<Item = &'a str> {
    headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok())
}

/// Whether `If-None-Match` says that the client has this content already: 304.
pub(super) fn not_modified(headers: &HeaderMap, digest: &Digest) -> bool {
    headers.contains_key(header::IF_NONE_MATCH)
        && digest.with_text(|text| {
            values(headers, &header::IF_NONE_MATCH).flat_map(tags).any(|tag| tag == "*" || tag == text)
        })
}

/// Whether a `Range` may be served in part: there is no `If-Range`, or it names this content.
pub(super) fn range_holds(headers: &HeaderMap, digest: &Digest) -> bool {
    let mut if_range = values(headers, &header::IF_RANGE).peekable();
    if_range.peek().is_none() || digest.with_text(|text| if_range.flat_map(tags).any(|tag| tag == text))
}

/// When a push may go through.
pub(super) fn precondition(headers: &HeaderMap) -> Result<Precondition, ApiError> {
    let invalid = |name: &str| {
        let message = format!("{name} must be * or a list of quoted digests");
        ApiError::new(StatusCode::BAD_REQUEST, ErrorCode::Unsupported, message)
    };
    if headers.contains_key(header::IF_MATCH) {
        let wanted: Vec<_> = values(headers, &header::IF_MATCH).flat_map(tags).collect();
        if wanted.contains(&"*") {
            return Ok(Precondition::Exists);
        }
        let digests: Result<Vec<Digest>, _> = wanted.iter().map(|tag| tag.parse()).collect();
        return digests.map(Precondition::Match).map_err(|_| invalid("If-Match"));
    }
    if headers.contains_key(header::IF_NONE_MATCH) {
        let any = values(headers, &header::IF_NONE_MATCH).flat_map(tags).any(|tag| tag == "*");
        return if any { Ok(Precondition::Absent) } else { Err(invalid("If-None-Match of a push")) };
    }
    Ok(Precondition::None)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn a_known_entity_tag_in_any_spelling_means_not_modified() {
        let digest: Digest = A.parse().unwrap();
        for value in [format!("\"{A}\""), format!("W/\"{A}\""), A.to_owned(), format!("\"x\", \"{A}\""), "*".to_owned()]
        {
            assert!(not_modified(&headers(header::IF_NONE_MATCH, &value), &digest), "{value}");
        }
        assert!(!not_modified(&headers(header::IF_NONE_MATCH, "\"x\""), &digest));
        assert!(!not_modified(&HeaderMap::new(), &digest));
    }

    #[test]
    fn preconditions() {
        let digest: Digest = A.parse().unwrap();
        let of = |name, value: &str| precondition(&headers(name, value));
        assert_eq!(of(header::IF_MATCH, &format!("\"{A}\"")).unwrap(), Precondition::Match(vec![digest]));
        assert_eq!(of(header::IF_MATCH, "*").unwrap(), Precondition::Exists);
        assert_eq!(of(header::IF_NONE_MATCH, "*").unwrap(), Precondition::Absent);
        assert!(of(header::IF_MATCH, "\"x\"").is_err());
        assert!(of(header::IF_NONE_MATCH, "\"x\"").is_err());
        assert_eq!(precondition(&HeaderMap::new()).unwrap(), Precondition::None);
    }
}
