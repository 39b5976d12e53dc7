//! Server-sent events, as far as MCP uses them: the `data` of each event, and
//! whether it is the `endpoint` event of the transport of 2024-11-05.

use bytes::{Buf as _, Bytes, BytesMut};

/// Longest id of an event that is remembered, in bytes.
const ID_MAX: usize = 256;
/// The byte order mark that a stream may begin with.
const BOM: &[u8] = "\u{feff}".as_bytes();

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) endpoint: bool,
    pub(crate) data: Bytes,
}

/// Cuts a stream of bytes into events (WHATWG HTML, 9.2.6). Lines end with
/// CR, LF or both.
#[derive(Debug, Default)]
pub(crate) struct Events {
    buffer: BytesMut,
    /// How much of the buffer has no end of a line in it.
    scanned: usize,
    /// The line before ended with CR: an LF right after it belongs to it.
    after_cr: bool,
    begun: bool,
    endpoint: bool,
    data: Vec<u8>,
    has_data: bool,
    last: Option<String>,
    retry: Option<u64>,
}

impl Events {
    /// The id of the last event that had one: where the stream can be taken up
    /// again.
    pub(crate) fn last(&self) -> Option<&str> {
        self.last.as_deref()
    }

    /// How long the server wants to be left alone before that, in milliseconds.
    pub(crate) fn retry(&self) -> Option<u64> {
        self.retry
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Bytes held back because their event is not complete.
    pub(crate) fn pending(&self) -> usize {
        self.buffer.len() + self.data.len()
    }

    /// The next complete event that has data.
    pub(crate) fn next(&mut self) -> Option<Event> {
        if !self.begun {
            // Too short to tell yet.
            if self.buffer.len() < BOM.len() && BOM.starts_with(&self.buffer) {
                return None;
            }
            self.begun = true;
            if self.buffer.starts_with(BOM) {
                self.buffer.advance(BOM.len());
            }
        }
        loop {
            if std::mem::take(&mut self.after_cr) {
                match self.buffer.first() {
                    Some(b'\n') => self.buffer.advance(1),
                    Some(_) => {}
                    None => {
                        self.after_cr = true;
                        return None;
                    }
                }
            }
            let rest = self.buffer.get(self.scanned..).unwrap_or_default();
            let Some(end) = memchr::memchr2(b'\n', b'\r', rest) else {
                self.scanned = self.buffer.len();
                return None;
            };
            let mut line = self.buffer.split_to(self.scanned + end + 1);
            self.scanned = 0;
            self.after_cr = line.last() == Some(&b'\r');
            line.truncate(line.len() - 1);
            if let Some(event) = self.take_line(&line) {
                return Some(event);
            }
        }
    }

    fn take_line(&mut self, line: &[u8]) -> Option<Event> {
        if line.is_empty() {
            let data = std::mem::take(&mut self.data);
            let endpoint = std::mem::take(&mut self.endpoint);
            let has_data = std::mem::take(&mut self.has_data);
            return has_data.then(|| Event { endpoint, data: data.into() });
        }
        if let Some(value) = line.strip_prefix(b"data:") {
            if self.has_data {
                self.data.push(b'\n');
            }
            self.data.extend_from_slice(value.strip_prefix(b" ").unwrap_or(value));
            self.has_data = true;
        } else if let Some(name) = line.strip_prefix(b"event:") {
            self.endpoint = name.strip_prefix(b" ").unwrap_or(name) == b"endpoint";
        } else if let Some(id) = line.strip_prefix(b"id:") {
            let id = id.strip_prefix(b" ").unwrap_or(id);
            // It goes into a header.
            let plain = (1..=ID_MAX).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic);
            self.last = plain.then(|| String::from_utf8_lossy(id).into_owned());
        } else if let Some(retry) = line.strip_prefix(b"retry:") {
            let digits = str::from_utf8(retry.strip_prefix(b" ").unwrap_or(retry));
            self.retry = digits.ok().and_then(|digits| digits.parse().ok()).or(self.retry);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_stream_can_be_taken_up_is_remembered() {
        let mut events = Events::default();
        events.push(b"id: 7\nretry: 500\ndata:\n\nretry: soon\nid: a b\ndata: x\n\n");
        assert_eq!(events.next().unwrap().data, "");
        assert_eq!((events.last(), events.retry()), (Some("7"), Some(500)));
        assert_eq!(events.next().unwrap().data, "x");
        assert_eq!((events.last(), events.retry()), (None, Some(500)));
    }

    fn cut(stream: &[u8], size: usize) -> (Vec<(bool, String)>, usize) {
        let mut events = Events::default();
        let mut seen = Vec::new();
        for chunk in stream.chunks(size) {
            events.push(chunk);
            while let Some(event) = events.next() {
                seen.push((event.endpoint, String::from_utf8(event.data.to_vec()).unwrap()));
            }
        }
        (seen, events.pending())
    }

    #[test]
    fn events_come_out_whole_however_they_are_cut() {
        let stream =
            b": hi\nevent: message\ndata: {\"a\":\ndata: 1}\r\n\r\nid: 7\n\ndata:x\n\ndata: late";
        for size in 1..stream.len() {
            let (seen, pending) = cut(stream, size);
            let expected = [(false, "{\"a\":\n1}".to_owned()), (false, "x".to_owned())];
            assert_eq!(seen, expected, "chunks of {size}");
            assert!(pending > 0);
        }
    }

    #[test]
    fn lines_end_with_cr_lf_or_both_and_a_bom_is_passed_over() {
        let plain = "event: endpoint\ndata: /a\n\n: c\ndata: 1\ndata: 2\n\n\n\ndata: 3\n\n";
        let expected = [(true, "/a"), (false, "1\n2"), (false, "3")];
        for end in ["\n", "\r", "\r\n"] {
            for bom in ["", "\u{feff}"] {
                let stream = format!("{bom}{}", plain.replace('\n', end));
                for size in 1..stream.len() {
                    let (seen, _) = cut(stream.as_bytes(), size);
                    let seen: Vec<_> = seen.iter().map(|(e, d)| (*e, d.as_str())).collect();
                    assert_eq!(seen, expected, "{end:?} {bom:?} {size}");
                }
            }
        }
    }

    /// Against the plainest reading of the standard, on streams made of what
    /// matters, cut at random.
    #[test]
    fn any_stream_in_any_pieces_gives_the_events_of_the_standard() {
        let pieces: [&[u8]; 12] = [
            b"\n",
            b"\r",
            b"\r\n",
            b"data:",
            b"data: x",
            b"data",
            b": c",
            b"event: endpoint",
            b"event:",
            b"\xef\xbb\xbf",
            b"y",
            b"\xff",
        ];
        let mut seed = 7_u64;
        let mut draw = |below: usize| {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as usize % below
        };
        for _ in 0..20_000 {
            let mut stream = Vec::new();
            for _ in 0..draw(24) {
                stream.extend_from_slice(pieces[draw(pieces.len())]);
            }
            let mut events = Events::default();
            let mut seen = Vec::new();
            let mut rest = &stream[..];
            while !rest.is_empty() {
                let (chunk, after) = rest.split_at(1 + draw(rest.len()));
                rest = after;
                events.push(chunk);
                while let Some(event) = events.next() {
                    seen.push((event.endpoint, event.data.to_vec()));
                }
            }
            assert_eq!(seen, reference(&stream), "{:?}", String::from_utf8_lossy(&stream));
        }
    }

    /// Whole lines only; what is cut off in the middle of an event is none.
    fn reference(stream: &[u8]) -> Vec<(bool, Vec<u8>)> {
        let stream = stream.strip_prefix(BOM).unwrap_or(stream);
        let mut lines = vec![Vec::new()];
        let mut before = 0;
        for &byte in stream {
            match byte {
                b'\n' if before == b'\r' => {}
                b'\n' | b'\r' => lines.push(Vec::new()),
                byte => lines.last_mut().unwrap().push(byte),
            }
            before = byte;
        }
        lines.pop();
        let (mut events, mut data, mut endpoint) = (Vec::new(), Vec::<Vec<u8>>::new(), false);
        for line in lines {
            let field = |name: &[u8]| {
                let value = line.strip_prefix(name)?;
                Some(value.strip_prefix(b" ").unwrap_or(value).to_vec())
            };
            if line.is_empty() {
                if !data.is_empty() {
                    events.push((endpoint, data.join(&b'\n')));
                }
                (data, endpoint) = (Vec::new(), false);
            } else if let Some(value) = field(b"data:") {
                data.push(value);
            } else if let Some(name) = field(b"event:") {
                endpoint = name == b"endpoint";
            }
        }
        events
    }
}
