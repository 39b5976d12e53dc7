//! All metrics as they are now, in a form that both renderings share.

use super::Histogram;
use crate::{clock, gateway::Gateway};

/// A metric by OpenTelemetry's name and unit, from which Prometheus' name
/// follows: `agw.call.duration` in `s` is `agw_call_duration_seconds`.
#[derive(Debug)]
pub(crate) struct Metric {
    pub(crate) name: &'static str,
    /// A sentence without a full stop.
    pub(crate) help: &'static str,
    /// UCUM: `s`, or a word in braces.
    pub(crate) unit: &'static str,
    pub(crate) data: Data,
}

#[derive(Debug)]
pub(crate) enum Data {
    /// Counted since [`Collected::since`]; it never goes down.
    Sum(Vec<Point<u64>>),
    Gauge(Vec<Point<f64>>),
    Histogram(Histogram),
}

#[derive(Debug)]
pub(crate) struct Point<T> {
    pub(crate) labels: Labels,
    pub(crate) value: T,
}

pub(crate) type Labels = Vec<(&'static str, String)>;

#[derive(Debug)]
pub(crate) struct Collected {
    /// Milliseconds since 1970.
    pub(crate) since: i64,
    pub(crate) metrics: Vec<Metric>,
}

pub(crate) fn collect(gateway: &Gateway) -> Collected {
    let mut metrics = Vec::with_capacity(12);
    let mut since = gateway.started_at;
    if let Some(counters) = gateway.forwards.counters() {
        since = counters.since;
        let counted = counters.counted().clone();
        let calls = counted.calls.into_iter().map(|([decision, reason, face], value)| Point {
            labels: vec![("decision", decision), ("reason", reason), ("face", face)],
            value,
        });
        let mut add = |name, help, unit, data| metrics.push(Metric { name, help, unit, data });
        add("agw.calls", "Calls that have ended", "{call}", Data::Sum(calls.collect()));
        let durations = Data::Histogram(counted.durations);
        add("agw.call.duration", "From a call's arrival to its answer", "s", durations);
        let records = vec![Point { labels: Vec::new(), value: counted.records }];
        add("agw.audit.records", "Records of the audit trail", "{record}", Data::Sum(records));
    }
    gauges(gateway, &mut metrics);
    Collected { since, metrics }
}

fn gauges(gateway: &Gateway, metrics: &mut Vec<Metric>) {
    let writer = &gateway.writer;
    let mut gauge = |name, help, unit, points: Vec<(Labels, f64)>| {
        let points = points.into_iter().map(|(labels, value)| Point { labels, value }).collect();
        metrics.push(Metric { name, help, unit, data: Data::Gauge(points) });
    };
    let one = |value: f64| vec![(Vec::new(), value)];
    let now = clock::now_ms();
    let age = |at: i64| (now - at).max(0) as f64 / 1e3;
    gauge(
        "agw.audit.head",
        "Sequence number of the newest record",
        "{record}",
        one(writer.head() as f64),
    );
    let writable = f64::from(u8::from(writer.healthy()));
    gauge("agw.audit.writable", "Whether records can be written: 1 or 0", "1", one(writable));
    gauge(
        "agw.audit.queue",
        "Records in memory that are still to be written",
        "{record}",
        one(writer.owed() as f64),
    );
    let checkpoint = writer.checkpoints().borrow().as_ref().map(|signed| age(signed.at));
    gauge(
        "agw.checkpoint.age",
        "Since the newest checkpoint was signed",
        "s",
        checkpoint.map(one).unwrap_or_default(),
    );
    let witnesses = witnesses(gateway).into_iter();
    gauge(
        "agw.witness.age",
        "Since a witness took a checkpoint",
        "s",
        witnesses.map(|(kind, at)| (vec![("kind", kind.to_owned())], age(at))).collect(),
    );
    gauge(
        "agw.approvals.waiting",
        "Questions that wait for a person",
        "{approval}",
        one(gateway.approvals.pending(|_| true) as f64),
    );
    gauge(
        "agw.calls.under_way",
        "Calls that have not ended",
        "{call}",
        one(gateway.reservations.under_way() as f64),
    );
    let behind = gateway.forwards.behind(&gateway.live.snapshot.load(), writer.head());
    gauge(
        "agw.forward.behind",
        "Records that a receiver has yet to get",
        "{record}",
        behind.into_iter().map(|(name, count)| (vec![("name", name)], count as f64)).collect(),
    );
}

/// When each took its last one, in milliseconds since 1970.
fn witnesses(gateway: &Gateway) -> Vec<(&'static str, i64)> {
    let settings = &gateway.live.snapshot.load().audit;
    let shown = gateway.witnesses.shown();
    let of = |kind, place: &Option<String>| {
        let witness = shown.iter().find(|witness| Some(&witness.place) == place.as_ref())?;
        let at: jiff::Timestamp = witness.taken_at.as_ref()?.parse().ok()?;
        Some((kind, at.as_millisecond()))
    };
    let both = [("folder", &settings.witness_folder), ("url", &settings.witness_url)];
    both.into_iter().filter_map(|(kind, place)| of(kind, place)).collect()
}
