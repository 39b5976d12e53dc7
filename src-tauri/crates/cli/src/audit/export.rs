//! `agw audit export`: the trail, or a part of it, as a stream of any length.

use std::path::Path;

use agw_api::{ClientError, Download, RecordCounter, segment};
use serde::Serialize;
use tokio::signal;

use super::kept;
use super::list::period;
use crate::args::{AuditExport, Format, Since, written};
use crate::context::Context;
use crate::error::CliError;
use crate::output::{bytes, count, write_bytes};
use crate::part_file::PartFile;
use crate::progress::{self, Progress};

pub(super) async fn export(context: &Context<'_>, args: &AuditExport) -> Result<(), CliError> {
    if args.bodies && args.format != Format::Tlog {
        return Err(CliError::usage("--bodies goes with --format tlog", "Leave one of them out."));
    }
    let path = path(args)?;
    if args.out == Path::new("-") {
        let mut download = context.client.download(&path).await?;
        return copy(context, args, &mut download, write_bytes).await.map(drop);
    }
    let mut file = PartFile::new(&args.out, args.replace.force)?;
    let mut download = context.client.download(&path).await?;
    let copied = tokio::select! {
        copied = copy(context, args, &mut download, |bytes| file.write(bytes)) => copied?,
        _ = signal::ctrl_c() => return Err(CliError::failed(
            "interrupted",
            "the export was interrupted; nothing is left of it",
            "Run it again for all of it.",
        )),
    };
    file.done()?;
    let shown = Exported { file: &args.out, records: copied.records, bytes: copied.bytes };
    context.output.item(&shown, || {
        format!(
            "Exported {} to {} ({}).",
            count(copied.records, "record"),
            args.out.display(),
            bytes(copied.bytes)
        )
    })
}

#[derive(Serialize)]
struct Exported<'a> {
    file: &'a Path,
    records: u64,
    bytes: u64,
}

fn path(args: &AuditExport) -> Result<String, CliError> {
    let (since, from) = match &args.since {
        None => (None, String::new()),
        Some(Since::Time(time)) => (Some(*time), String::new()),
        Some(Since::Seq(seq)) => (None, format!("&since_seq={seq}")),
        Some(Since::Checkpoint(file)) => {
            let size = kept::size_of(file)?;
            let next = size.saturating_add(1);
            (None, format!("&since_seq={next}&checkpoint={size}"))
        }
    };
    let bodies = if args.bodies { "&bodies=true" } else { "" };
    Ok(format!(
        "/api/v1/audit/export?format={}{}{from}{bodies}{}",
        segment(&written(&args.format)),
        period(since, args.until),
        args.filter.query()
    ))
}

#[derive(Debug, Default)]
struct Copied {
    records: u64,
    bytes: u64,
}

async fn copy(
    context: &Context<'_>,
    args: &AuditExport,
    download: &mut Download,
    mut write: impl FnMut(&[u8]) -> Result<(), CliError>,
) -> Result<Copied, CliError> {
    // Of a selection it is not known how many there will be.
    let of = download.records().filter(|_| args.filter.is_empty());
    let mut progress = Progress::new(context.output);
    let mut counter = RecordCounter::new(args.format.into());
    let mut copied = Copied::default();
    while let Some(piece) = download.next().await.map_err(broken_off)? {
        write(&piece)?;
        counter.feed(&piece);
        copied.bytes = copied.bytes.saturating_add(piece.len() as u64);
        copied.records = counter.records();
        progress.show(|time| progress::records(copied.records, of, time));
    }
    Ok(copied)
}

fn broken_off(error: ClientError) -> CliError {
    match error {
        ClientError::Io { source, .. } => CliError::failed(
            "broken_off",
            format!("the export broke off before its end: {source}"),
            "See with `agw status` whether the gateway runs, then run it again.",
        ),
        other => other.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(line: &str) -> String {
        use clap::Parser as _;
        let line = format!("agw audit export --out x {line}");
        let cli = crate::args::Cli::try_parse_from(line.split_whitespace()).unwrap();
        let crate::args::Command::Audit(crate::args::AuditCommand::Export(args)) = cli.command
        else {
            panic!("not an export");
        };
        path(&args).unwrap().replace("/api/v1/audit/export?", "")
    }

    #[test]
    fn what_is_asked_for() {
        assert_eq!(query("--format jsonl"), "format=jsonl");
        assert_eq!(
            query("--format csv --since 2026-11-20 --until 2026-11-21 --user ana --decision deny"),
            "format=csv&since=2026-11-20T00%3A00%3A00Z&until=2026-11-21T00%3A00%3A00Z\
             &user=ana&decision=deny"
        );
        assert_eq!(
            query("--format tlog --since 7 --bodies --text a"),
            "format=tlog&since_seq=7&bodies=true&text=a"
        );
    }

    #[test]
    fn an_export_after_a_checkpoint() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("last.checkpoint");
        std::fs::write(&file, "agw/x\n41\nAAAA\n\n— agw/x AAAA\n").unwrap();
        let line = format!("--format tlog --since {}", file.display());
        assert_eq!(query(&line), "format=tlog&since_seq=42&checkpoint=41");
    }
}
