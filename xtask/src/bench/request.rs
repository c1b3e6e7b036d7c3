//! Requests of the distribution API as bytes that are ready to send.

use std::net::SocketAddr;

/// What docker says it accepts when it asks for a manifest.
const ACCEPT_MANIFESTS: &str = "Accept: application/vnd.oci.image.manifest.v1+json, \
     application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.v2+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, */*";

/// Media type of an image manifest (OCI image-spec 1.1, media-types.md).
pub(super) const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";

/// Builds requests to one server.
#[derive(Debug, Clone, Copy)]
pub(super) struct Requests {
    host: SocketAddr,
}

impl Requests {
    /// Requests to the server at `host`.
    pub(super) fn to(host: SocketAddr) -> Self {
        Self { host }
    }

    /// The server they go to.
    pub(super) fn host(self) -> SocketAddr {
        self.host
    }

    /// A request without body.
    pub(super) fn plain(self, method: &str, path: &str) -> Vec<u8> {
        let host = self.host;
        format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: entrepot-bench\r\n\r\n").into_bytes()
    }

    /// `GET` of the manifest that `reference` names.
    pub(super) fn get_manifest(self, repository: &str, reference: &str) -> Vec<u8> {
        let host = self.host;
        format!(
            "GET /v2/{repository}/manifests/{reference} HTTP/1.1\r\nHost: {host}\r\n\
             User-Agent: entrepot-bench\r\n{ACCEPT_MANIFESTS}\r\n\r\n"
        )
        .into_bytes()
    }

    /// The same by whoever has `token`.
    pub(super) fn get_manifest_with(self, repository: &str, reference: &str, token: &str) -> Vec<u8> {
        let mut request = self.get_manifest(repository, reference);
        // Before the empty line.
        request.truncate(request.len() - 2);
        request.extend_from_slice(format!("Authorization: Bearer {token}\r\n\r\n").as_bytes());
        request
    }

    /// `POST` of a form to the token service.
    pub(super) fn token(self, form: &str) -> Vec<u8> {
        self.with_body("POST", "/token", "application/x-www-form-urlencoded", form.as_bytes())
    }

    /// `HEAD` or `GET` of a blob.
    pub(super) fn blob(self, method: &str, repository: &str, digest: &str) -> Vec<u8> {
        self.plain(method, &format!("/v2/{repository}/blobs/{digest}"))
    }

    /// `POST` that begins an upload.
    pub(super) fn begin_upload(self, repository: &str) -> Vec<u8> {
        self.with_body("POST", &format!("/v2/{repository}/blobs/uploads/"), "", &[])
    }

    /// `POST` that mounts a blob out of the repository `from`.
    pub(super) fn mount(self, repository: &str, digest: &str, from: &str) -> Vec<u8> {
        self.with_body("POST", &format!("/v2/{repository}/blobs/uploads/?mount={digest}&from={from}"), "", &[])
    }

    /// The head of a `PATCH` of an upload; `framing` is the header that announces its body.
    pub(super) fn append_head(self, location: &str, framing: &str) -> Vec<u8> {
        let host = self.host;
        format!(
            "PATCH {location} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: entrepot-bench\r\n\
             Content-Type: application/octet-stream\r\n{framing}\r\n\r\n"
        )
        .into_bytes()
    }

    /// A whole `PATCH` with a chunked body, as docker sends small layers.
    pub(super) fn append(self, location: &str, body: &[u8]) -> Vec<u8> {
        let mut request = self.append_head(location, "Transfer-Encoding: chunked");
        request.extend_from_slice(format!("{:x}\r\n", body.len()).as_bytes());
        request.extend_from_slice(body);
        request.extend_from_slice(b"\r\n0\r\n\r\n");
        request
    }

    /// `PUT` that closes an upload whose bytes have all been sent.
    pub(super) fn commit_upload(self, location: &str, digest: &str) -> Vec<u8> {
        let separator = if location.contains('?') { '&' } else { '?' };
        let digest = digest.replace(':', "%3A");
        self.with_body("PUT", &format!("{location}{separator}digest={digest}"), "", &[])
    }

    /// `PUT` of a manifest.
    pub(super) fn put_manifest(self, repository: &str, reference: &str, manifest: &[u8]) -> Vec<u8> {
        self.with_body("PUT", &format!("/v2/{repository}/manifests/{reference}"), MANIFEST_TYPE, manifest)
    }

    fn with_body(self, method: &str, path: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
        let (host, length) = (self.host, body.len());
        let kind = if content_type.is_empty() { String::new() } else { format!("Content-Type: {content_type}\r\n") };
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: entrepot-bench\r\n{kind}\
             Content-Length: {length}\r\n\r\n"
        )
        .into_bytes();
        request.extend_from_slice(body);
        request
    }
}
