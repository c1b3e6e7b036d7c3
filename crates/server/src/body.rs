//! The bodies of answers.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use entrepot_store::BlobStream;
use futures_util::StreamExt;
use http_body::{Body as HttpBody, Frame, SizeHint};

use crate::net::{FileBody, Paced};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Nothing, bytes in memory, a part of a file, what comes from an object store, or what a page made.
#[derive(Debug)]
pub(crate) enum Body {
    Memory(Bytes),
    File(FileBody),
    Stream(BlobStream),
    Page(axum::body::Body),
    /// One that is held back.
    Paced(Box<Paced<Body>>),
}

impl Body {
    pub(crate) fn empty() -> Self {
        Self::Memory(Bytes::new())
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::Memory(bytes)
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Memory(bytes.into())
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut *self {
            Self::Memory(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Memory(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::File(file) => Pin::new(file).poll_frame(cx).map_err(Into::into),
            Self::Stream(stream) => stream.poll_next_unpin(cx).map_ok(Frame::data).map_err(Into::into),
            Self::Page(page) => Pin::new(page).poll_frame(cx).map_err(Into::into),
            Self::Paced(paced) => Pin::new(paced).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Memory(bytes) => bytes.is_empty(),
            Self::File(file) => file.is_end_stream(),
            Self::Stream(stream) => stream.remaining() == 0,
            Self::Page(page) => page.is_end_stream(),
            Self::Paced(paced) => paced.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Memory(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::File(file) => file.size_hint(),
            Self::Stream(stream) => SizeHint::with_exact(stream.remaining()),
            Self::Page(page) => page.size_hint(),
            Self::Paced(paced) => paced.size_hint(),
        }
    }
}
