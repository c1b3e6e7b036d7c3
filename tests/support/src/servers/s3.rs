//! A bucket of an S3 server.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::curl::Curl;
use super::site::PATIENCE;
use crate::Process;

/// Where a bucket is, and who may use it.
#[derive(Debug, Clone)]
pub struct S3Bucket {
    /// The server's URL, without a path: `http://127.0.0.1:<port>`.
    pub endpoint: String,
    /// The region to sign for.
    pub region: String,
    /// The bucket, addressed by path.
    pub bucket: String,
    /// The key's id.
    pub access_key_id: String,
    /// The key.
    pub secret_access_key: String,
}

impl S3Bucket {
    /// What the servers of this module are set up with.
    pub(super) fn of_tests(server: SocketAddr) -> Self {
        Self {
            endpoint: format!("http://{server}"),
            region: "us-east-1".to_owned(),
            bucket: "entrepot".to_owned(),
            access_key_id: "entrepot-tests".to_owned(),
            secret_access_key: "only-for-tests".to_owned(),
        }
    }

    /// The same bucket through whatever stands at `proxy` between a client and the server.
    #[must_use]
    pub fn through(&self, proxy: SocketAddr) -> Self {
        Self { endpoint: format!("http://{proxy}"), ..self.clone() }
    }

    /// The settings, as environment variables, with which entrepot keeps its blobs here, under `prefix`.
    pub fn settings(&self, prefix: &str) -> Vec<(String, String)> {
        let settings = [
            ("ENTREPOT_STORE_BACKEND", "s3"),
            ("ENTREPOT_S3_ENDPOINT", &self.endpoint),
            ("ENTREPOT_S3_REGION", &self.region),
            ("ENTREPOT_S3_BUCKET", &self.bucket),
            ("ENTREPOT_S3_PREFIX", prefix),
            ("ENTREPOT_S3_ACCESS_KEY_ID", &self.access_key_id),
            ("ENTREPOT_S3_SECRET_ACCESS_KEY", &self.secret_access_key),
            ("ENTREPOT_S3_PATH_STYLE", "true"),
        ];
        settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    /// Waits until the server takes objects, and makes the bucket.
    pub(super) fn create(&self, server: &mut Process) -> Result<()> {
        let mut last = None;
        let ready = || -> Result<()> {
            let curl = self.curl()?;
            let made = curl.send("PUT", &self.url(""), None)?.status;
            // A server may have the bucket before it has a place for what goes into it: then this is not the first time.
            ensure!(matches!(made, 200 | 409), "making the bucket: {made}");
            curl.expect("PUT", &self.url("ready"), Some(b"?"))?;
            curl.expect("DELETE", &self.url("ready"), None)?;
            Ok(())
        };
        let outcome = server.wait_until(PATIENCE, |_| {
            last = ready().err();
            if last.is_some() {
                thread::sleep(Duration::from_millis(50));
            }
            last.is_none()
        });
        outcome.with_context(|| last.map_or_else(String::new, |error| format!("last asked: {error:#}")))
    }

    /// curl that signs for this bucket.
    pub(super) fn curl(&self) -> Result<Curl> {
        let signature = format!("aws:amz:{}:s3", self.region);
        let user = format!("{}:{}", self.access_key_id, self.secret_access_key);
        let unsigned = "x-amz-content-sha256: UNSIGNED-PAYLOAD";
        Ok(Curl::new()?.with(["--aws-sigv4", &signature, "--user", &user, "--header", unsigned]))
    }

    /// The URL of an object; of the bucket, if the key is empty.
    pub(super) fn url(&self, key: &str) -> String {
        let (endpoint, bucket) = (&self.endpoint, &self.bucket);
        if key.is_empty() { format!("{endpoint}/{bucket}") } else { format!("{endpoint}/{bucket}/{key}") }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Puts, gets and deletes an object, and is refused with another key.
    pub(in crate::servers) fn works(bucket: &S3Bucket) -> Result<()> {
        let curl = bucket.curl()?;
        let url = bucket.url("some/object");
        curl.expect("PUT", &url, Some(b"what was put"))?;
        assert_eq!(curl.expect("GET", &url, None)?.body, b"what was put");
        curl.expect("DELETE", &url, None)?;
        assert_eq!(curl.send("GET", &url, None)?.status, 404);
        let stranger = S3Bucket { secret_access_key: "another-secret".to_owned(), ..bucket.clone() };
        assert_eq!(stranger.curl()?.send("GET", &url, None)?.status, 403);
        Ok(())
    }
}
