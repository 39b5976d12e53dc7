//! Server-sent events, as far as MCP uses them: the `data` of each event.

use bytes::{Bytes, BytesMut};

/// Cuts a stream of bytes into events.
#[derive(Debug, Default)]
pub(super) struct Events {
    buffer: BytesMut,
    data: Vec<u8>,
    has_data: bool,
}

impl Events {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Bytes held back because their event is not complete.
    pub(super) fn pending(&self) -> usize {
        self.buffer.len() + self.data.len()
    }

    /// The data of the next complete event that has any.
    pub(super) fn next(&mut self) -> Option<Bytes> {
        while let Some(end) = memchr::memchr(b'\n', &self.buffer) {
            let line = self.buffer.split_to(end + 1);
            let line = line.strip_suffix(b"\n").unwrap_or(&line);
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.is_empty() {
                let data = std::mem::take(&mut self.data);
                if std::mem::take(&mut self.has_data) {
                    return Some(data.into());
                }
            } else if let Some(value) = line.strip_prefix(b"data:") {
                if self.has_data {
                    self.data.push(b'\n');
                }
                self.data.extend_from_slice(value.strip_prefix(b" ").unwrap_or(value));
                self.has_data = true;
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_out_whole_however_they_are_cut() {
        let stream =
            b": hi\nevent: message\ndata: {\"a\":\ndata: 1}\r\n\r\nid: 7\n\ndata:x\n\ndata: late";
        for size in 1..stream.len() {
            let mut events = Events::default();
            let mut seen = Vec::new();
            for chunk in stream.chunks(size) {
                events.push(chunk);
                while let Some(data) = events.next() {
                    seen.push(data);
                }
            }
            assert_eq!(seen, ["{\"a\":\n1}", "x"], "chunks of {size}");
            assert!(events.pending() > 0);
        }
    }
}
