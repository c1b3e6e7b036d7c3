//! Signs every request to OSS: the library knows only version 1, which OSS takes from old accounts alone.

use http::{Request, Response};
use opendal::{Buffer, Error, ErrorKind, HttpBody, HttpTransport, HttpTransporter};

use crate::objects::signed::Signing;

/// Sends by another transport what it has signed.
pub(super) struct SigningTransport {
    inner: HttpTransporter,
    signing: Signing,
}

impl SigningTransport {
    pub(super) fn new(inner: HttpTransporter, signing: Signing) -> Self {
        Self { inner, signing }
    }
}

impl HttpTransport for SigningTransport {
    async fn fetch(&self, request: Request<Buffer>) -> Result<Response<HttpBody>, Error> {
        let (mut parts, body) = request.into_parts();
        let signed = self.signing.sign(&mut parts, None).await;
        signed.map_err(|why| Error::new(ErrorKind::PermissionDenied, why))?;
        self.inner.fetch(Request::from_parts(parts, body)).await
    }
}
