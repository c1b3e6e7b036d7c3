//! Lists of objects and of unfinished uploads, page by page.

use std::borrow::Cow;
use std::collections::BTreeMap;

use http::Response;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use quick_xml::escape::escape;

use crate::answer::{Body, Refusal, xml};
use crate::bucket::{Bucket, Stored};
use crate::date::iso;
use crate::request::Ask;

const URL: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// How keys are written in a document.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Encoding {
    Plain,
    Url,
}

impl Encoding {
    /// The one that the request asks for.
    pub(crate) fn of(ask: &Ask) -> Self {
        if ask.parameter("encoding-type") == Some("url") { Self::Url } else { Self::Plain }
    }

    /// The element that says so.
    pub(crate) fn element(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Url => "<EncodingType>url</EncodingType>",
        }
    }

    /// A key as it is written.
    pub(crate) fn apply(self, key: &str) -> String {
        match self {
            Self::Plain => key.to_owned(),
            Self::Url => utf8_percent_encode(key, URL).to_string(),
        }
    }

    fn text(self, key: &str) -> String {
        escape(self.apply(key)).into_owned()
    }
}

/// `ListObjectsV2`.
pub(crate) fn objects(bucket: &Bucket, ask: &Ask) -> Result<Response<Body>, Refusal> {
    let parameter = |name| ask.parameter(name).unwrap_or_default();
    let (prefix, delimiter) = (parameter("prefix"), parameter("delimiter"));
    let most = page(ask, "max-keys", 100)?;
    let token = match parameter("continuation-token") {
        "" => Cow::Borrowed(parameter("start-after")),
        token => hex::decode(token)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .map(Cow::Owned)
            .ok_or_else(|| Refusal::bad("InvalidArgument", "The continuation token is not one."))?,
    };
    let content = bucket.content();
    // An object, or what several have in common up to the delimiter.
    let mut entries: BTreeMap<&str, Option<&Stored>> = BTreeMap::new();
    for (key, object) in content.objects.iter().filter(|(key, _)| key.starts_with(prefix)) {
        match key[prefix.len()..].find(delimiter).filter(|_| !delimiter.is_empty()) {
            Some(at) => entries.insert(&key[..prefix.len() + at + delimiter.len()], None),
            None => entries.insert(key, Some(object)),
        };
    }
    let mut rest = entries.into_iter().filter(|(name, _)| **name > *token);
    let page: Vec<_> = rest.by_ref().take(most).collect();
    let more = rest.next().is_some();
    let encoding = Encoding::of(ask);
    let mut text = format!(
        "<ListBucketResult><Name>{}</Name><Prefix>{}</Prefix><Delimiter>{}</Delimiter><MaxKeys>{most}</MaxKeys>\
         <KeyCount>{}</KeyCount><IsTruncated>{more}</IsTruncated>{}",
        ask.bucket,
        encoding.text(prefix),
        encoding.text(delimiter),
        page.len(),
        encoding.element()
    );
    if let (true, Some((last, _))) = (more, page.last()) {
        text.push_str(&format!("<NextContinuationToken>{}</NextContinuationToken>", hex::encode(last)));
    }
    for (name, object) in page {
        let name = encoding.text(name);
        text.push_str(&match object {
            None => format!("<CommonPrefixes><Prefix>{name}</Prefix></CommonPrefixes>"),
            Some(object) => format!(
                "<Contents><Key>{name}</Key><LastModified>{}</LastModified><ETag>{}</ETag><Type>Normal</Type>\
                 <Size>{}</Size><StorageClass>Standard</StorageClass></Contents>",
                iso(object.modified),
                escape(&object.tag),
                object.size
            ),
        });
    }
    Ok(xml(text + "</ListBucketResult>"))
}

/// `ListMultipartUploads`.
pub(crate) fn uploads(bucket: &Bucket, ask: &Ask) -> Result<Response<Body>, Refusal> {
    let parameter = |name| ask.parameter(name).unwrap_or_default();
    let (prefix, key_marker, id_marker) = (parameter("prefix"), parameter("key-marker"), parameter("upload-id-marker"));
    let most = page(ask, "max-uploads", 1000)?;
    let content = bucket.content();
    let mut rest = content.uploads.iter().filter(|((key, id), _)| {
        // Without an id, all uploads of the key that is named have been seen.
        let is_behind =
            key.as_str() > key_marker || (key == key_marker && !id_marker.is_empty() && id.as_str() > id_marker);
        key.starts_with(prefix) && is_behind
    });
    let page: Vec<_> = rest.by_ref().take(most).collect();
    let more = rest.next().is_some();
    let encoding = Encoding::of(ask);
    let (next_key, next_id) = match page.last() {
        Some(((key, id), _)) if more => (encoding.text(key), id.as_str()),
        _ => (String::new(), ""),
    };
    let mut text = format!(
        "<ListMultipartUploadsResult><Bucket>{}</Bucket><KeyMarker>{}</KeyMarker><UploadIdMarker>{}</UploadIdMarker>\
         <NextKeyMarker>{next_key}</NextKeyMarker><NextUploadIdMarker>{next_id}</NextUploadIdMarker>\
         <Prefix>{}</Prefix><MaxUploads>{most}</MaxUploads><IsTruncated>{more}</IsTruncated>{}",
        ask.bucket,
        encoding.text(key_marker),
        escape(id_marker),
        encoding.text(prefix),
        encoding.element()
    );
    for ((key, id), upload) in page {
        text.push_str(&format!(
            "<Upload><Key>{}</Key><UploadId>{id}</UploadId><StorageClass>Standard</StorageClass>\
             <Initiated>{}</Initiated></Upload>",
            encoding.text(key),
            iso(upload.begun)
        ));
    }
    Ok(xml(text + "</ListMultipartUploadsResult>"))
}

/// How many entries a page has, 1000 at most.
fn page(ask: &Ask, name: &str, usual: usize) -> Result<usize, Refusal> {
    let asked = ask.parameter(name).map(str::parse).transpose();
    let asked =
        asked.map_err(|_| Refusal::bad("InvalidArgument", format!("{name} is not a number.")))?.unwrap_or(usual);
    if (1..=1000).contains(&asked) {
        return Ok(asked);
    }
    Err(Refusal::bad("InvalidArgument", format!("{name} must be between 1 and 1000.")))
}
