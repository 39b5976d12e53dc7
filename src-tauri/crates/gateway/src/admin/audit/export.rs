//! The trail as a file.

use std::sync::Arc;

use agw_api::{Role, codes};
use agw_core::log::{GROUP, Tree};
use axum::{
    body::Body,
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use futures_util::stream;
use rusqlite::Connection;
use serde::Deserialize;
use tokio::sync::mpsc;

use crate::{
    admin::{AdminError, Signed},
    audit::{
        Kind, Record,
        checkpoint::Signed as Checkpoint,
        export::{Export, Format, PIECES, Piece},
        key, ledger,
        search::{self, Filter, Sought},
    },
    clock,
    gateway::Gateway,
    store::{self, StoreError, writer::Safety},
};

const RECORDS: HeaderName = HeaderName::from_static("agw-export-records");

/// How often it is tried to export what does not change meanwhile.
const ATTEMPTS: usize = 5;

/// With a proof, or else the newest record.
pub(super) type UpTo = Result<(Checkpoint, Tree), u64>;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Ask {
    /// `jsonl`, `csv` or `tlog`.
    #[param(inline)]
    format: Format,
    /// The first record, by its sequence number.
    since_seq: Option<u64>,
    /// With `tlog`: the size of a checkpoint that the file shall be compared
    /// with.
    checkpoint: Option<u64>,
    /// With `tlog`: also the sealed bodies.
    #[serde(default)]
    bodies: bool,
}

impl Ask {
    pub(super) fn whole(format: Format) -> Self {
        Self { format, since_seq: None, checkpoint: None, bodies: false }
    }
}

/// The trail as a file, oldest record first. Filters are those of the list.
/// The header `Agw-Export-Records` has the number of records that are looked
/// through. What breaks off in the middle is not whole.
#[utoipa::path(
    get, path = "/api/v1/audit/export", operation_id = "export_audit", tag = "audit",
    params(Ask, Filter),
    responses(
        (status = 200, content_type = "application/octet-stream", body = Vec<u8>),
        (status = 403, body = agw_api::ErrorBody),
        (status = 422, body = agw_api::ErrorBody)
    )
)]
pub(super) async fn export(
    State(gateway): State<Arc<Gateway>>,
    signed: Signed,
    ask: Result<Query<Ask>, QueryRejection>,
    filter: Result<Query<Filter>, QueryRejection>,
) -> Result<Response, AdminError> {
    let (Query(ask), Query(mut filter)) = (ask?, filter?);
    filter.only = (signed.role == Role::Member).then_some(signed.user);
    if filter.only.is_some() && ask.format == Format::Tlog {
        let message = "a member's own records alone prove nothing about the whole trail";
        return Err(AdminError::new(codes::FORBIDDEN, message, "export them as jsonl or csv"));
    }
    let (db, up_to) = match ask.format {
        Format::Tlog => proof(&gateway).await?,
        _ => {
            // What was owed a moment ago belongs to it, if it can be written.
            let _ = gateway.writer.flush().await;
            let (db, head) = read_as_it_is(&gateway).await?;
            (db, Err(head))
        }
    };
    let (export, count) = plan(&gateway, &ask, filter, up_to).await?;
    let mut record = Record::new(Kind::Config, clock::now_ms());
    record.status = Some("exported");
    record.user = Some(signed.user);
    let (first, last, form) = (export.first, export.last, extension(ask.format));
    record.detail = Some(format!("records {first} to {last} as {form}"));
    gateway.writer.record(record, Safety::Synced).await?;
    let (pieces, sent) = mpsc::channel::<Piece>(PIECES);
    tokio::task::spawn_blocking(move || export.run(db, pieces));
    let pieces = stream::unfold(sent, |mut sent| async { Some((sent.recv().await?, sent)) });
    let kind = match ask.format {
        Format::Jsonl => "application/jsonl",
        Format::Csv => "text/csv; charset=utf-8",
        Format::Tlog => "text/plain; charset=utf-8",
    };
    let name = format!("attachment; filename=\"agw-audit.{}\"", extension(ask.format));
    let mut response = Body::from_stream(pieces).into_response();
    let headers = response.headers_mut();
    headers.insert(RECORDS, HeaderValue::from(count));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.extend(name.parse().ok().map(|name| (header::CONTENT_DISPOSITION, name)));
    Ok(response)
}

fn extension(format: Format) -> &'static str {
    match format {
        Format::Jsonl => "jsonl",
        Format::Csv => "csv",
        Format::Tlog => "tlog",
    }
}

/// The newest checkpoint with the tree that it is of, and the trail of that
/// moment: what is erased while it is exported would be missing in it, and
/// the record that says so comes after the checkpoint.
pub(super) async fn proof(gateway: &Gateway) -> Result<(Connection, UpTo), AdminError> {
    for _ in 0..ATTEMPTS {
        let signed = gateway.writer.checkpoint().await.ok_or_else(super::unsigned)?;
        let (db, _) = read_as_it_is(gateway).await?;
        let sql = "SELECT count(*) FROM audit WHERE seq > ?1
            AND (record ->> 'removed' IS NOT NULL OR record ->> 'below' IS NOT NULL)";
        let removed: u64 = db.query_row(sql, [signed.size], |row| row.get(0))?;
        if removed == 0 {
            return Ok((db, Ok((signed, gateway.writer.tree()))));
        }
    }
    let message = "records are being removed from the trail at the moment";
    Err(AdminError::new(codes::AUDIT_UNAVAILABLE, message, "export it again in a minute"))
}

/// A connection that goes on seeing the trail as it is now, and the newest
/// record.
async fn read_as_it_is(gateway: &Gateway) -> Result<(Connection, u64), AdminError> {
    let data_dir = gateway.data_dir.clone();
    let open = move || {
        let db = store::reader(&data_dir)?;
        db.execute_batch("BEGIN")?;
        // The moment is that of the first reading.
        let head = db.query_row("SELECT max(seq) FROM audit", [], |row| row.get(0))?;
        Ok::<_, StoreError>((db, head))
    };
    let opened = tokio::task::spawn_blocking(open).await;
    Ok(opened.map_err(|e| AdminError::internal(e.to_string()))??)
}

/// And how many records are looked through.
pub(super) async fn plan(
    gateway: &Gateway,
    ask: &Ask,
    filter: Filter,
    up_to: UpTo,
) -> Result<(Export, u64), AdminError> {
    let snapshot = gateway.live.snapshot.load_full();
    let only = filter.only;
    let sought = Sought::new(&snapshot, &filter).map_err(AdminError::invalid)?;
    let (since, until) = (sought.since, sought.until);
    // By time alone, the range is what is exported: of its proof nothing is
    // left out. Within its groups what is of another time comes along.
    let tlog = up_to.is_ok();
    let ranged = sought.any_shape() && (tlog || (since.is_none() && until.is_none()));
    let head = up_to.as_ref().map_or_else(|head| *head, |(signed, _)| signed.size);
    let (oldest, from, to) = gateway
        .reader
        .run(move |db| {
            let from = since.map(|time| search::first_since(db, time)).transpose()?;
            let to = until.map(|time| search::last_until(db, time)).transpose()?;
            Ok((ledger::first(db)?, from, to))
        })
        .await?;
    // Its root takes hashes of records that are gone, unless it is between groups.
    let gone = |size: &u64| *size < oldest && !size.is_multiple_of(GROUP);
    if let Some(size) = ask.checkpoint.filter(gone) {
        let message = format!(
            "records before {oldest} were removed: nothing can be compared with a checkpoint of {size}"
        );
        return Err(AdminError::invalid(message));
    }
    let asked = from.into_iter().chain(ask.since_seq).max().unwrap_or(1).max(1);
    let last = to.unwrap_or(head).min(head);
    // What was removed is told of by a record that comes later: a file up to
    // the newest one has it, and does not hold if nothing tells.
    let proven = tlog && last == head;
    let first = if proven { asked } else { asked.max(oldest) }.min(head + 1);
    let last = last.max(first - 1);
    let count = (last + 1).saturating_sub(first.max(oldest));
    let export = Export {
        format: ask.format,
        first,
        last,
        sought: (!ranged).then_some(sought),
        snapshot,
        only,
        bodies: ask.bodies,
        proof: up_to.ok(),
        boundary: ask.checkpoint,
        origin: key::origin(&gateway.installation),
    };
    Ok((export, count))
}
