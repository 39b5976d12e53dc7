//! The audit trail as a file in the folder for downloads.
//!
//! The web view says which records, and is told how far it is. Where the file
//! goes and what it is called are not its to say, and nothing of it passes
//! through it: a trail may be larger than its memory.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use agw_api::{Client, ClientError, ErrorBody, ExportFormat, RecordCounter, codes};
use serde::Serialize;
use tauri::ipc::Channel;
use tauri::{AppHandle, Manager as _, State};
use tokio::sync::Notify;

use crate::Shell;
use crate::bridge::error_body;

/// Where the admin API has the trail as a file.
const EXPORT: &str = "/api/v1/audit/export?";
/// How many names are tried before one is given up on.
const MAX_FILES: u32 = 1_000;
/// How often the page is told how far it is.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// How far it is.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Progress {
    bytes: u64,
    records: u64,
    /// How many records are looked through.
    of: Option<u64>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Saved {
    file: PathBuf,
    bytes: u64,
    records: u64,
}

/// Ends a running [`save_trail`], of which nothing is left then.
#[derive(Default)]
pub(crate) struct Saving(Notify);

/// `path`: that of the export, with its format and filters.
#[tauri::command]
pub(crate) async fn save_trail(
    app: AppHandle,
    shell: State<'_, Shell>,
    path: String,
    channel: Channel<Progress>,
) -> Result<Saved, ErrorBody> {
    let folder = app.path().download_dir().or_else(|_| app.path().home_dir());
    let folder = folder.map_err(|error| fault(error.to_string(), "Use `agw audit export`."))?;
    let client = shell.client();
    let saved = save(&client, &path, &folder, |progress| {
        let _ = channel.send(progress);
    });
    tokio::select! {
        saved = saved => saved.inspect_err(|error| {
            if error.code == codes::SIGN_IN {
                shell.forget_session();
            }
        }),
        () = shell.saving.0.notified() => {
            Err(fault("The export was stopped.".to_owned(), "Nothing is left of it."))
        }
    }
}

#[tauri::command]
pub(crate) async fn stop_saving(shell: State<'_, Shell>) -> Result<(), ErrorBody> {
    shell.saving.0.notify_waiters();
    Ok(())
}

async fn save(
    client: &Client,
    path: &str,
    folder: &Path,
    tell: impl Fn(Progress),
) -> Result<Saved, ErrorBody> {
    let format = format_of(path).ok_or_else(|| {
        let message = "The window may save only exports of the trail.".to_owned();
        error_body(codes::BAD_REQUEST, message, "Close the window and open it again.".to_owned())
    })?;
    let mut download = client.download(path).await.map_err(refused)?;
    let mut file = Part::new(folder, format).map_err(|error| unwritten(folder, &error))?;
    let mut counter = RecordCounter::new(format);
    let mut progress = Progress { of: download.records(), ..Progress::default() };
    let mut told: Option<Instant> = None;
    while let Some(piece) = download.next().await.map_err(refused)? {
        file.write(&piece).map_err(|error| unwritten(folder, &error))?;
        counter.feed(&piece);
        progress.bytes = progress.bytes.saturating_add(piece.len() as u64);
        progress.records = counter.records();
        if told.is_none_or(|at| at.elapsed() >= TELL_EVERY) {
            told = Some(Instant::now());
            tell(progress.clone());
        }
    }
    let file = file.done().map_err(|error| unwritten(folder, &error))?;
    Ok(Saved { file, bytes: progress.bytes, records: progress.records })
}

fn format_of(path: &str) -> Option<ExportFormat> {
    let query = path.strip_prefix(EXPORT)?;
    let name = query.split('&').find_map(|pair| pair.strip_prefix("format="))?;
    ExportFormat::from_name(name)
}

fn refused(error: ClientError) -> ErrorBody {
    match error {
        ClientError::Refused { body, .. } => *body,
        error => fault(error.to_string(), "Export it again; nothing is left of this one."),
    }
}

fn unwritten(folder: &Path, error: &io::Error) -> ErrorBody {
    let message = format!("The file cannot be written in {}: {error}.", folder.display());
    fault(message, "Make room there, or see who may write there, and export it again.")
}

fn fault(message: String, next: &str) -> ErrorBody {
    error_body(codes::INTERNAL, message, next.to_owned())
}

/// A file that is there whole or not at all: written as `NAME.part`, and gone
/// when it is dropped before it is [done](Self::done). Its owner alone reads it.
struct Part {
    part: PathBuf,
    place: PathBuf,
    file: Option<BufWriter<File>>,
}

impl Part {
    /// Under a name that is free.
    fn new(folder: &Path, format: ExportFormat) -> io::Result<Self> {
        let end = format.name();
        let name = |number: u32| match number {
            1 => format!("agw-audit.{end}"),
            _ => format!("agw-audit-{number}.{end}"),
        };
        let free = (1..MAX_FILES).map(|number| folder.join(name(number))).find(|it| !it.exists());
        let place = free.ok_or(io::ErrorKind::AlreadyExists)?;
        let part = place.with_extension(format!("{end}.part"));
        // What a run left that was killed.
        let _ = fs::remove_file(&part);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&part)?;
        Ok(Self { part, place, file: Some(BufWriter::new(file)) })
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), |file| file.write_all(bytes))
    }

    fn done(mut self) -> io::Result<PathBuf> {
        if let Some(mut file) = self.file.take() {
            file.flush()?;
            file.get_ref().sync_all()?;
            fs::rename(&self.part, &self.place)?;
        }
        Ok(self.place.clone())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            let _ = fs::remove_file(&self.part);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_exports_of_the_trail_are_saved() {
        let known = [
            ("/api/v1/audit/export?format=tlog&user=ana", Some(ExportFormat::Tlog)),
            ("/api/v1/audit/export?user=ana&format=csv", Some(ExportFormat::Csv)),
            ("/api/v1/audit/export?format=../../.bashrc", None),
            ("/api/v1/audit/export?user=ana", None),
            ("/api/v1/audit?format=csv", None),
            ("/api/v1/users?format=csv", None),
        ];
        for (path, format) in known {
            assert_eq!(format_of(path), format, "{path}");
        }
    }

    #[test]
    fn a_file_is_there_whole_or_not_at_all_and_replaces_none() {
        let folder = tempfile::tempdir().unwrap();
        let files = || {
            let entries = fs::read_dir(folder.path()).unwrap();
            let mut names: Vec<_> = entries.map(|it| it.unwrap().file_name()).collect();
            names.sort();
            names
        };
        let mut broken_off = Part::new(folder.path(), ExportFormat::Csv).unwrap();
        broken_off.write(b"half").unwrap();
        assert_eq!(files(), ["agw-audit.csv.part"]);
        drop(broken_off);
        assert!(files().is_empty());
        for _ in 0..2 {
            let mut whole = Part::new(folder.path(), ExportFormat::Csv).unwrap();
            whole.write(b"seq\n1\n").unwrap();
            let place = whole.done().unwrap();
            assert_eq!(fs::read(place).unwrap(), b"seq\n1\n");
        }
        assert_eq!(files(), ["agw-audit-2.csv", "agw-audit.csv"]);
    }
}
