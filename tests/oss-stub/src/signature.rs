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

/// The two have to be equal. How long the comparison takes tells nobody anything here.
fn compare(given: &str, signature: &str, signed: &str) -> Result<(), Refusal> {
    if given == signature {
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
