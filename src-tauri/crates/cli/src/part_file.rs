//! Files that are there whole or not at all: written beside their place, as
//! `FILE.part`, and moved there when they are done.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::error::CliError;

/// Removed when it is dropped before it is [done](Self::done).
#[derive(Debug)]
pub(crate) struct PartFile {
    path: PathBuf,
    part: PathBuf,
    file: Option<BufWriter<File>>,
}

impl PartFile {
    /// Only the owner may read it (0600). What is at `path` is replaced only
    /// if `replace`.
    pub(crate) fn new(path: &Path, replace: bool) -> Result<Self, CliError> {
        if !replace && fs::symlink_metadata(path).is_ok() {
            return Err(CliError::usage(
                format!("there is a file {} already", path.display()),
                "Name another one, or add --force to replace it.",
            ));
        }
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".part");
        let part = path.with_file_name(name);
        // What a run left that was killed; nobody else calls files so.
        let _ = fs::remove_file(&part);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&part).map_err(|error| failed(&part, &error))?;
        Ok(Self { path: path.to_owned(), part, file: Some(BufWriter::new(file)) })
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), CliError> {
        match &mut self.file {
            Some(file) => file.write_all(bytes).map_err(|error| failed(&self.part, &error)),
            None => Ok(()),
        }
    }

    /// On disk, in its place.
    pub(crate) fn done(mut self) -> Result<(), CliError> {
        let Some(file) = self.file.take() else { return Ok(()) };
        let moved = file
            .into_inner()
            .map_err(io::IntoInnerError::into_error)
            .and_then(|file| file.sync_all())
            .and_then(|()| fs::rename(&self.part, &self.path));
        moved.map_err(|error| {
            let _ = fs::remove_file(&self.part);
            failed(&self.path, &error)
        })
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            let _ = fs::remove_file(&self.part);
        }
    }
}

fn failed(path: &Path, error: &io::Error) -> CliError {
    CliError::io(
        &format!("cannot write {}", path.display()),
        error,
        "Check that the folder exists, is yours and has room.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let (path, part) = (folder.path().join("x.csv"), folder.path().join("x.csv.part"));
        let mut file = PartFile::new(&path, false).unwrap();
        file.write(b"one").unwrap();
        assert!(part.exists() && !path.exists());
        drop(file);
        assert!(!part.exists() && !path.exists());

        // What was left by a run that was killed.
        fs::write(&part, "rubbish").unwrap();
        let mut file = PartFile::new(&path, false).unwrap();
        file.write(b"two").unwrap();
        file.done().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert!(!part.exists());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_file_that_is_there_stays_unless_forced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.csv");
        fs::write(&path, "old").unwrap();
        assert!(matches!(PartFile::new(&path, false), Err(CliError::Usage(_))));
        drop(PartFile::new(&path, true).unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"old");
        let mut file = PartFile::new(&path, true).unwrap();
        file.write(b"new").unwrap();
        file.done().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert!(PartFile::new(&folder.path().join("no/x.csv"), false).is_err());
    }
}
