//! Prometheus' text format, version 0.0.4.

use std::fmt::{Display, Write as _};

use super::{Collected, Data, Histogram, Labels, Metric, SECONDS};

pub(crate) const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(crate) fn text(collected: &Collected) -> String {
    let mut out = String::with_capacity(8 << 10);
    for metric in &collected.metrics {
        write(&mut out, metric);
    }
    out
}

fn write(out: &mut String, metric: &Metric) {
    let (kind, total) = match metric.data {
        Data::Sum(_) => ("counter", "_total"),
        Data::Gauge(_) => ("gauge", ""),
        Data::Histogram(_) => ("histogram", ""),
    };
    let unit = if metric.unit == "s" { "_seconds" } else { "" };
    let name = format!("{}{unit}{total}", metric.name.replace('.', "_"));
    // Writing to a String cannot fail, here and below.
    let _ = writeln!(out, "# HELP {name} {}\n# TYPE {name} {kind}", metric.help);
    match &metric.data {
        Data::Sum(points) => {
            points.iter().for_each(|point| line(out, &name, &point.labels, point.value));
        }
        Data::Gauge(points) => {
            points.iter().for_each(|point| line(out, &name, &point.labels, point.value));
        }
        Data::Histogram(histogram) => buckets(out, &name, histogram),
    }
}

/// Each bucket has what is in those before it, too.
fn buckets(out: &mut String, name: &str, histogram: &Histogram) {
    let bounds = SECONDS.iter().map(f64::to_string).chain(["+Inf".to_owned()]);
    let mut sum = 0;
    for (bound, count) in bounds.zip(histogram.counts) {
        sum += count;
        line(out, &format!("{name}_bucket"), &vec![("le", bound)], sum);
    }
    line(out, &format!("{name}_sum"), &Labels::new(), histogram.sum);
    line(out, &format!("{name}_count"), &Labels::new(), sum);
}

fn line(out: &mut String, name: &str, labels: &Labels, value: impl Display) {
    out.push_str(name);
    for (at, (key, label)) in labels.iter().enumerate() {
        let begin = if at == 0 { '{' } else { ',' };
        let _ = write!(out, "{begin}{key}=\"{}\"", escaped(label));
    }
    if !labels.is_empty() {
        out.push('}');
    }
    let _ = writeln!(out, " {value}");
}

fn escaped(label: &str) -> String {
    label.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n")
}

#[cfg(test)]
mod tests {
    use super::{super::Point, *};

    #[test]
    fn it_is_as_prometheus_reads_it() {
        let mut durations = Histogram::default();
        durations.add(0.002);
        durations.add(0.004);
        durations.add(100.0);
        let metric = |name, unit, data| Metric { name, help: "Help", unit, data };
        let labels = |label: &str| vec![("a", label.to_owned())];
        let metrics = vec![
            metric("agw.calls", "{call}", Data::Sum(vec![Point { labels: labels("x"), value: 7 }])),
            metric(
                "agw.age",
                "s",
                Data::Gauge(vec![Point { labels: labels("\"\\\n"), value: 0.5 }]),
            ),
            metric("agw.none", "s", Data::Gauge(Vec::new())),
            metric("agw.call.duration", "s", Data::Histogram(durations)),
        ];
        let text = text(&Collected { since: 0, metrics });
        for expected in [
            "# HELP agw_calls_total Help\n# TYPE agw_calls_total counter\nagw_calls_total{a=\"x\"} 7\n",
            "# TYPE agw_age_seconds gauge\nagw_age_seconds{a=\"\\\"\\\\\\n\"} 0.5\n",
            "# TYPE agw_call_duration_seconds histogram\nagw_call_duration_seconds_bucket{le=\"0.001\"} 0\n",
            "_bucket{le=\"0.0025\"} 1\nagw_call_duration_seconds_bucket{le=\"0.005\"} 2\n",
            "_bucket{le=\"1\"} 2\n",
            "_bucket{le=\"60\"} 2\nagw_call_duration_seconds_bucket{le=\"+Inf\"} 3\nagw_call_duration_seconds_sum 100.006\nagw_call_duration_seconds_count 3\n",
        ] {
            assert!(text.contains(expected), "{expected} in\n{text}");
        }
    }
}
