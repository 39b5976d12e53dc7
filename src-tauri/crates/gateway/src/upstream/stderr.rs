//! The last lines that a server wrote to stderr, for the person who has to
//! find out why it does not work.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use agw_vault::Secret;
use bytes::Bytes;

use crate::{bounds, pipeline};

/// What stands before a line of stdout that is no message.
pub(super) const GARBAGE: &[u8] = b"[stdout] ";

/// Bounded in lines and in bytes per line; credentials are taken out.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tail(Arc<Mutex<VecDeque<String>>>);

impl Tail {
    pub(super) fn push(&self, line: &[u8], secrets: &[Secret]) {
        let safe = pipeline::without_secrets(Bytes::copy_from_slice(line), secrets);
        let cut = safe.get(..bounds::STDERR_LINE_MAX).unwrap_or(&safe);
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == bounds::STDERR_LINES {
            lines.pop_front();
        }
        lines.push_back(String::from_utf8_lossy(cut).trim_end().to_owned());
    }

    /// Oldest first.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// What to add to "it never answered".
    pub(super) fn hint(&self) -> Option<String> {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let garbage = lines.iter().find(|line| line.as_bytes().starts_with(GARBAGE)).cloned();
        drop(lines);
        let garbage =
            garbage.map(|line| format!("on stdout it wrote {line:?}, which is no MCP message"));
        garbage.or_else(|| self.last().map(|line| format!("on stderr it wrote {line:?}")))
    }

    /// The newest line that says anything.
    pub(super) fn last(&self) -> Option<String> {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().rev().find(|line| !line.is_empty()).cloned()
    }
}
