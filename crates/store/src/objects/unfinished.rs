//! Objects that were begun and never completed, which S3 and OSS keep, invisible and paid for, until somebody ends them
//! (multipart uploads). The library cannot list them, so this asks by itself.

use http::{Method, StatusCode};
use serde::Deserialize;

use super::Objects;
use super::failure::explained;
use super::signed::{Signed, encoded};
use crate::error::Error;

/// One unfinished object.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Upload {
    key: String,
    upload_id: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Page {
    is_truncated: bool,
    next_key_marker: String,
    next_upload_id_marker: String,
    upload: Vec<Upload>,
}

impl Signed {
    /// Everything unfinished whose path begins with `prefix`.
    async fn list(&self, prefix: &str) -> Result<Vec<Upload>, Error> {
        let mut found = Vec::new();
        let (mut key, mut id) = (String::new(), String::new());
        loop {
            let mut query = format!("uploads=&max-uploads=1000&prefix={}", encoded(prefix));
            if !key.is_empty() {
                query.push_str(&format!("&key-marker={}&upload-id-marker={}", encoded(&key), encoded(&id)));
            }
            let (status, body) = self.send(Method::GET, &format!("?{query}"), "ListMultipartUploads", "list").await?;
            if !status.is_success() {
                return Err(self.refused("list", status, &body));
            }
            let page: Page = quick_xml::de::from_str(&body).map_err(|error| {
                let why = format!("the list of unfinished uploads is not understood: {error}");
                Error::Io(explained("list", self.address(), why))
            })?;
            // Not every store takes the prefix as a filter.
            found.extend(page.upload.into_iter().filter(|upload| upload.key.starts_with(prefix)));
            if !page.is_truncated || (page.next_key_marker == key && page.next_upload_id_marker == id) {
                return Ok(found);
            }
            (key, id) = (page.next_key_marker, page.next_upload_id_marker);
        }
    }

    /// Ends one; success if it is not there any more.
    async fn abort(&self, upload: &Upload) -> Result<(), Error> {
        let rest = format!("/{}?uploadId={}", encoded(&upload.key), encoded(&upload.upload_id));
        let (status, body) = self.send(Method::DELETE, &rest, "AbortMultipartUpload", "abort").await?;
        match status {
            StatusCode::NOT_FOUND => Ok(()),
            status if status.is_success() => Ok(()),
            status => Err(self.refused("abort", status, &body)),
        }
    }
}

impl Objects {
    /// Paths of objects under `directory` that were begun and not completed, by anybody.
    pub(crate) async fn unfinished(&self, directory: &str) -> Result<Vec<String>, Error> {
        let Some(signed) = self.0.signed.as_ref().filter(|signed| signed.lists_unfinished()) else {
            return Ok(Vec::new());
        };
        Ok(signed.list(directory).await?.into_iter().map(|upload| upload.key).collect())
    }

    /// Ends what was begun under `directory` and not completed, but for what this process is at. Returns how many there were.
    pub(crate) async fn abort_unfinished(&self, directory: &str) -> Result<u64, Error> {
        let Some(signed) = self.0.signed.as_ref().filter(|signed| signed.lists_unfinished()) else { return Ok(0) };
        let mut aborted = 0;
        for upload in signed.list(directory).await? {
            if self.key_of(&upload.key).is_some_and(|key| !self.0.in_progress.contains(&key)) {
                signed.abort(&upload).await?;
                aborted += 1;
            }
        }
        Ok(aborted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read() {
        let page: Page = quick_xml::de::from_str(
            r#"<?xml version="1.0"?><ListMultipartUploadsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
            <Bucket>acme</Bucket><KeyMarker/><NextKeyMarker>b</NextKeyMarker><NextUploadIdMarker>2</NextUploadIdMarker>
            <MaxUploads>2</MaxUploads><IsTruncated>true</IsTruncated>
            <Upload><Key>a</Key><UploadId>1</UploadId><Initiated>2026-01-01T00:00:00Z</Initiated></Upload>
            <Upload><Key>b</Key><UploadId>2</UploadId></Upload></ListMultipartUploadsResult>"#,
        )
        .unwrap();
        assert!(page.is_truncated);
        assert_eq!((page.next_key_marker.as_str(), page.next_upload_id_marker.as_str()), ("b", "2"));
        let found: Vec<_> = page.upload.iter().map(|upload| (&*upload.key, &*upload.upload_id)).collect();
        assert_eq!(found, [("a", "1"), ("b", "2")]);
        let empty: Page =
            quick_xml::de::from_str("<ListMultipartUploadsResult><Bucket>acme</Bucket></ListMultipartUploadsResult>")
                .unwrap();
        assert!(!empty.is_truncated && empty.upload.is_empty());
    }
}
