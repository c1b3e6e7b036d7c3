//! Objects on their way into the store, each written by a task of its own.
//!
//! The task outlives the upload that started it: it then takes back what it has written.

use std::sync::Arc;

use bytes::Bytes;
use opendal::Buffer;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tracing::Instrument;

use super::Objects;
use super::failure::explained;
use super::in_progress::Hold;
use crate::error::Error;
use crate::part::{Key, Part};

/// An object that is complete. Dropping it removes it again, unless it was kept.
#[derive(Debug)]
pub(crate) struct Written {
    part: Part,
    unkept: Option<(Objects, Hold)>,
}

impl Written {
    /// The caller answers for it from now on.
    pub(crate) fn keep(mut self) -> (Part, Option<Hold>) {
        (self.part, self.unkept.take().map(|(_, hold)| hold))
    }

    /// Removes it and waits for that. If it fails, the purge will find it.
    pub(crate) async fn remove(mut self) {
        if let Some((objects, hold)) = self.unkept.take() {
            objects.take_back(&self.part.key).await;
            drop(hold);
        }
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        let Some((objects, hold)) = self.unkept.take() else { return };
        let key = self.part.key;
        // Without a runtime the process ends; the purge of another will find it.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                objects.take_back(&key).await;
                drop(hold);
            });
        }
    }
}

/// An object whose bytes are all known.
#[derive(Debug)]
pub(crate) struct Ending(oneshot::Receiver<Result<Written, Error>>);

impl Ending {
    /// Waits until the object is complete. May be dropped and called again, until it has returned once.
    pub(crate) async fn wait(&mut self) -> Result<Written, Error> {
        (&mut self.0).await.unwrap_or_else(|_| Err(stopped()))
    }
}

/// An object that grows by pieces.
#[derive(Debug)]
pub(crate) struct Growing {
    pieces: mpsc::Sender<Step>,
    ending: Ending,
}

#[derive(Debug)]
enum Step {
    Piece(Vec<Bytes>),
    /// The last one, which may be empty.
    Last(Vec<Bytes>),
}

/// A place for the next piece.
#[derive(Debug)]
pub(crate) struct Place<'a>(mpsc::Permit<'a, Step>);

impl Place<'_> {
    pub(crate) fn give(self, piece: Vec<Bytes>) {
        self.0.send(Step::Piece(piece));
    }
}

impl Growing {
    /// Waits until the next piece can be given.
    pub(crate) async fn place(&mut self) -> Result<Place<'_>, Error> {
        match self.pieces.reserve().await {
            Ok(permit) => Ok(Place(permit)),
            Err(_) => Err(self.ending.wait().await.err().unwrap_or_else(stopped)),
        }
    }

    /// Gives the last piece. There must have been a place.
    pub(crate) fn finish(self, last: Vec<Bytes>) -> Ending {
        // If the task has ended, its result tells why.
        let _ = self.pieces.try_send(Step::Last(last));
        self.ending
    }

    /// Takes back what was written, and waits for that.
    pub(crate) async fn abandon(self) {
        let Self { pieces, mut ending } = self;
        drop(pieces);
        if let Ok(written) = ending.wait().await {
            written.remove().await;
        }
    }
}

/// Writes an object in one request.
pub(crate) fn put(objects: &Objects, content: Vec<Bytes>) -> Ending {
    let inner = objects.clone();
    start(objects, move |key| async move {
        let content = Buffer::from(content);
        let size = content.len() as u64;
        match inner.put(&key, content).await {
            Ok(()) => Ok(size),
            Err(error) => {
                // It may be there nevertheless.
                inner.take_back(&key).await;
                Err(error)
            }
        }
    })
}

/// Begins an object of several pieces.
pub(crate) fn grow(objects: &Objects, first: Vec<Bytes>) -> Growing {
    let (sender, pieces) = mpsc::channel(1);
    let inner = objects.clone();
    let ending = start(objects, move |key| async move { write_pieces(&inner, &key, first, pieces).await });
    Growing { pieces: sender, ending }
}

/// Runs `write` for a new key in a task of its own.
fn start<W>(objects: &Objects, write: impl FnOnce(Key) -> W + Send + 'static) -> Ending
where
    W: Future<Output = Result<u64, Error>> + Send,
{
    let (key, hold) = objects.new_key();
    let (tell, result) = oneshot::channel();
    let objects = objects.clone();
    let work = async move {
        let written = write(key).await.map(|size| {
            let part = Part { key, size };
            Written { part, unkept: Some((objects, hold)) }
        });
        // If nobody wants it, this drops it, which removes it.
        drop(tell.send(written));
    };
    tokio::spawn(work.in_current_span());
    Ending(result)
}

async fn write_pieces(
    objects: &Objects,
    key: &Key,
    first: Vec<Bytes>,
    mut pieces: mpsc::Receiver<Step>,
) -> Result<u64, Error> {
    let mut writer = objects.writer(key).await?;
    let mut next = Step::Piece(first);
    let mut size = 0;
    let mut closing = false;
    let failed = loop {
        let (piece, last) = match next {
            Step::Piece(piece) => (piece, false),
            Step::Last(piece) => (piece, true),
        };
        let piece = Buffer::from(piece);
        size += piece.len() as u64;
        if !piece.is_empty()
            && let Err(error) = writer.write(piece).await
        {
            break objects.failure("write", key, &error);
        }
        if last {
            closing = true;
            match objects.close(key, &mut writer, size).await {
                Ok(()) => return Ok(size),
                Err(error) => break error,
            }
        }
        next = match pieces.recv().await {
            Some(step) => step,
            None => break Error::Io(explained("write", &objects.place(key), "the upload was given up")),
        };
    };
    if let Err(error) = writer.abort().await {
        let error = objects.failure("take back", key, &error);
        tracing::info!(%error, "an unfinished object stays; the purge will find it");
    }
    if closing {
        // The answer may have been lost, and the object be there.
        objects.take_back(key).await;
    }
    Err(failed)
}

fn stopped() -> Error {
    let cause = Arc::new(std::io::Error::other("the task that writes has stopped"));
    Error::Io(crate::error::Failure { operation: "write", place: "an object".to_owned(), cause })
}
