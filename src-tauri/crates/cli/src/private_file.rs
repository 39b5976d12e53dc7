//! Files that hold a token: made with mode 0600 from the first moment, and
//! refused when others can read them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use zeroize::Zeroizing;

use crate::error::CliError;

/// The longest token file.
const MAX_BYTES: u64 = 4096;

/// Writes `text` and a line end. The file is made under another name and moved
/// into place, so that a reader sees the old content or the new, and no mode
/// but 0600 ever exists.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), CliError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let new = path.with_file_name(name);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let result = options
        .open(&new)
        .and_then(|mut file| file.write_all(format!("{text}\n").as_bytes()))
        .and_then(|()| fs::rename(&new, path));
    result.map_err(|error| {
        let _ = fs::remove_file(&new);
        CliError::io(
            &format!("cannot write {}", path.display()),
            &error,
            "Check that the data folder exists and is yours.",
        )
    })
}

/// The content without surrounding white space; `None` where there is no file.
pub(crate) fn read(path: &Path) -> Result<Option<Zeroizing<String>>, CliError> {
    let failed = |error: &io::Error| {
        CliError::io(
            &format!("cannot read {}", path.display()),
            error,
            "Check the path and that the file is yours.",
        )
    };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(&error)),
    };
    refuse_readable_by_others(path, &file).map_err(|error| error.unwrap_or_else(failed))?;
    let mut text = Zeroizing::new(String::new());
    let read =
        file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(|error| failed(&error))?;
    if read as u64 > MAX_BYTES {
        return Err(failed(&io::Error::other(format!("longer than {MAX_BYTES} bytes"))));
    }
    Ok(Some(Zeroizing::new(text.trim().to_owned())))
}

/// Looks at the open file, not at its path, which could be swapped in between.
#[cfg(unix)]
fn refuse_readable_by_others(path: &Path, file: &File) -> Result<(), Refusal> {
    use std::os::unix::fs::PermissionsExt as _;

    let mode = file.metadata().map_err(Refusal::Io)?.permissions().mode() & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(Refusal::Mode(CliError::failed(
        "file_mode",
        format!("{} can be read or changed by other users (mode {mode:04o})", path.display()),
        format!("Run: chmod 600 {}", path.display()),
    )))
}

#[cfg(not(unix))]
fn refuse_readable_by_others(_path: &Path, _file: &File) -> Result<(), Refusal> {
    // On Windows a file in the user's profile is the user's by its ACL.
    Ok(())
}

enum Refusal {
    Io(io::Error),
    #[cfg_attr(not(unix), allow(dead_code))]
    Mode(CliError),
}

impl Refusal {
    fn unwrap_or_else(self, failed: impl FnOnce(&io::Error) -> CliError) -> CliError {
        match self {
            Self::Io(error) => failed(&error),
            Self::Mode(error) => error,
        }
    }
}

/// Deletes the file; one that is not there is fine.
pub(crate) fn remove(path: &Path) -> Result<(), CliError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(CliError::io(
            &format!("cannot delete {}", path.display()),
            &error,
            "Delete the file by hand: it lets its reader act as you.",
        )),
        _ => Ok(()),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn written_0600_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("session");
        assert!(read(&path).unwrap().is_none());
        for text in ["first", "second"] {
            write(&path, text).unwrap();
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            assert_eq!(read(&path).unwrap().unwrap().as_str(), text);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        remove(&path).unwrap();
        remove(&path).unwrap();
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        write(&path, "st_x").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = read(&path).unwrap_err();
        assert_eq!(error.code(), Some("file_mode"));
    }

    #[test]
    fn a_long_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        write(&path, &"x".repeat(5000)).unwrap();
        assert!(read(&path).is_err());
    }
}
