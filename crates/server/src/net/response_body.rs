//! A response body that says whose turn it is.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http_body::{Body, Frame, SizeHint};

use super::progress::Progress;

/// The body of a response, as hyper sends it.
#[derive(Debug)]
pub struct ResponseBody<B> {
    body: B,
    request: OpenRequest,
}

impl<B> ResponseBody<B> {
    pub(super) fn new(body: B, mut request: OpenRequest) -> Self {
        request.set_ours(false);
        Self { body, request }
    }
}

impl<B: Body + Unpin> Body for ResponseBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        this.request.set_ours(polled.is_pending());
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A request from the end of its head to the end of its response, or until it is given up.
#[derive(Debug)]
pub(super) struct OpenRequest {
    progress: Arc<Progress>,
    ours: bool,
}

impl OpenRequest {
    pub(super) fn begin(progress: Arc<Progress>) -> Self {
        progress.begin_request();
        Self { progress, ours: true }
    }

    /// Notes whether the peer waits for us.
    fn set_ours(&mut self, ours: bool) {
        if ours != self.ours {
            self.ours = ours;
            if ours {
                self.progress.ours();
            } else {
                self.progress.theirs();
            }
        }
    }
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        self.set_ours(false);
        self.progress.end_request();
    }
}
