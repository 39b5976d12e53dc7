//! Newline-delimited messages on stdin and stdout (MCP stdio transport).

use std::io;

use bytes::Bytes;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;

/// The longest message of a client.
pub(super) const MAX_LINE_BYTES: usize = 4 * 1024 * 1024;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    Message(Bytes),
    /// Longer than [`MAX_LINE_BYTES`]; it was skipped.
    TooLong,
    End,
}

/// Reads lines. A call that is dropped half-way loses nothing.
pub(super) struct Lines<R> {
    input: R,
    held: Vec<u8>,
    skipping: bool,
}

impl<R: AsyncBufRead + Unpin> Lines<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, held: Vec::new(), skipping: false }
    }

    /// The next line that is not blank. A last line without an end counts.
    pub(super) async fn next(&mut self) -> io::Result<Line> {
        loop {
            let chunk = self.input.fill_buf().await?;
            let at_end = chunk.is_empty();
            let newline = chunk.iter().position(|byte| *byte == b'\n');
            let text = chunk.get(..newline.unwrap_or(chunk.len())).unwrap_or_default();
            if self.skipping || self.held.len() + text.len() > MAX_LINE_BYTES {
                self.skipping = true;
                self.held = Vec::new();
            } else {
                self.held.extend_from_slice(text);
            }
            let used = newline.map_or(chunk.len(), |at| at + 1);
            self.input.consume(used);
            if newline.is_none() && !at_end {
                continue;
            }
            if std::mem::take(&mut self.skipping) {
                return Ok(Line::TooLong);
            }
            let line = std::mem::take(&mut self.held);
            if !line.trim_ascii().is_empty() {
                return Ok(Line::Message(Bytes::from(line)));
            }
            if at_end {
                return Ok(Line::End);
            }
        }
    }
}

/// What goes to stdout: whole lines, in the order of this channel. `None` ends it.
pub(super) type Outgoing = Option<Bytes>;

/// Writes each message and a line end until told to end, or until nobody reads
/// any more.
pub(super) async fn write_all(
    mut messages: mpsc::Receiver<Outgoing>,
    mut output: impl AsyncWrite + Unpin,
) {
    while let Some(Some(message)) = messages.recv().await {
        let written = async {
            output.write_all(&message).await?;
            output.write_all(b"\n").await?;
            output.flush().await
        };
        // The client closed its end, so it wants no more answers.
        if written.await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn all(input: &[u8]) -> Vec<Line> {
        let mut lines = Lines::new(tokio::io::BufReader::with_capacity(7, input));
        let mut found = Vec::new();
        loop {
            match lines.next().await.unwrap() {
                Line::End => return found,
                line => found.push(line),
            }
        }
    }

    fn message(text: &'static str) -> Line {
        Line::Message(Bytes::from_static(text.as_bytes()))
    }

    #[tokio::test]
    async fn lines_and_a_last_one_without_an_end() {
        let found = all(b"{\"a\":1}\n\n  \r\n{\"long enough for two reads\":2}\nlast").await;
        assert_eq!(
            found,
            [message("{\"a\":1}"), message("{\"long enough for two reads\":2}"), message("last")]
        );
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_does_not_harm_the_next() {
        let mut input = vec![b'x'; MAX_LINE_BYTES + 1];
        input.extend_from_slice(b"\nnext\n");
        assert_eq!(all(&input).await, [Line::TooLong, message("next")]);
    }
}
