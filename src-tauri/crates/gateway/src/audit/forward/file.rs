//! JSON lines in a file. It is opened for each batch, so it may be moved away
//! or cut at any time.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use tokio::task::JoinHandle;

use crate::bounds;

#[derive(Debug)]
pub(super) struct Lines {
    path: PathBuf,
    /// A write that has not come back: there is never a second one beside it,
    /// because each takes a thread that others need.
    writing: Option<JoinHandle<io::Result<()>>>,
}

impl Lines {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, writing: None }
    }

    /// Returns once all of it is on disk.
    pub(super) async fn send(&mut self, lines: Vec<u8>) -> Result<(), String> {
        if let Some(earlier) = self.writing.take() {
            // It was given up; what it wrote is written again.
            drop(self.wait(earlier).await?);
        }
        let path = self.path.clone();
        let writing = tokio::task::spawn_blocking(move || append(&path, &lines));
        self.wait(writing).await?.map_err(|e| format!("{}: {e}", self.path.display()))
    }

    async fn wait(
        &mut self,
        mut writing: JoinHandle<io::Result<()>>,
    ) -> Result<io::Result<()>, String> {
        match tokio::time::timeout(bounds::FORWARD_PATIENCE, &mut writing).await {
            Ok(done) => done.map_err(|e| e.to_string()),
            Err(_) => {
                self.writing = Some(writing);
                let seconds = bounds::FORWARD_PATIENCE.as_secs();
                Err(format!("{} takes longer than {seconds} s", self.path.display()))
            }
        }
    }
}

fn append(path: &Path, lines: &[u8]) -> io::Result<()> {
    // To open a pipe might wait for ever.
    if fs::metadata(path).is_ok_and(|known| !known.is_file()) {
        return Err(io::Error::other("it is not a file"));
    }
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    let before = file.metadata()?.len();
    let whole = before == 0 || last_byte(&mut file)? == b'\n';
    // A crash may have left half a line.
    let begun = if whole { Ok(()) } else { file.write_all(b"\n") };
    let written = begun.and_then(|()| file.write_all(lines)).and_then(|()| file.sync_data());
    if written.is_err() {
        // All of it is written again; half of it would stay in the way.
        let _ = file.set_len(before);
    }
    #[cfg(unix)]
    if before == 0
        && let Some(folder) = path.parent()
    {
        File::open(folder)?.sync_all()?;
    }
    written
}

fn last_byte(file: &mut File) -> io::Result<u8> {
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    let [last] = last;
    Ok(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_line_spoils_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("agw.jsonl");
        append(&path, b"{1}\n{2}\n").unwrap();
        append(&path, b"{3}\n").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"{1}\n{2}\n{3}\n");
        fs::write(&path, b"{1}\n{2").unwrap();
        append(&path, b"{2}\n").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"{1}\n{2\n{2}\n");
    }

    #[test]
    #[cfg(unix)]
    fn a_file_that_is_made_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("agw.jsonl");
        append(&path, b"{}\n").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(append(dir.path(), b"{}\n").is_err());
        assert!(append(&dir.path().join("missing/x"), b"{}\n").is_err());
    }
}
