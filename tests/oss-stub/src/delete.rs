//! Deleting many objects with one request.

use http::Response;
use hyper::body::Incoming;
use quick_xml::escape::escape;
use serde::Deserialize;

use crate::answer::{Body, Refusal, xml};
use crate::bucket::{Bucket, document, malformed};
use crate::list::Encoding;
use crate::request::Ask;

/// The most objects of one request.
const MOST: usize = 1000;

/// The body.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Delete {
    #[serde(default)]
    quiet: bool,
    object: Vec<Named>,
}

/// An object to delete.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Named {
    key: String,
}

/// `DeleteMultipleObjects`. What is not there counts as deleted.
pub(crate) async fn many(bucket: &Bucket, ask: &Ask, body: Incoming) -> Result<Response<Body>, Refusal> {
    if ask.header("content-md5").is_none() {
        return Err(Refusal::bad("MissingArgument", "Missing Some Required Arguments: Content-MD5."));
    }
    let document = document(ask, body).await?;
    let Delete { quiet, object } = quick_xml::de::from_str(&document).map_err(malformed)?;
    if object.len() > MOST {
        return Err(malformed("more than 1000 objects"));
    }
    let encoding = Encoding::of(ask);
    let mut deleted = String::new();
    let mut content = bucket.content();
    for Named { key } in object {
        content.objects.remove(&key);
        if !quiet {
            deleted.push_str(&format!("<Deleted><Key>{}</Key></Deleted>", escape(encoding.apply(&key))));
        }
    }
    Ok(xml(format!("<DeleteResult>{}{deleted}</DeleteResult>", encoding.element())))
}
