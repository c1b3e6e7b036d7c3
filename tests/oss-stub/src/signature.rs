//! Whether a request is signed with the key, and lately.

mod v1;
mod v4;

use crate::answer::Refusal;
use crate::request::Ask;

/// Who may use the bucket.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    /// The key's id.
    pub(crate) id: String,
    /// The key.
    pub(crate) secret: String,
}

impl Credentials {
    /// Checks the signature in the header or in the URL.
    pub(crate) fn check(&self, ask: &Ask) -> Result<(), Refusal> {
        if let Some(authorization) = ask.header("authorization") {
            if let Some(given) = authorization.strip_prefix("OSS4-HMAC-SHA256 ") {
                return v4::check_header(self, ask, given);
            }
            return match authorization.strip_prefix("OSS ") {
                Some(given) => v1::check_header(self, ask, given),
                None => Err(Refusal::bad("InvalidArgument", "no such kind of authorization")),
            };
        }
        if ask.parameter("x-oss-signature").is_some() {
            return v4::check_url(self, ask);
        }
        if ask.parameter("Signature").is_some() {
            return v1::check_url(self, ask);
        }
        Err(Refusal::forbidden("AccessDenied", "You have no right to access this object because of bucket acl."))
    }

    fn is(&self, id: &str) -> Result<(), Refusal> {
        if id == self.id {
            Ok(())
        } else {
            Err(Refusal::forbidden("InvalidAccessKeyId", format!("{id} is not known.")))
        }
    }
}

/// The signature has to be that of the text over the resource, which is the bucket and the key whatever form the URL has.
/// `sign` makes it. How long the comparison takes tells nobody anything here.
fn compare(
    ask: &Ask,
    given: &str,
    text: impl Fn(&str) -> String,
    sign: impl Fn(&str) -> String,
) -> Result<(), Refusal> {
    let signed = text(&format!("/{}/{}", ask.bucket, ask.key));
    // OpenDAL's signer leaves out the slash behind a bucket that is all of the path. The service, which takes the bucket from
    // the host, never sees that.
    let bare = || sign(&text(&format!("/{}", ask.bucket)));
    if given == sign(&signed) || (ask.is_bare_bucket && given == bare()) {
        return Ok(());
    }
    let message = format!("The signature is {given:?}, and should be that of {signed:?}");
    Err(Refusal::forbidden("SignatureDoesNotMatch", message))
}

fn too_skewed() -> Refusal {
    Refusal::forbidden("RequestTimeTooSkewed", "The request time is too far from that of the server.")
}

fn expired() -> Refusal {
    Refusal::forbidden("AccessDenied", "Request has expired.")
}
