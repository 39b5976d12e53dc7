//! What the trail is proven with: the public key and signed checkpoints.

use std::path::Path;

use agw_api::{AuditCheckpoint, AuditKey};
use serde::Serialize;

use crate::args::Replace;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{count, write_bytes};
use crate::part_file::PartFile;

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
