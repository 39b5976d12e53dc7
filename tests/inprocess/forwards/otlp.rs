//! Calls as spans, and metrics, at a collector.

use std::collections::BTreeMap;

use agw_api::AuditRecord;
use opentelemetry_proto::tonic::{
    metrics::v1::{AggregationTemporality, Metric, metric::Data, number_data_point::Value},
    trace::v1::{Span, span::SpanKind, status::StatusCode},
};
use serde_json::json;

use super::{
    super::scene::{Scene, tools_call},
    SOON, add, calls, caught_up,
    collector::{Collector, Manner, attribute},
    error, forward,
};
use crate::support::{eventually, upstream};

/// The 16 bytes of a ULID, which is 26 digits of base 32 (Crockford's).
fn ulid(text: &str) -> Vec<u8> {
    const DIGITS: &str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let value = text
        .chars()
        .fold(0_u128, |value, digit| (value << 5) | DIGITS.find(digit).unwrap() as u128);
    value.to_be_bytes().to_vec()
}

fn nanoseconds(time: &str) -> u64 {
    let at = time::parse(time);
    at * 1_000_000
}

/// RFC 3339 with milliseconds, without a library.
mod time {
    pub(super) fn parse(text: &str) -> u64 {
        let number = |from: usize, to: usize| text[from..to].parse::<i64>().unwrap();
        let (year, month, day) = (number(0, 4), number(5, 7), number(8, 10));
        // Days since 1970 (Howard Hinnant, days_from_civil).
        let year = if month <= 2 { year - 1 } else { year };
        let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
        let seconds = number(11, 13) * 3_600 + number(14, 16) * 60 + number(17, 19);
        ((days * 86_400 + seconds) * 1_000 + number(20, 23)) as u64
    }
}

async fn outcomes(scene: &Scene) -> Vec<AuditRecord> {
    let mut records = scene.gateway.audit().await;
    records.reverse();
    records.into_iter().filter(|record| record.kind == "outcome").collect()
}

fn assert_tells(span: &Span, record: &AuditRecord) {
    let call = record.call_id.as_deref().unwrap();
    assert_eq!(span.trace_id, ulid(call), "{record:?}");
    assert_eq!((span.span_id.len(), span.parent_span_id.len()), (8, 0));
    assert!(span.span_id.iter().any(|byte| *byte != 0));
    assert_eq!(span.kind(), SpanKind::Server);
    assert_eq!(span.name, record.tool.as_deref().unwrap_or("unread"));
    assert_eq!(span.end_time_unix_nano, nanoseconds(&record.time));
    let spent = (span.end_time_unix_nano - span.start_time_unix_nano) as f64 / 1e6;
    assert!((spent - record.duration_ms.unwrap()).abs() < 0.001, "{spent} of {record:?}");
    let well = record.status.as_deref() == Some("ok");
    let status = span.status.as_ref().unwrap();
    assert_eq!(status.code(), if well { StatusCode::Ok } else { StatusCode::Error });
    let get = |key: &str| attribute(&span.attributes, key);
    for (key, expected) in [
        ("agw.call_id", Some(call)),
        ("agw.user", record.user.as_deref()),
        ("agw.agent", record.agent.as_deref()),
        ("agw.tool", record.tool.as_deref()),
        ("agw.decision", record.decision.as_deref()),
        ("agw.reason", record.reason.as_deref()),
        ("agw.status", record.status.as_deref()),
        ("agw.effect", record.effect.as_deref()),
        ("agw.face", record.face.as_deref()),
        ("gen_ai.tool.name", record.tool.as_deref()),
        ("gen_ai.operation.name", Some("execute_tool")),
        ("mcp.method.name", (record.face.as_deref() == Some("mcp")).then_some("tools/call")),
    ] {
        assert_eq!(get(key), expected, "{key} of {record:?}");
    }
    assert_eq!(get("error.type").is_none(), well, "{record:?}");
}

#[tokio::test]
async fn every_call_is_a_span_and_nothing_else_is() {
    let (scene, collector) = (Scene::start().await, Collector::start().await);
    calls(&scene, 5).await;
    assert_eq!(scene.gateway.rest_call(&scene.token, "fix.other", json!({})).await.0, 403);
    assert_eq!(scene.mcp(tools_call("fix__echo", json!({"a": 1}))).await.status, 200);
    // Of no tool: it cannot be read.
    assert_eq!(scene.rest("{").await.status, 422);
    let failed = json!({"jsonrpc": "2.0", "id": "$ID", "result": {"isError": true, "content": []}});
    let failed = failed.to_string().replace("\"$ID\"", "$ID");
    scene.upstream.behave(upstream::Manner::Body(failed));
    assert_eq!(scene.gateway.rest_call(&scene.token, "fix.echo", json!({})).await.0, 502);
    add(&scene.gateway, "otel", "otlp", &collector.target()).await;
    caught_up(&scene.gateway, "otel").await;

    let expected = outcomes(&scene).await;
    let statuses: Vec<_> = expected.iter().filter_map(|r| r.status.as_deref()).collect();
    for status in ["ok", "denied", "tool_error"] {
        assert!(statuses.contains(&status), "{statuses:?}");
    }
    let spans = collector.spans();
    assert_eq!(spans.len(), expected.len());
    for (span, record) in spans.iter().zip(&expected) {
        assert_tells(span, record);
    }
    for request in collector.traces() {
        let resource = request.resource_spans[0].resource.as_ref().unwrap();
        assert_eq!(attribute(&resource.attributes, "service.name"), Some("agw"));
        assert!(attribute(&resource.attributes, "service.instance.id").is_some());
    }
    scene.gateway.stop().await;
}

#[tokio::test]
async fn a_collector_that_refuses_gets_them_later_and_once() {
    let (scene, collector) = (Scene::start().await, Collector::start().await);
    collector.answer(Manner::Status(400));
    add(&scene.gateway, "otel", "otlp", &collector.target()).await;
    calls(&scene, 10).await;
    let problem = error(&scene.gateway, "otel").await;
    assert!(problem.contains("400") && problem.contains("notnow"), "{problem}");
    assert!(!problem.contains('\n'));
    assert_eq!(collector.spans().len(), 0);
    collector.answer(Manner::Takes);
    // Metrics are reported again only after 15 s.
    let head = scene.gateway.audit().await[0].seq;
    let sent = async || forward(&scene.gateway, "otel").await.sent >= head;
    eventually("all are sent", SOON, sent).await;
    assert_eq!(collector.spans().len(), outcomes(&scene).await.len());
    scene.gateway.stop().await;
}

#[tokio::test]
async fn what_a_collector_will_not_have_is_shown() {
    let (scene, collector) = (Scene::start().await, Collector::start().await);
    collector.answer(Manner::Rejects(2));
    calls(&scene, 3).await;
    add(&scene.gateway, "otel", "otlp", &collector.target()).await;
    let problem = error(&scene.gateway, "otel").await;
    assert!(problem.contains("would not have: 2 (too old)"), "{problem}");
    // It said so, and is not asked again.
    let sent = forward(&scene.gateway, "otel").await;
    assert!(sent.sent > 0, "{sent:?}");
    assert_eq!(collector.traces().len(), 1);
    scene.gateway.stop().await;
}

fn named(metrics: &[Metric]) -> BTreeMap<&str, &Data> {
    metrics.iter().map(|metric| (&*metric.name, metric.data.as_ref().unwrap())).collect()
}

#[tokio::test]
async fn metrics_are_reported_as_cumulative_sums() {
    let (scene, collector) = (Scene::start().await, Collector::start().await);
    add(&scene.gateway, "otel", "otlp", &collector.target()).await;
    eventually("a report", SOON, async || !collector.metrics().is_empty()).await;
    calls(&scene, 7).await;
    assert_eq!(scene.gateway.rest_call(&scene.token, "fix.other", json!({})).await.0, 403);
    let reported = collector.metrics().len();
    eventually("one more", SOON, async || collector.metrics().len() > reported).await;

    let last = collector.metrics().pop().unwrap();
    let scope = &last.resource_metrics[0].scope_metrics[0];
    let metrics = named(&scope.metrics);
    let Data::Sum(sum) = metrics["agw.calls"] else { panic!("{metrics:?}") };
    assert!(sum.is_monotonic);
    assert_eq!(sum.aggregation_temporality(), AggregationTemporality::Cumulative);
    let counts: BTreeMap<_, _> = sum
        .data_points
        .iter()
        .map(|point| {
            assert!(point.start_time_unix_nano > 0);
            assert!(point.start_time_unix_nano < point.time_unix_nano);
            let get = |key| attribute(&point.attributes, key).unwrap();
            (["decision", "reason", "face"].map(get), point.value)
        })
        .collect();
    let expected = BTreeMap::from([
        (["allow", "granted", "rest"], Some(Value::AsInt(7))),
        (["deny", "not_granted", "rest"], Some(Value::AsInt(1))),
    ]);
    assert_eq!(counts, expected);
    let Data::Histogram(durations) = metrics["agw.call.duration"] else { panic!("{metrics:?}") };
    assert_eq!(durations.aggregation_temporality(), AggregationTemporality::Cumulative);
    let point = &durations.data_points[0];
    assert_eq!((point.count, point.bucket_counts.iter().sum::<u64>()), (8, 8));
    assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1);
    let spent: f64 = outcomes(&scene).await.iter().filter_map(|record| record.duration_ms).sum();
    assert!((point.sum.unwrap() * 1e3 - spent).abs() < 0.1, "{point:?}");
    let Data::Gauge(head) = metrics["agw.audit.head"] else { panic!("{metrics:?}") };
    assert!(matches!(head.data_points[0].value, Some(Value::AsDouble(head)) if head > 16.0));
    scene.gateway.stop().await;
}
