//! What the trail is proven with: the public key and signed checkpoints.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use agw_api::{AuditCheckpoint, AuditKey};
use serde::Serialize;

use crate::args::Replace;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{count, write_bytes};
use crate::part_file::PartFile;

/// The longest key, checkpoint or receipt.
const MAX_FILE: u64 = 64 * 1024;

/// Prints nothing but the key, so that it can be piped into a file.
pub(super) async fn key(context: &Context<'_>) -> Result<(), CliError> {
    let key: AuditKey = context.client.get("/api/v1/audit/key").await?;
    context.output.item(&key, || key.key.clone())
}

/// Prints nothing but the note, every byte of it as it was signed.
pub(super) async fn checkpoint(
    context: &Context<'_>,
    out: Option<&Path>,
    replace: Replace,
) -> Result<(), CliError> {
    #[derive(Serialize)]
    struct Written<'a> {
        file: &'a Path,
        size: u64,
        signed_at: &'a str,
    }

    let newest: AuditCheckpoint = context.client.get("/api/v1/audit/checkpoint").await?;
    let Some(out) = out else {
        if context.output.json() {
            return context.output.item(&newest, String::new);
        }
        return write_bytes(newest.note.as_bytes());
    };
    let mut file = PartFile::new(out, replace.force)?;
    file.write(newest.note.as_bytes())?;
    file.done()?;
    let shown = Written { file: out, size: newest.size, signed_at: &newest.signed_at };
    context.output.item(&shown, || {
        format!(
            "Wrote the checkpoint of {} to {}. Keep it where the gateway cannot write.",
            count(newest.size, "record"),
            out.display()
        )
    })
}

/// How many records the checkpoint in a file covers. Nothing is proven yet.
pub(super) fn note_size(file: &Path) -> Result<u64, CliError> {
    let note = small_text(file)?;
    let size = note.lines().nth(1).filter(|line| line.bytes().all(|byte| byte.is_ascii_digit()));
    size.and_then(|line| line.parse().ok()).ok_or_else(|| {
        CliError::usage(
            format!("{} is no checkpoint", file.display()),
            "Take a file that `agw audit checkpoint --out FILE` wrote.",
        )
    })
}

/// The content of a file that cannot be long.
pub(super) fn small_text(file: &Path) -> Result<String, CliError> {
    let failed = |error| {
        CliError::io(&format!("cannot read {}", file.display()), &error, "Check the path.")
            .into_usage()
    };
    let mut text = String::new();
    let read = File::open(file)
        .and_then(|open| open.take(MAX_FILE + 1).read_to_string(&mut text))
        .map_err(failed)?;
    if read as u64 > MAX_FILE {
        return Err(failed(std::io::Error::other(format!("longer than {MAX_FILE} bytes"))));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_a_checkpoint() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("note");
        let size = |text: &str| {
            std::fs::write(&file, text).unwrap();
            note_size(&file)
        };
        assert_eq!(size("agw/x\n41\nAAAA\n\n\u{2014} agw/x AAAA\n").unwrap(), 41);
        for bad in ["", "agw/x\n", "agw/x\n+1\nAAAA\n", "agw/x\n\nAAAA\n", &"x".repeat(70_000)] {
            assert!(matches!(size(bad), Err(CliError::Usage(_))), "{bad}");
        }
        assert!(matches!(note_size(Path::new("/nowhere")), Err(CliError::Usage(_))));
    }
}
