//! The files of the section `tls`.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::reader::{Reader, Reported};
use super::sections::{TLS_CERT, TLS_KEY};
use super::setting::Setting;
use super::value::Value;

/// Certificate and key, both PEM; both could be read when the configuration was.
#[derive(Clone, Debug)]
pub(crate) struct TlsFiles {
    /// The certificate, followed by its intermediates.
    pub(crate) cert: PathBuf,
    /// The certificate's private key.
    pub(crate) key: PathBuf,
}

impl TlsFiles {
    /// Reads both settings or neither.
    ///
    /// # Errors
    /// If only one is set, or a file cannot be read.
    pub(super) fn read(reader: &mut Reader) -> Result<Option<Self>, Reported> {
        let cert = readable(reader, &TLS_CERT);
        let key = readable(reader, &TLS_KEY);
        match (cert?, key?) {
            (Some(cert), Some(key)) => Ok(Some(Self { cert, key })),
            (None, None) => Ok(None),
            (Some(_), None) => Err(reader.lack(TLS_CERT.key, half(&TLS_CERT, &TLS_KEY))),
            (None, Some(_)) => Err(reader.lack(TLS_KEY.key, half(&TLS_KEY, &TLS_CERT))),
        }
    }

    /// Both values as TOML.
    pub(super) fn values(files: Option<&Self>) -> [Option<String>; 2] {
        [files.map(|files| files.cert.to_toml()), files.map(|files| files.key.to_toml())]
    }
}

fn half(set: &Setting, unset: &Setting) -> String {
    format!("{} is set and {} is not: TLS needs both, plain HTTP neither", set.key, unset.key)
}

/// The path in `setting`, if it is set; the file must open for reading.
fn readable(reader: &mut Reader, setting: &'static Setting) -> Result<Option<PathBuf>, Reported> {
    let Some(path) = reader.given::<PathBuf>(setting)? else { return Ok(None) };
    match open(&path) {
        Ok(()) => Ok(Some(path)),
        Err(error) => {
            let sentence = format!("{} = {} cannot be read: {error}", setting.key, path.to_toml());
            Err(reader.mistake(setting.key, sentence))
        }
    }
}

fn open(path: &Path) -> io::Result<()> {
    if File::open(path)?.metadata()?.is_dir() { Err(io::ErrorKind::IsADirectory.into()) } else { Ok(()) }
}
