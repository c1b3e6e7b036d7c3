//! A response body from a file.

use std::fs::File;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use tokio::task::{JoinHandle, spawn_blocking};

use super::connection::Connection;
use super::page_cache::{ended_early, is_cached, load, read_blocking, read_cached};

/// Up to this length a file is read and sent together with the head, as mapping it would cost more.
const SMALL: u64 = 32 * 1024;
/// Bytes handed to hyper at once when they go out by sendfile. Larger windows cost no less, and keep other connections of
/// the same thread waiting.
const WINDOW: usize = 1024 * 1024;
/// Bytes read at once from the page cache.
const CACHED_PIECE: usize = 256 * 1024;
/// Bytes read at once from the disk.
const DISK_PIECE: usize = 1024 * 1024;

/// A stretch of a file as a response body of exactly known length.
///
/// On a plain HTTP/1.1 connection the kernel sends the file itself (sendfile(2)); elsewhere it is read piece by piece.
/// Bytes that are not in memory are fetched in the blocking pool, one step ahead of the peer.
///
/// The file must not change while it is sent, and nothing between here and the connection may look at the bytes: what is
/// yielded can be memory that stands for the file. A file that turns out shorter ends the body with
/// [`UnexpectedEof`](io::ErrorKind::UnexpectedEof) and closes the connection; it is never padded.
#[derive(Debug)]
pub struct FileBody {
    file: Arc<File>,
    next: u64,
    left: u64,
    way: Way,
}

#[derive(Debug)]
enum Way {
    /// By sendfile: `left` bytes of mapping, and the fetching of the next window if it has to be fetched.
    Windows { mapping: Bytes, loading: Option<JoinHandle<io::Result<()>>> },
    /// By reading, with the piece that is being read from the disk.
    Pieces { reading: Option<JoinHandle<io::Result<BytesMut>>> },
}

impl FileBody {
    /// The `length` bytes of `file` from `first` on, to be sent on `connection` and no other.
    pub fn new(file: Arc<File>, first: u64, length: u64, connection: &Connection) -> Self {
        let way = Self::windows(&file, first, length, connection)
            .map_or(Way::Pieces { reading: None }, |mapping| Way::Windows { mapping, loading: None });
        Self { file, next: first, left: length, way }
    }

    /// The mapping to send from, unless reading is better or the only way.
    fn windows(file: &Arc<File>, first: u64, length: u64, connection: &Connection) -> Option<Bytes> {
        let windows = connection.windows()?;
        if length <= SMALL {
            return None;
        }
        windows.open(file.clone(), first, usize::try_from(length).ok()?).ok()
    }

    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        let (file, next) = (&self.file, self.next);
        let bytes = match &mut self.way {
            Way::Windows { mapping, loading } => {
                let size = WINDOW.min(mapping.len());
                match loading {
                    Some(task) => {
                        ready!(Pin::new(task).poll(cx)).map_err(io::Error::other)??;
                        *loading = load_ahead(file, next + size as u64, mapping.len() - size)?;
                    }
                    None => {
                        if let Some(task) = load_ahead(file, next, mapping.len())? {
                            *loading = Some(task);
                            return self.poll_bytes(cx);
                        }
                    }
                }
                mapping.split_to(size)
            }
            Way::Pieces { reading: Some(task) } => {
                let piece = ready!(Pin::new(task).poll(cx)).map_err(io::Error::other)??;
                let (after, left) = (next + piece.len() as u64, self.left - piece.len() as u64);
                self.way = Way::Pieces { reading: (left > 0).then(|| read_ahead(file, after, left)) };
                piece.freeze()
            }
            Way::Pieces { reading } => {
                let size = at_most(CACHED_PIECE, self.left);
                let mut piece = BytesMut::with_capacity(size);
                match read_cached(file, next, &mut piece, size)? {
                    Some(0) => return Poll::Ready(Err(ended_early())),
                    Some(_) => piece.freeze(),
                    None => {
                        *reading = Some(read_ahead(file, next, self.left));
                        return self.poll_bytes(cx);
                    }
                }
            }
        };
        self.next += bytes.len() as u64;
        self.left -= bytes.len() as u64;
        Poll::Ready(Ok(bytes))
    }
}

/// Begins to fetch the window at `offset` of which `left` bytes are to be sent in all, unless it is there already.
fn load_ahead(file: &Arc<File>, offset: u64, left: usize) -> io::Result<Option<JoinHandle<io::Result<()>>>> {
    let size = WINDOW.min(left) as u64;
    if size == 0 || is_cached(file, offset, size)? {
        return Ok(None);
    }
    let file = file.clone();
    Ok(Some(spawn_blocking(move || load(&file, offset, size))))
}

/// Begins to read the piece at `offset` of which `left` bytes are to be sent in all.
fn read_ahead(file: &Arc<File>, offset: u64, left: u64) -> JoinHandle<io::Result<BytesMut>> {
    let (file, size) = (file.clone(), at_most(DISK_PIECE, left));
    spawn_blocking(move || read_blocking(&file, offset, size))
}

/// `left`, or `most` if that is less.
fn at_most(most: usize, left: u64) -> usize {
    usize::try_from(left).unwrap_or(most).min(most)
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = self.get_mut();
        if this.left == 0 {
            return Poll::Ready(None);
        }
        let result = ready!(this.poll_bytes(cx));
        if let Err(error) = &result {
            tracing::error!(offset = this.next, left = this.left, %error, "cannot send a file to its end");
            this.left = 0;
        }
        Poll::Ready(Some(result.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
