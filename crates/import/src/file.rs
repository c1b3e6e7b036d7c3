//! The bytes of a file, for a store that has no files.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use bytes::{Bytes, BytesMut};
use entrepot_registry::BodyError;
use futures_util::stream;

use crate::source::Body;

/// Bytes that are read at once.
const STEP: usize = 1024 * 1024;

/// The bytes of a file, in order.
pub(crate) fn stream(path: &Path) -> Body {
    let path = path.to_owned();
    Box::pin(stream::try_unfold(None, move |file| {
        let path = path.clone();
        async move {
            let read = tokio::task::spawn_blocking(move || {
                let mut file = match file {
                    Some(file) => file,
                    None => File::open(path)?,
                };
                Ok::<_, io::Error>(next(&mut file)?.map(|bytes| (bytes, Some(file))))
            });
            match read.await {
                Ok(read) => read.map_err(|error| BodyError(error.to_string())),
                Err(stopped) => Err(BodyError(stopped.to_string())),
            }
        }
    }))
}

fn next(file: &mut File) -> io::Result<Option<Bytes>> {
    let mut bytes = BytesMut::zeroed(STEP);
    let length = file.read(&mut bytes)?;
    bytes.truncate(length);
    Ok((length > 0).then(|| bytes.freeze()))
}
