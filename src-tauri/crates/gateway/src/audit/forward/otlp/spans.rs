//! A call as a span. It has names and codes, never arguments or what was
//! answered.

use agw_api::AuditRecord;
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::KeyValue,
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span::SpanKind, status::StatusCode},
};

use super::{nanoseconds, scope, text};
use crate::audit::CallId;

pub(super) fn request(resource: Resource, spans: Vec<Span>) -> ExportTraceServiceRequest {
    let scope_spans = vec![ScopeSpans { scope: scope(), spans, ..ScopeSpans::default() }];
    let all = ResourceSpans { resource: Some(resource), scope_spans, ..ResourceSpans::default() };
    ExportTraceServiceRequest { resource_spans: vec![all] }
}

/// Of the record that a call ended with; of others there is none.
pub(super) fn span(record: &AuditRecord) -> Option<Span> {
    if record.kind != "outcome" {
        return None;
    }
    // A ULID, which is as long as a trace's id; its end is random.
    let trace_id = CallId::parse(record.call_id.as_deref()?)?.to_bytes();
    let (_, span_id) = trace_id.split_last_chunk::<8>()?;
    let time: jiff::Timestamp = record.time.parse().ok()?;
    let end = nanoseconds(time.as_millisecond());
    // A float holds it exactly: it is microseconds, and few.
    let spent = (record.duration_ms.unwrap_or(0.0) * 1e6).round() as u64;
    Some(Span {
        trace_id: trace_id.to_vec(),
        span_id: span_id.to_vec(),
        name: record.tool.clone().unwrap_or_else(|| "unread".into()),
        kind: SpanKind::Server.into(),
        start_time_unix_nano: end.saturating_sub(spent),
        end_time_unix_nano: end,
        attributes: attributes(record),
        status: Some(status(record)),
        ..Span::default()
    })
}

fn status(record: &AuditRecord) -> Status {
    let code = match record.status.as_deref() {
        Some("ok") => return Status { code: StatusCode::Ok.into(), ..Status::default() },
        _ => StatusCode::Error,
    };
    Status { code: code.into(), message: record.reason.clone().unwrap_or_default() }
}

/// Ours, and those of OpenTelemetry's conventions for tools and for MCP.
fn attributes(record: &AuditRecord) -> Vec<KeyValue> {
    let mcp = record.face.as_deref() == Some("mcp");
    let failure = match record.status.as_deref() {
        Some("ok") => None,
        Some("tool_error") => Some("tool_error"),
        _ => record.reason.as_deref(),
    };
    let all = [
        ("agw.call_id", record.call_id.as_deref()),
        ("agw.user", record.user.as_deref()),
        ("agw.agent", record.agent.as_deref()),
        ("agw.tool", record.tool.as_deref()),
        ("agw.decision", record.decision.as_deref()),
        ("agw.reason", record.reason.as_deref()),
        ("agw.status", record.status.as_deref()),
        ("agw.effect", record.effect.as_deref()),
        ("agw.face", record.face.as_deref()),
        ("gen_ai.operation.name", Some("execute_tool")),
        ("gen_ai.tool.name", record.tool.as_deref()),
        ("mcp.method.name", mcp.then_some("tools/call")),
        ("error.type", failure),
    ];
    all.into_iter().filter_map(|(key, value)| Some(text(key, value?))).collect()
}
