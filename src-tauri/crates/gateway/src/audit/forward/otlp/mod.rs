//! OpenTelemetry: calls as traces, and metrics, by OTLP over HTTP with
//! protobuf (OTLP 1.x, section "OTLP/HTTP").
//!
//! A collector says in its answer that it has taken what it was sent. What it
//! cannot take it may be rid of (`partial_success`): then it is not sent
//! again, and the admin sees how many there were.

mod metrics;
mod spans;

use std::{io, sync::Arc};

use agw_api::AuditRecord;
use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceResponse,
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value},
    resource::v1::Resource,
};
use prost::Message;

use super::{Progress, in_time};
use crate::{bounds, gateway::Gateway, outbound::HttpClient, upstream};

const PROTOBUF: HeaderValue = HeaderValue::from_static("application/x-protobuf");
/// Characters of what a collector says that are shown.
const SAID_MAX: usize = 200;

#[derive(Debug)]
pub(super) struct Otlp {
    gateway: Arc<Gateway>,
    http: HttpClient,
    base: String,
    /// Spans that the collector would not have, and why.
    rejected: Option<(i64, String)>,
}

impl Otlp {
    pub(super) fn new(gateway: Arc<Gateway>, http: HttpClient, base: String) -> Self {
        Self { gateway, http, base, rejected: None }
    }

    pub(super) fn note(&self) -> Option<String> {
        let (count, why) = self.rejected.as_ref()?;
        Some(format!("spans that {} would not have: {count} ({why})", self.base))
    }

    /// The calls that ended in these records. Returns once the collector has
    /// them.
    pub(super) async fn send(&mut self, records: &[AuditRecord]) -> Result<(), String> {
        let spans: Vec<_> = records.iter().filter_map(spans::span).collect();
        if spans.is_empty() {
            return Ok(());
        }
        let request = spans::request(resource(&self.gateway), spans);
        let answer = post(&self.http, &self.base, "/v1/traces", &request).await?;
        // What cannot be read says nothing, and 200 is a yes.
        let answer = ExportTraceServiceResponse::decode(answer).unwrap_or_default();
        if let Some(part) = answer.partial_success.filter(|part| part.rejected_spans > 0) {
            let before = self.rejected.as_ref().map_or(0, |(count, _)| *count);
            self.rejected = Some((before + part.rejected_spans, said(&part.error_message)));
        }
        Ok(())
    }
}

/// Reports metrics for as long as it runs.
pub(super) async fn report(gateway: &Gateway, http: &HttpClient, base: &str, progress: &Progress) {
    loop {
        let collected = crate::audit::metrics::collect(gateway);
        let request = metrics::request(resource(gateway), collected);
        let failure = post(http, base, "/v1/metrics", &request).await.err();
        if progress.reported(failure) {
            gateway.live.announce("audit");
        }
        tokio::time::sleep(bounds::METRICS_EVERY).await;
    }
}

/// Returns what was answered, if that was a yes.
async fn post(
    http: &HttpClient,
    base: &str,
    path: &str,
    message: &impl Message,
) -> Result<Bytes, String> {
    let url = format!("{base}{path}");
    let request = Request::post(&url)
        .header(header::CONTENT_TYPE, PROTOBUF)
        .header(header::USER_AGENT, concat!("agw/", env!("CARGO_PKG_VERSION")))
        .body(Full::new(Bytes::from(message.encode_to_vec())))
        .map_err(|e| e.to_string())?;
    let answer = in_time(bounds::FORWARD_PATIENCE, async {
        let response = http.request(request).await.map_err(cause)?;
        let status = response.status();
        let body = Limited::new(response.into_body(), bounds::FORWARD_ANSWER_MAX);
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        Ok((status, body))
    });
    match answer.await {
        Ok((StatusCode::OK, body)) => Ok(body),
        Ok((status, body)) => {
            let said = said(&String::from_utf8_lossy(&body));
            Err(format!("{url} answered {status}: {said}"))
        }
        Err(error) => Err(format!("cannot send to {url}: {error}")),
    }
}

fn cause(error: hyper_util::client::legacy::Error) -> io::Error {
    io::Error::other(upstream::root_cause(&error))
}

/// What somebody outside says, as far as it is shown.
fn said(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(SAID_MAX).collect()
}

fn resource(gateway: &Gateway) -> Resource {
    let attributes = vec![
        text("service.name", "agw"),
        text("service.version", env!("CARGO_PKG_VERSION")),
        text("service.instance.id", &gateway.installation),
    ];
    Resource { attributes, ..Resource::default() }
}

fn scope() -> Option<InstrumentationScope> {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    Some(InstrumentationScope { name: "agw".into(), version, ..InstrumentationScope::default() })
}

fn text(key: &str, value: &str) -> KeyValue {
    let value = Some(AnyValue { value: Some(Value::StringValue(value.to_owned())) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

/// Nanoseconds since 1970.
fn nanoseconds(milliseconds: i64) -> u64 {
    u64::try_from(milliseconds).unwrap_or(0).saturating_mul(1_000_000)
}
