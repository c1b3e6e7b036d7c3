//! A letter as a message of RFC 5322.

use lettre::Message;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use uuid::Uuid;

use crate::wording::{Words, words};
use crate::{Address, Error, Letter, Registry};

/// `letter` in the name of `registry`, as plain text and as HTML.
///
/// # Errors
/// Only a bug makes it fail: every part was looked at when it was made.
pub(crate) fn compose(from: &Address, to: &Address, registry: &Registry, letter: &Letter) -> Result<Message, Error> {
    let Words { subject, text, html } = words(letter, registry)?;
    let sender = Mailbox::new(Some(registry.name.as_str().to_owned()), from.inner().clone());
    Message::builder()
        .from(sender)
        .to(Mailbox::new(None, to.inner().clone()))
        .subject(subject)
        .message_id(Some(format!("<{}@{}>", Uuid::now_v7(), registry.url.host())))
        .raw_header(by_no_person())
        .multipart(MultiPart::alternative_plain_html(text, html))
        .map_err(|error| Error::Unwritten(error.to_string()))
}

/// Keeps those who are on holiday from answering (RFC 3834, section 5).
fn by_no_person() -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned())
}
