//! Lines of a child's output, bounded.

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _};

/// The next line without its end, or `None` at the end of the stream.
pub(super) async fn read_line(
    reader: &mut (impl AsyncBufRead + Unpin),
    limit: usize,
) -> std::io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    loop {
        let chunk = reader.fill_buf().await?;
        if chunk.is_empty() {
            return Ok((!line.is_empty()).then_some(line));
        }
        let (taken, done) = match memchr::memchr(b'\n', chunk) {
            Some(end) => (end + 1, true),
            None => (chunk.len(), false),
        };
        line.extend_from_slice(chunk.get(..taken).unwrap_or_default());
        reader.consume(taken);
        if line.len() > limit {
            return Err(std::io::Error::other(format!("a line is longer than {limit} bytes")));
        }
        if done {
            line.pop();
            return Ok(Some(line));
        }
    }
}

/// The beginning of the next line, and nothing of the rest of it.
pub(super) async fn read_head(
    reader: &mut (impl AsyncBufRead + Unpin),
    keep: usize,
) -> std::io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let mut any = false;
    loop {
        let chunk = reader.fill_buf().await?;
        if chunk.is_empty() {
            return Ok(any.then_some(line));
        }
        any = true;
        let end = memchr::memchr(b'\n', chunk);
        let text = chunk.get(..end.unwrap_or(chunk.len())).unwrap_or_default();
        let room = keep.saturating_sub(line.len());
        line.extend_from_slice(text.get(..room).unwrap_or(text));
        let taken = end.map_or(chunk.len(), |end| end + 1);
        reader.consume(taken);
        if end.is_some() {
            return Ok(Some(line));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_come_whole_or_their_heads_do() {
        let text = b"one\n\nlonger than that\nlast";
        let mut whole = &text[..];
        let mut heads = &text[..];
        for (line, head) in
            [("one", "one"), ("", ""), ("longer than that", "longe"), ("last", "last")]
        {
            assert_eq!(read_line(&mut whole, 20).await.unwrap().as_deref(), Some(line.as_bytes()));
            assert_eq!(read_head(&mut heads, 5).await.unwrap().as_deref(), Some(head.as_bytes()));
        }
        assert_eq!(read_line(&mut whole, 20).await.unwrap(), None);
        assert_eq!(read_head(&mut heads, 5).await.unwrap(), None);
        assert!(read_line(&mut &text[5..], 5).await.is_err());
    }
}
