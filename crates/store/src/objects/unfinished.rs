//! Objects that were begun and never completed, which S3 and OSS keep, invisible and paid for, until somebody ends them
//! (multipart uploads). The library cannot list them, so this asks by itself.

use std::time::Duration;

use http::{Method, Request, StatusCode};
use opendal::raw::ServiceOperation;
use opendal::{Buffer, HttpTransporter};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqsign_core::Signer;
use serde::Deserialize;

use super::Objects;
use super::failure::{explained, failure};
use crate::error::Error;

/// What stays as it is in a path or query.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');
const PATIENCE: Duration = Duration::from_secs(60);

/// Asks a store that keeps unfinished objects.
#[derive(Debug)]
pub(crate) struct Unfinished {
    http: HttpTransporter,
    signing: Signing,
    /// The bucket's address, without a slash at its end.
    address: String,
}

/// By whose rules requests are signed.
#[derive(Debug)]
pub(crate) enum Signing {
    S3(Signer<reqsign_aws_v4::Credential>),
    Oss(Signer<reqsign_aliyun_oss::Credential>),
}

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

impl Unfinished {
    pub(super) fn new(http: HttpTransporter, signing: Signing, address: String) -> Self {
        Self { http, signing, address }
    }

    /// Everything unfinished whose path begins with `prefix`.
    async fn list(&self, prefix: &str) -> Result<Vec<Upload>, Error> {
        let mut found = Vec::new();
        let (mut key, mut id) = (String::new(), String::new());
        loop {
            let mut query = format!("uploads=&max-uploads=1000&prefix={}", encoded(prefix));
            if !key.is_empty() {
                query.push_str(&format!("&key-marker={}&upload-id-marker={}", encoded(&key), encoded(&id)));
            }
            let address = format!("{}?{query}", self.address);
            let (status, body) = self.send(Method::GET, address, "ListMultipartUploads", "list").await?;
            if !status.is_success() {
                return Err(self.refused("list", status, &body));
            }
            let page: Page = quick_xml::de::from_str(&body).map_err(|error| {
                let why = format!("the list of unfinished uploads is not understood: {error}");
                Error::Io(explained("list", &self.address, why))
            })?;
            let before = found.len();
            // Not every store takes the prefix as a filter.
            found.extend(page.upload.into_iter().filter(|upload| upload.key.starts_with(prefix)));
            if !page.is_truncated || (page.next_key_marker == key && page.next_upload_id_marker == id) {
                return Ok(found);
            }
            tracing::trace!(found = found.len() - before, "unfinished uploads");
            (key, id) = (page.next_key_marker, page.next_upload_id_marker);
        }
    }

    /// Ends one; success if it is not there any more.
    async fn abort(&self, upload: &Upload) -> Result<(), Error> {
        let address = format!("{}/{}?uploadId={}", self.address, encoded(&upload.key), encoded(&upload.upload_id));
        let (status, body) = self.send(Method::DELETE, address, "AbortMultipartUpload", "abort").await?;
        match status {
            StatusCode::NOT_FOUND => Ok(()),
            status if status.is_success() => Ok(()),
            status => Err(self.refused("abort", status, &body)),
        }
    }

    async fn send(
        &self,
        method: Method,
        address: String,
        name: &'static str,
        operation: &'static str,
    ) -> Result<(StatusCode, String), Error> {
        let invalid = |why: String| Error::Io(explained(operation, &self.address, why));
        let request = Request::builder().method(method).uri(address).extension(ServiceOperation(name)).body(());
        let (mut parts, ()) = request.map_err(|error| invalid(error.to_string()))?.into_parts();
        let signed = match &self.signing {
            Signing::S3(signer) => signer.sign(&mut parts, None).await,
            Signing::Oss(signer) => signer.sign(&mut parts, None).await,
        };
        signed.map_err(|error| invalid(format!("no credentials: {}", error.kind())))?;
        let request = Request::from_parts(parts, Buffer::new());
        let response = tokio::time::timeout(PATIENCE, self.http.send(request)).await;
        let response = response.map_err(|_| {
            let why = format!("no answer within {} seconds", PATIENCE.as_secs());
            Error::Unavailable(explained(operation, &self.address, why))
        })?;
        let response = response.map_err(|error| failure(operation, &self.address, &error))?;
        let body = String::from_utf8_lossy(&response.body().to_bytes()).into_owned();
        Ok((response.status(), body))
    }

    fn refused(&self, operation: &'static str, status: StatusCode, body: &str) -> Error {
        /// The answer of S3 and OSS to what they refuse.
        #[derive(Default, Deserialize)]
        #[serde(rename_all = "PascalCase", default)]
        struct Refusal {
            code: String,
            message: String,
        }
        let Refusal { code, message } = quick_xml::de::from_str(body).unwrap_or_default();
        let failure = explained(operation, &self.address, format!("{status} {code} {message}").trim_end());
        match status {
            StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => Error::Denied(failure),
            StatusCode::NOT_FOUND => Error::Missing(failure),
            status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                Error::Unavailable(failure)
            }
            _ => Error::Io(failure),
        }
    }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

impl Objects {
    /// Paths of objects under `directory` that were begun and not completed, by anybody.
    pub(crate) async fn unfinished(&self, directory: &str) -> Result<Vec<String>, Error> {
        let Some(unfinished) = &self.0.unfinished else { return Ok(Vec::new()) };
        Ok(unfinished.list(directory).await?.into_iter().map(|upload| upload.key).collect())
    }

    /// Ends what was begun under `directory` and not completed, but for what this process is at. Returns how many there were.
    pub(crate) async fn abort_unfinished(&self, directory: &str) -> Result<u64, Error> {
        let Some(unfinished) = &self.0.unfinished else { return Ok(0) };
        let mut aborted = 0;
        for upload in unfinished.list(directory).await? {
            if self.key_of(&upload.key).is_some_and(|key| !self.0.in_progress.contains(&key)) {
                unfinished.abort(&upload).await?;
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
