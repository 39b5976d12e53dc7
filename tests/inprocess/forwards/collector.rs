//! An OpenTelemetry collector, in the words of its own crate.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse as _, Response},
    routing::post,
};
use opentelemetry_proto::tonic::{
    collector::{
        metrics::v1::ExportMetricsServiceRequest,
        trace::v1::{
            ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
        },
    },
    common::v1::{KeyValue, any_value::Value},
    trace::v1::Span,
};
use prost::Message as _;
use tokio::{net::TcpListener, sync::watch};

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Manner {
    Takes,
    Status(u16),
    /// Takes all but so many.
    Rejects(i64),
    /// Not before it is told otherwise, and then 503.
    Never,
}

#[derive(Clone)]
pub(super) struct Collector {
    address: SocketAddr,
    inner: Arc<Inner>,
}

struct Inner {
    manner: watch::Sender<Manner>,
    taken: Mutex<Vec<(String, Bytes)>>,
}

impl Collector {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let manner = watch::Sender::new(Manner::Takes);
        let inner = Arc::new(Inner { manner, taken: Mutex::default() });
        let router = Router::new()
            .route("/prefix/v1/traces", post(take))
            .route("/prefix/v1/metrics", post(take))
            .with_state(Arc::clone(&inner));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, inner }
    }

    pub(super) fn target(&self) -> String {
        format!("http://{}/prefix", self.address)
    }

    pub(super) fn answer(&self, manner: Manner) {
        self.inner.manner.send_replace(manner);
    }

    /// Everything that was taken, as it came.
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.inner.taken.lock().unwrap().iter().flat_map(|(_, body)| body.to_vec()).collect()
    }

    fn of(&self, path: &str) -> Vec<Bytes> {
        let taken = self.inner.taken.lock().unwrap();
        let wanted = taken.iter().filter(|(known, _)| known.ends_with(path));
        wanted.map(|(_, body)| body.clone()).collect()
    }

    pub(super) fn traces(&self) -> Vec<ExportTraceServiceRequest> {
        let decode = |body| ExportTraceServiceRequest::decode(body).unwrap();
        self.of("/v1/traces").into_iter().map(decode).collect()
    }

    pub(super) fn metrics(&self) -> Vec<ExportMetricsServiceRequest> {
        let decode = |body| ExportMetricsServiceRequest::decode(body).unwrap();
        self.of("/v1/metrics").into_iter().map(decode).collect()
    }

    pub(super) fn spans(&self) -> Vec<Span> {
        let resources = self.traces().into_iter().flat_map(|request| request.resource_spans);
        let scopes = resources.flat_map(|resource| resource.scope_spans);
        scopes.flat_map(|scope| scope.spans).collect()
    }
}

async fn take(
    State(inner): State<Arc<Inner>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    assert_eq!(headers["content-type"], "application/x-protobuf");
    let manner = *inner.manner.borrow();
    let mut rejected_spans = 0;
    match manner {
        Manner::Takes => {}
        Manner::Rejects(count) if uri.path().ends_with("traces") => rejected_spans = count,
        Manner::Rejects(_) => {}
        Manner::Status(status) => {
            return (StatusCode::from_u16(status).unwrap(), "not\nnow").into_response();
        }
        Manner::Never => {
            let mut changed = inner.manner.subscribe();
            changed.wait_for(|manner| *manner != Manner::Never).await.unwrap();
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
    }
    inner.taken.lock().unwrap().push((uri.path().to_owned(), body));
    let part = ExportTracePartialSuccess { rejected_spans, error_message: "too old".into() };
    let partial_success = (rejected_spans > 0).then_some(part);
    let answer = ExportTraceServiceResponse { partial_success };
    ([("content-type", "application/x-protobuf")], answer.encode_to_vec()).into_response()
}

/// The text of an attribute.
pub(super) fn attribute<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a str> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text),
        other => panic!("{key} is {other:?}"),
    }
}
