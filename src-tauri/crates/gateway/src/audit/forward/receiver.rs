//! The kinds of receivers, as one.

use std::{io, sync::Arc};

use agw_api::AuditRecord;

use super::{
    datagrams::{Datagrams, Place},
    file::Lines,
    otlp::Otlp,
    stream::Stream,
    syslog::Origin,
    target::{Framing, Target},
};
use crate::{
    gateway::Gateway,
    outbound::{Dialer, HttpClient},
};

#[derive(Debug)]
pub(super) enum Receiver {
    File(Lines),
    /// JSON lines.
    Lines(Stream),
    /// Syslog with octet counting.
    Octets(Stream, Origin),
    Datagrams(Datagrams),
    Otlp(Otlp),
}

impl Receiver {
    pub(super) fn at(
        target: &Target,
        gateway: &Arc<Gateway>,
        dialer: Dialer,
        http: &HttpClient,
    ) -> Self {
        match target.clone() {
            Target::File(path) => Self::File(Lines::new(path)),
            Target::Tcp(peer, Framing::Lines) => Self::Lines(Stream::new(peer, dialer)),
            Target::Tcp(peer, Framing::Octets) => {
                Self::Octets(Stream::new(peer, dialer), Origin::here())
            }
            Target::Udp(peer) => Self::Datagrams(Datagrams::to(Place::Udp(peer), dialer)),
            #[cfg(unix)]
            Target::Unix(path) => Self::Datagrams(Datagrams::to(Place::Unix(path), dialer)),
            Target::Otlp(base) => Self::Otlp(Otlp::new(Arc::clone(gateway), http.clone(), base)),
        }
    }

    /// Sends records, the oldest first. They count as taken only after
    /// [`confirm`](Self::confirm); after an error, none since the last one do.
    /// What is dropped in the middle must be [`reset`](Self::reset).
    pub(super) async fn send(&mut self, records: &[AuditRecord]) -> Result<(), String> {
        let unwritten = |e: io::Error| e.to_string();
        match self {
            Self::File(file) => file.send(lines(records).map_err(unwritten)?).await,
            Self::Lines(stream) => stream.send(&lines(records).map_err(unwritten)?).await,
            Self::Octets(stream, origin) => {
                stream.send(&messages(origin, records).map_err(unwritten)?).await
            }
            Self::Datagrams(datagrams) => datagrams.send(records).await,
            Self::Otlp(otlp) => otlp.send(records).await,
        }
    }

    /// Returns once the receiver has what was sent, as far as its protocol
    /// lets that be known.
    pub(super) async fn confirm(&mut self) -> Result<(), String> {
        match self {
            Self::Lines(stream) | Self::Octets(stream, _) => stream.confirm().await,
            Self::Datagrams(datagrams) => datagrams.confirm().await,
            // These confirm each batch.
            Self::File(_) | Self::Otlp(_) => Ok(()),
        }
    }

    /// Begins anew.
    pub(super) fn reset(&mut self) {
        match self {
            Self::Lines(stream) | Self::Octets(stream, _) => stream.reset(),
            Self::Datagrams(datagrams) => datagrams.reset(),
            Self::File(_) | Self::Otlp(_) => {}
        }
    }

    /// What it did not get as it should have.
    pub(super) fn note(&self) -> Option<String> {
        match self {
            Self::Datagrams(datagrams) => datagrams.note(),
            Self::Otlp(otlp) => otlp.note(),
            _ => None,
        }
    }
}

fn lines(records: &[AuditRecord]) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    for record in records {
        serde_json::to_writer(&mut out, record)?;
        out.push(b'\n');
    }
    Ok(out)
}

/// RFC 6587, section 3.4.1: each with its length in bytes before it.
fn messages(origin: &Origin, records: &[AuditRecord]) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    for record in records {
        let message = origin.message(record)?;
        out.extend_from_slice(format!("{} {message}", message.len()).as_bytes());
    }
    Ok(out)
}
