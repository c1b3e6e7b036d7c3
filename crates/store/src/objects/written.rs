//! Objects on their way into the store, each written by a task of its own.
//!
//! The task outlives the upload that started it: it then takes back what it has written.

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

/// Why an object was not completed, and what of it may be in the store.
struct Unwritten {
    /// `None` if nobody waits for it any more.
    error: Option<Error>,
    /// One that was not closed.
    writer: Option<opendal::Writer>,
    /// Whether the object may be there all the same, as only the answer was lost.
    perhaps: bool,
}

/// Writes an object in one request.
pub(crate) fn put(objects: &Objects, content: Vec<Bytes>) -> Ending {
    let inner = objects.clone();
    start(objects, move |key| async move {
        let content = Buffer::from(content);
        let size = content.len() as u64;
        match inner.put(&key, content).await {
            Ok(()) => Ok(size),
            Err(error) => Err(Unwritten { error: Some(error), writer: None, perhaps: true }),
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
    W: Future<Output = Result<u64, Unwritten>> + Send,
{
    let (key, hold) = objects.new_key();
    let (tell, result) = oneshot::channel();
    let objects = objects.clone();
    let work = async move {
        match write(key).await {
            Ok(size) => {
                let part = Part { key, size };
                // If nobody wants it, this drops it, which removes it.
                drop(tell.send(Ok(Written { part, unkept: Some((objects, hold)) })));
            }
            Err(Unwritten { error: Some(error), writer, perhaps }) => {
                // The client need not wait until a store that fails has been tidied up.
                drop(tell.send(Err(error)));
                objects.undo(&key, writer, perhaps).await;
                drop(hold);
            }
            Err(Unwritten { error: None, writer, perhaps }) => {
                objects.undo(&key, writer, perhaps).await;
                drop((hold, tell));
            }
        }
    };
    tokio::spawn(work.in_current_span());
    Ending(result)
}

async fn write_pieces(
    objects: &Objects,
    key: &Key,
    first: Vec<Bytes>,
    mut pieces: mpsc::Receiver<Step>,
) -> Result<u64, Unwritten> {
    let mut writer = match objects.writer(key).await {
        Ok(writer) => writer,
        Err(error) => return Err(Unwritten { error: Some(error), writer: None, perhaps: false }),
    };
    let mut next = Step::Piece(first);
    let mut size = 0;
    loop {
        let (piece, last) = match next {
            Step::Piece(piece) => (piece, false),
            Step::Last(piece) => (piece, true),
        };
        let piece = Buffer::from(piece);
        size += piece.len() as u64;
        if !piece.is_empty()
            && let Err(error) = writer.write(piece).await
        {
            let error = Some(objects.failure("write", key, &error));
            return Err(Unwritten { error, writer: Some(writer), perhaps: false });
        }
        if last {
            return match objects.close(key, &mut writer, size).await {
                Ok(()) => Ok(size),
                Err(error) => Err(Unwritten { error: Some(error), writer: Some(writer), perhaps: true }),
            };
        }
        next = match pieces.recv().await {
            Some(step) => step,
            None => return Err(Unwritten { error: None, writer: Some(writer), perhaps: false }),
        };
    }
}

impl Objects {
    /// Ends what was begun. What stays is found by the purge.
    async fn undo(&self, key: &Key, writer: Option<opendal::Writer>, perhaps: bool) {
        if let Some(mut writer) = writer
            && let Err(error) = writer.abort().await
        {
            let error = self.failure("take back", key, &error);
            tracing::info!(%error, "an unfinished object stays; the purge will find it");
        }
        if perhaps {
            self.take_back(key).await;
        }
    }
}

fn stopped() -> Error {
    Error::Io(explained("write", "an object", "the task that writes it has stopped"))
}
