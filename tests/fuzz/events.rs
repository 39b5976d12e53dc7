//! Streams of events: what upstreams send, however it is cut, and what agents
//! are sent.

use agw_gateway::fuzzing::{Events, event};
use bolero::{check, produce};
use serde_json::Value;

use super::{edited, objects::Object, text};

const BOM: &[u8] = "\u{feff}".as_bytes();

const SEEDS: [&str; 6] = [
    "event: message\ndata: {\"a\":1}\n\n",
    "\u{feff}: hi\r\ndata: {\"a\":\r\ndata: 1}\r\n\r\ndata: late",
    "id: 7\ndata:\n\ndata: x\n\n",
    "event: endpoint\rdata: /messages?s=1\r\rdata:2\r\r",
    "data\ndata: 1\ndata\n\nevent:endpoint\n\ndata:  two  \n\n",
    "",
];

const SCRAPS: [&str; 18] = [
    "\n",
    "\r",
    "\r\n",
    "\n\n",
    "data:",
    "data: x",
    "data",
    ": c",
    ":",
    "event: endpoint",
    "event:",
    "event",
    "retry: 1",
    "\u{feff}",
    " ",
    "\u{0}",
    "é",
    "\u{2028}",
];

/// Line by line (WHATWG HTML, 9.2.6): the events, and how many bytes of the
/// stream come after the last one and hold none of its own.
fn reference(stream: &[u8]) -> (Vec<(bool, Vec<u8>)>, usize) {
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
    let open = lines.pop().unwrap();
    let (mut events, mut data, mut endpoint) = (Vec::new(), Vec::new(), false);
    for line in lines {
        let colon = line.iter().position(|b| *b == b':');
        let (name, value) = match colon {
            Some(0) => continue,
            Some(at) => (&line[..at], &line[at + 1..]),
            None => (&line[..], &b""[..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value).to_vec();
        match name {
            b"" => {
                let joined: Vec<u8> = std::mem::take(&mut data).join(&b'\n');
                let endpoint = std::mem::take(&mut endpoint);
                // Those without data are nothing to MCP.
                if !joined.is_empty() {
                    events.push((endpoint, joined));
                }
            }
            b"data" => data.push(value),
            b"event" => endpoint = value == b"endpoint",
            _ => {}
        }
    }
    (events, open.len() + data.join(&b'\n').len())
}

/// Where to cut, as lengths of pieces.
fn read(stream: &[u8], cuts: &[u8]) -> (Vec<(bool, Vec<u8>)>, usize) {
    let mut events = Events::default();
    let mut seen = Vec::new();
    let mut cuts = cuts.iter().cycle();
    let mut rest = stream;
    while !rest.is_empty() {
        let length = cuts.next().map_or(rest.len(), |cut| usize::from(*cut).clamp(1, rest.len()));
        let (piece, after) = rest.split_at(length);
        rest = after;
        events.push(piece);
        while let Some((endpoint, data)) = events.take() {
            seen.push((endpoint, data.to_vec()));
        }
        let taken = stream.len() - rest.len();
        assert!(events.pending() <= taken, "it holds what nobody sent");
    }
    (seen, events.pending())
}

#[test]
fn any_stream_in_any_pieces_gives_the_events_of_the_standard() {
    let cuts = produce::<Vec<u8>>().with().len(0..6_usize);
    let inputs = (edited(), cuts, produce::<Option<u8>>());
    check!().with_generator(inputs).with_iterations(30_000).for_each(|(edits, cuts, noise)| {
        let mut stream = text(edits, &SEEDS, &SCRAPS).into_bytes();
        // Not everything that is sent is text.
        if let (Some(noise), false) = (noise, stream.is_empty()) {
            let at = usize::from(*noise) % stream.len();
            stream[at] = *noise;
        }
        let shown = String::from_utf8_lossy(&stream);
        let (expected, open) = reference(&stream);
        let (seen, pending) = read(&stream, cuts);
        assert_eq!(seen, expected, "{shown:?} in pieces of {cuts:?}");
        // What is over is not kept: a bound on it is one on an event's length.
        assert!(pending <= open + BOM.len(), "{shown:?}: {pending} bytes are held");
    });
}

const MESSAGES: [&str; 6] = [
    r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
    "{\"jsonrpc\":\"2.0\",\r\n\t\"method\" : \"x\",\n\n\"params\":{\"a\":\"\\n\\r\\u0000\"}}\n",
    "{\"a\":\"\\n\\ndata: 2\\n\\n\", \"b\":\"\u{2028}\u{85}\u{feff}\"}",
    "{\"n\":12345678901234567890.10,\"m\":1e400}",
    "[1,\r2]",
    "\"data: x\"",
];

const PIECES: [&str; 12] =
    ["\n", "\r", "\r\n\r\n", " ", "\\n", "\\r", "data: ", "event: endpoint", ":", ",1", "\"", "é"];

#[test]
fn json_goes_out_as_one_event_and_is_the_same_json() {
    let inputs = (edited(), edited(), produce::<Vec<u8>>().with().len(0..4_usize));
    check!().with_generator(inputs).with_iterations(30_000).for_each(|(first, second, cuts)| {
        let messages: Vec<String> = [first, second]
            .map(|edits| text(edits, &MESSAGES, &PIECES))
            .into_iter()
            .filter(|json| serde_json::from_str::<&serde_json::value::RawValue>(json).is_ok())
            .collect();
        let stream: String = messages.iter().map(|json| event(json)).collect();
        let (seen, pending) = read(stream.as_bytes(), cuts);
        assert_eq!((seen.len(), pending), (messages.len(), 0), "{stream:?}");
        for ((endpoint, data), json) in seen.iter().zip(&messages) {
            assert!(!endpoint, "{stream:?}");
            let data = std::str::from_utf8(data).unwrap();
            let values = [json.as_str(), data].map(|json| serde_json::from_str::<Value>(json).ok());
            assert_eq!(values[0], values[1], "{json:?}");
            // Also the digits that no number here can hold.
            let (Some(Object(before)), Some(Object(after))) =
                (Object::read(json), Object::read(data))
            else {
                continue;
            };
            for ((name, old), (same, new)) in before.iter().zip(&after) {
                assert_eq!(name, same);
                assert_eq!(old.get().replace(['\n', '\r'], " "), new.get());
            }
        }
    });
}
