//! Secrets in files of their own.

use std::path::Path;

use super::reader::{Reader, Reported};
use super::secret::Secret;
use super::setting::Setting;
use super::value::{Value, toml_string};

/// The secret in the file at `path`, which `setting` names: all of it but line breaks at its end.
///
/// # Errors
/// If it cannot be read or is empty.
pub(super) fn read(reader: &mut Reader, setting: &Setting, path: Option<&Path>) -> Result<Option<Secret>, Reported> {
    let Some(path) = path else { return Ok(None) };
    let wrong = match std::fs::read_to_string(path) {
        Ok(text) => match Secret::parse(text.trim_end_matches(['\r', '\n'])) {
            Ok(secret) => return Ok(Some(secret)),
            Err(_) => "is empty".to_owned(),
        },
        Err(error) => format!("cannot be read: {error}"),
    };
    let key = reader.key(setting.key);
    Err(reader.mistake(setting.key, format!("{key} = {} {wrong}", toml_string(&path.to_string_lossy()))))
}

/// The secret that either `setting` holds or the file that `file_setting` names.
///
/// # Errors
/// If there are two; as [`read`].
pub(super) fn either(
    reader: &mut Reader,
    (setting, secret): (&Setting, Option<&Secret>),
    (file_setting, path): (&Setting, Option<&Path>),
) -> Result<Option<Secret>, Reported> {
    match (secret, read(reader, file_setting, path)?) {
        (Some(_), Some(_)) => {
            let keys = [setting, file_setting].map(|setting| reader.key(setting.key));
            let sentence = format!("{} are both set: which one is right?", keys.join(" and "));
            Err(reader.mistake(file_setting.key, sentence))
        }
        (secret, from_file) => Ok(secret.cloned().or(from_file)),
    }
}
