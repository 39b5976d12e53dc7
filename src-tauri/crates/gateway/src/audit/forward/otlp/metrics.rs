//! Metrics in OTLP's form.

use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    common::v1::KeyValue,
    metrics::v1::{
        AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint,
        ResourceMetrics, ScopeMetrics, Sum, metric::Data, number_data_point::Value,
    },
    resource::v1::Resource,
};

use super::{nanoseconds, scope, text};
use crate::{
    audit::metrics::{self, Collected, Labels, Point},
    clock,
};

/// Since when it was counted, and now; nanoseconds since 1970.
type Times = (u64, u64);

pub(super) fn request(resource: Resource, all: Collected) -> ExportMetricsServiceRequest {
    let times = (nanoseconds(all.since), nanoseconds(clock::now_ms()));
    let metrics = all.metrics.into_iter().map(|known| metric(known, times)).collect();
    let scope_metrics = vec![ScopeMetrics { scope: scope(), metrics, ..ScopeMetrics::default() }];
    let all =
        ResourceMetrics { resource: Some(resource), scope_metrics, ..ResourceMetrics::default() };
    ExportMetricsServiceRequest { resource_metrics: vec![all] }
}

fn metric(metric: metrics::Metric, times: Times) -> Metric {
    let cumulative = AggregationTemporality::Cumulative.into();
    let data = match metric.data {
        metrics::Data::Sum(points) => Data::Sum(Sum {
            data_points: points.into_iter().map(|point| count(point, times)).collect(),
            aggregation_temporality: cumulative,
            is_monotonic: true,
        }),
        metrics::Data::Gauge(points) => Data::Gauge(Gauge {
            data_points: points.into_iter().map(|p| value(p, times)).collect(),
        }),
        metrics::Data::Histogram(histogram) => Data::Histogram(Histogram {
            data_points: vec![spread(&histogram, times)],
            aggregation_temporality: cumulative,
        }),
    };
    Metric {
        name: metric.name.into(),
        description: metric.help.into(),
        unit: metric.unit.into(),
        data: Some(data),
        ..Metric::default()
    }
}

fn count(Point { labels, value }: Point<u64>, (since, now): Times) -> NumberDataPoint {
    NumberDataPoint {
        attributes: attributes(labels),
        start_time_unix_nano: since,
        time_unix_nano: now,
        value: Some(Value::AsInt(i64::try_from(value).unwrap_or(i64::MAX))),
        ..NumberDataPoint::default()
    }
}

fn value(Point { labels, value }: Point<f64>, (_, now): Times) -> NumberDataPoint {
    NumberDataPoint {
        attributes: attributes(labels),
        time_unix_nano: now,
        value: Some(Value::AsDouble(value)),
        ..NumberDataPoint::default()
    }
}

fn spread(histogram: &metrics::Histogram, (since, now): Times) -> HistogramDataPoint {
    HistogramDataPoint {
        start_time_unix_nano: since,
        time_unix_nano: now,
        count: histogram.count(),
        sum: Some(histogram.sum),
        bucket_counts: histogram.counts.to_vec(),
        explicit_bounds: metrics::SECONDS.to_vec(),
        ..HistogramDataPoint::default()
    }
}

fn attributes(labels: Labels) -> Vec<KeyValue> {
    labels.into_iter().map(|(key, value)| text(key, &value)).collect()
}
