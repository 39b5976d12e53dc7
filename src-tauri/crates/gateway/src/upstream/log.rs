//! What happened to a connection lately, for the person who has to find out
//! why it does not work: the last lines that its server wrote, and what the
//! gateway did with it.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use agw_api::{LogLine, LogSource};
use agw_vault::Secret;
use bytes::Bytes;

use crate::{audit::record::rfc3339, bounds, clock, pipeline};

/// Bounded in lines and in bytes per line; credentials are taken out. It
/// outlives changes of the connection's settings.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Lines>>);

#[derive(Debug, Default)]
struct Lines {
    /// How many there were in all.
    count: u64,
    server: VecDeque<Line>,
    /// Kept apart: a server that writes much must not push these out.
    gateway: VecDeque<Line>,
}

#[derive(Debug, Clone)]
struct Line {
    number: u64,
    at: i64,
    source: LogSource,
    text: String,
}

impl Log {
    /// A line of the server's.
    pub(super) fn push(&self, source: LogSource, line: &[u8], secrets: &[Secret]) {
        let safe = pipeline::without_secrets(Bytes::copy_from_slice(line), secrets);
        let cut = safe.get(..bounds::LOG_LINE_MAX).unwrap_or(&safe);
        self.keep(source, String::from_utf8_lossy(cut).trim_end().to_owned());
    }

    /// Something that the gateway did or noticed.
    pub(super) fn event(&self, mut text: String) {
        text.truncate(text.floor_char_boundary(bounds::LOG_LINE_MAX));
        self.keep(LogSource::Gateway, text);
    }

    fn keep(&self, source: LogSource, text: String) {
        let at = clock::now_ms();
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.count += 1;
        let number = lines.count;
        let (kept, most) = match source {
            LogSource::Gateway => (&mut lines.gateway, bounds::LOG_EVENTS),
            LogSource::Stderr | LogSource::Stdout => (&mut lines.server, bounds::LOG_LINES),
        };
        if kept.len() == most {
            kept.pop_front();
        }
        kept.push_back(Line { number, at, source, text });
    }

    /// Those after this number, oldest first.
    pub(crate) fn after(&self, number: u64) -> Vec<LogLine> {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all = lines.server.iter().chain(&lines.gateway);
        let mut wanted: Vec<Line> = all.filter(|line| line.number > number).cloned().collect();
        drop(lines);
        wanted.sort_by_key(|line| line.number);
        let shown = |Line { number, at, source, text }| {
            let at = rfc3339(at);
            LogLine { number, at, source, text }
        };
        wanted.into_iter().map(shown).collect()
    }

    /// What to add to "it never answered".
    pub(super) fn hint(&self) -> Option<String> {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let garbage = lines.server.iter().find(|line| line.source == LogSource::Stdout);
        let garbage = garbage.map(|line| format!("{}, which is no MCP message", line.quoted()));
        drop(lines);
        garbage.or_else(|| self.last())
    }

    /// The newest line of the server's that says anything, quoted.
    pub(super) fn last(&self) -> Option<String> {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.server.iter().rev().find(|line| !line.text.is_empty()).map(Line::quoted)
    }
}

impl Line {
    fn quoted(&self) -> String {
        let out = if self.source == LogSource::Stdout { "stdout" } else { "stderr" };
        format!("on {out} it wrote {:?}", self.text)
    }
}
