//! Small JSON files of the shell's own, in the data folder.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::service::make_private_dir;

/// What the file says, or the default: where there is none, and where it is
/// not understood, which is said.
pub(crate) fn read<T: DeserializeOwned + Default>(path: &Path) -> T {
    let error = match fs::read(path) {
        Ok(json) => match serde_json::from_slice(&json) {
            Ok(value) => return value,
            Err(error) => error.to_string(),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => return T::default(),
        Err(error) => error.to_string(),
    };
    tracing::warn!("{} is not understood, the defaults apply: {error}", path.display());
    T::default()
}

/// All of it or nothing: a crash leaves the file that was.
pub(crate) fn write<T: Serialize>(path: &Path, value: &T) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        make_private_dir(folder)?;
    }
    let next = path.with_extension("json.new");
    let mut options = OpenOptions::new();
    options.create(true).write(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&next)?;
    file.write_all(&serde_json::to_vec_pretty(value)?)?;
    file.sync_all()?;
    fs::rename(&next, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(path: &Path) -> Vec<u32> {
        read(path)
    }

    #[test]
    fn what_is_written_is_read_and_what_is_not_understood_is_the_default() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new/numbers.json");
        assert_eq!(numbers(&path), Vec::<u32>::new());
        write(&path, &[1, 2]).unwrap();
        assert_eq!(numbers(&path), [1, 2]);
        write(&path, &[3]).unwrap();
        assert_eq!(numbers(&path), [3]);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        for bad in ["", "[1, 2", "{\"a\": 1}", "\u{0}"] {
            fs::write(&path, bad).unwrap();
            assert_eq!(numbers(&path), Vec::<u32>::new(), "{bad:?}");
        }
    }
}
