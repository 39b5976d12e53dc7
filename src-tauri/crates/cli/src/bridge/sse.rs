//! Server-sent events (WHATWG HTML, section 9.2.6), cut out of a byte stream
//! wherever its chunks end.

use std::collections::VecDeque;
use std::time::Duration;

/// The longest event: as long as the longest answer.
pub(super) const MAX_EVENT_BYTES: usize = super::reply::MAX_ANSWER_BYTES;

/// One event. `data` is empty where the server only sets the id, to make the
/// stream resumable.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) data: Vec<u8>,
    pub(super) id: Option<Vec<u8>>,
    pub(super) retry: Option<Duration>,
}

#[derive(Debug)]
pub(super) struct TooLong;

#[derive(Debug, Default)]
pub(super) struct Parser {
    line: Vec<u8>,
    event: Event,
    /// The last byte was CR: an LF right after it belongs to the same line end.
    after_cr: bool,
    started: bool,
}

impl Parser {
    /// Appends the events that `chunk` completes to `ready`.
    pub(super) fn feed(
        &mut self,
        mut chunk: &[u8],
        ready: &mut VecDeque<Event>,
    ) -> Result<(), TooLong> {
        while let Some(first) = chunk.first() {
            if std::mem::take(&mut self.after_cr) && *first == b'\n' {
                chunk = chunk.split_first().map_or(&[], |(_, rest)| rest);
                continue;
            }
            let end = chunk.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let (text, rest) = chunk.split_at(end.unwrap_or(chunk.len()));
            if self.line.len() + self.event.data.len() + text.len() > MAX_EVENT_BYTES {
                return Err(TooLong);
            }
            self.line.extend_from_slice(text);
            chunk = rest;
            if let Some((end, rest)) = rest.split_first() {
                self.after_cr = *end == b'\r';
                chunk = rest;
                let line = std::mem::take(&mut self.line);
                ready.extend(self.end_line(&line));
            }
        }
        Ok(())
    }

    fn end_line(&mut self, line: &[u8]) -> Option<Event> {
        let first = !std::mem::replace(&mut self.started, true);
        let line = if first { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) } else { line };
        if line.is_empty() {
            let mut event = std::mem::take(&mut self.event);
            // Each data line added a line end; the last one is not content.
            event.data.pop();
            return (event != Event::default()).then_some(event);
        }
        let (field, value) = match line.iter().position(|byte| *byte == b':') {
            Some(colon) => {
                (line.get(..colon).unwrap_or_default(), line.get(colon + 1..).unwrap_or_default())
            }
            None => (line, &[][..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => {
                self.event.data.extend_from_slice(value);
                self.event.data.push(b'\n');
            }
            b"id" if !value.contains(&0) => self.event.id = Some(value.to_vec()),
            b"retry" => self.event.retry = milliseconds(value),
            // `event` names the kind, and MCP has only one; the rest is comments.
            _ => {}
        }
        None
    }
}

fn milliseconds(value: &[u8]) -> Option<Duration> {
    let text = std::str::from_utf8(value).ok()?;
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok().map(Duration::from_millis)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(chunks: &[&[u8]]) -> Vec<Event> {
        let mut parser = Parser::default();
        let mut ready = VecDeque::new();
        for chunk in chunks {
            parser.feed(chunk, &mut ready).unwrap();
        }
        ready.into()
    }

    fn data(text: &str) -> Event {
        Event { data: text.into(), ..Event::default() }
    }

    #[test]
    fn events_end_with_an_empty_line() {
        let stream = b": hello\n\nevent: message\ndata: {\"a\":1}\n\ndata:x\ndata\ndata:  y\n\ndata: unfinished\n";
        assert_eq!(parse(&[stream]), [data("{\"a\":1}"), data("x\n\n y")]);
    }

    #[test]
    fn all_line_ends_and_all_cuts() {
        for stream in [
            "data: a\r\n\r\ndata: b\r\n\r\n",
            "data: a\r\rdata: b\r\r",
            "\u{feff}data: a\n\ndata: b\n\n",
        ] {
            let bytes = stream.as_bytes();
            for cut in 0..bytes.len() {
                let (head, tail) = bytes.split_at(cut);
                assert_eq!(parse(&[head, tail]), [data("a"), data("b")], "{stream:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn ids_and_delays() {
        let events = parse(&[b"id: 7\nretry: 250\ndata\n\nid: a\0b\nretry: soon\ndata: x\n\n"]);
        let primed = Event {
            data: Vec::new(),
            id: Some(b"7".to_vec()),
            retry: Some(Duration::from_millis(250)),
        };
        assert_eq!(events, [primed, data("x")]);
    }

    #[test]
    fn an_endless_event_is_refused() {
        let mut parser = Parser::default();
        let mut ready = VecDeque::new();
        let chunk = vec![b'x'; 1024 * 1024];
        let fed =
            (0..=MAX_EVENT_BYTES / chunk.len()).try_for_each(|_| parser.feed(&chunk, &mut ready));
        assert!(fed.is_err());
    }
}
