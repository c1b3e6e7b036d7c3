//! Multipart uploads: initiate, upload a part, complete, abort.

use std::time::SystemTime;

use http::{Response, StatusCode, header};
use hyper::body::Incoming;
use quick_xml::escape::escape;
use serde::Deserialize;

use crate::answer::{Body, Refusal, empty, xml};
use crate::bucket::{Bucket, Stored, Upload, document, malformed};
use crate::object::{may_write, set};
use crate::request::Ask;

/// The smallest part that is not the last.
const SMALLEST: u64 = 100 * 1024;
/// The highest number of a part.
const MOST: u32 = 10_000;

/// The body of a completion.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Complete {
    part: Vec<Named>,
}

/// A part as a client names it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Named {
    part_number: u32,
    #[serde(rename = "ETag")]
    tag: String,
}

/// `InitiateMultipartUpload`.
pub(crate) fn initiate(bucket: &Bucket, ask: &Ask) -> Result<Response<Body>, Refusal> {
    let id = format!("{:032X}", bucket.number());
    let mut content = bucket.content();
    may_write(&content, ask)?;
    let upload = Upload { begun: SystemTime::now(), parts: Default::default() };
    content.uploads.insert((ask.key.clone(), id.clone()), upload);
    Ok(xml(format!(
        "<InitiateMultipartUploadResult><Bucket>{}</Bucket><Key>{}</Key><UploadId>{id}</UploadId>\
         </InitiateMultipartUploadResult>",
        ask.bucket,
        escape(&ask.key)
    )))
}

/// `UploadPart`.
pub(crate) async fn put_part(bucket: &Bucket, ask: &Ask, body: Incoming) -> Result<Response<Body>, Refusal> {
    let number = ask.parameter("partNumber").and_then(|number| number.parse().ok());
    let number = number
        .filter(|number| (1..=MOST).contains(number))
        .ok_or_else(|| Refusal::bad("InvalidArgument", "Part number must be an integer between 1 and 10000."))?;
    let upload = upload(ask);
    if !bucket.content().uploads.contains_key(&upload) {
        return Err(no_upload());
    }
    let part = bucket.receive(ask, body).await?;
    let mut answer = empty(StatusCode::OK);
    set(&mut answer, header::ETAG, &part.tag);
    bucket.content().uploads.get_mut(&upload).ok_or_else(no_upload)?.parts.insert(number, part);
    Ok(answer)
}

/// `CompleteMultipartUpload`.
pub(crate) async fn complete(bucket: &Bucket, ask: &Ask, body: Incoming) -> Result<Response<Body>, Refusal> {
    let document = document(ask, body).await?;
    let named: Complete = quick_xml::de::from_str(&document).map_err(malformed)?;
    let mut content = bucket.content();
    may_write(&content, ask)?;
    let upload = upload(ask);
    let parts = choose(content.uploads.get(&upload).ok_or_else(no_upload)?, &named.part)?;
    let whole = bucket.join(&parts)?;
    let answer = xml(format!(
        "<CompleteMultipartUploadResult><Location>http://stub/</Location><Bucket>{}</Bucket><Key>{}</Key>\
         <ETag>{}</ETag></CompleteMultipartUploadResult>",
        ask.bucket,
        escape(&ask.key),
        escape(&whole.tag)
    ));
    content.uploads.remove(&upload);
    content.objects.insert(ask.key.clone(), whole);
    Ok(answer)
}

/// `AbortMultipartUpload`.
pub(crate) fn abort(bucket: &Bucket, ask: &Ask) -> Result<Response<Body>, Refusal> {
    bucket.content().uploads.remove(&upload(ask)).ok_or_else(no_upload)?;
    Ok(empty(StatusCode::NO_CONTENT))
}

/// The parts that a client names: they have to be there, in order, unchanged and large enough.
fn choose<'a>(upload: &'a Upload, named: &[Named]) -> Result<Vec<&'a Stored>, Refusal> {
    if !named.is_sorted_by(|one, other| one.part_number < other.part_number) {
        return Err(Refusal::bad("InvalidPartOrder", "The parts are not in ascending order."));
    }
    let mut parts = Vec::with_capacity(named.len());
    for (index, Named { part_number, tag }) in named.iter().enumerate() {
        let part = upload.parts.get(part_number);
        let part = part
            .filter(|part| part.tag.trim_matches('"').eq_ignore_ascii_case(tag.trim_matches('"')))
            .ok_or_else(|| Refusal::bad("InvalidPart", format!("Part {part_number} is missing or has another tag.")))?;
        if part.size < SMALLEST && index + 1 < named.len() {
            return Err(Refusal::bad("EntityTooSmall", format!("Part {part_number} has only {} bytes.", part.size)));
        }
        parts.push(part);
    }
    Ok(parts)
}

fn upload(ask: &Ask) -> (String, String) {
    (ask.key.clone(), ask.parameter("uploadId").unwrap_or_default().to_owned())
}

fn no_upload() -> Refusal {
    Refusal::missing("NoSuchUpload", "The upload")
}
