//! An export that comes in pieces.

use super::{Failure, LINE_MAX, Report, Verifier};

/// Cuts pieces of an export into lines for the verifier.
#[derive(Debug)]
pub struct Pieces<'k> {
    verifier: Verifier<'k>,
    /// The beginning of a line whose end has not come.
    line: Vec<u8>,
    records: u64,
    bytes: u64,
}

impl<'k> Pieces<'k> {
    pub fn new(verifier: Verifier<'k>) -> Self {
        Self { verifier, line: Vec::new(), records: 0, bytes: 0 }
    }

    /// Records so far.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Bytes so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The next piece, wherever it was cut.
    pub fn feed(&mut self, piece: &[u8]) -> Result<(), Failure> {
        self.bytes = self.bytes.saturating_add(piece.len() as u64);
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            match (part.strip_suffix(b"\n"), self.line.is_empty()) {
                (Some(line), true) => self.take(line)?,
                (Some(rest), false) => {
                    self.line.extend_from_slice(rest);
                    let line = std::mem::take(&mut self.line);
                    self.take(&line)?;
                }
                (None, _) => {
                    self.line.extend_from_slice(part);
                    // Too long already; what else comes of it is not waited for.
                    if self.line.len() > LINE_MAX {
                        self.verifier.line(&self.line)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, line: &[u8]) -> Result<(), Failure> {
        self.records += u64::from(line.first() == Some(&b'r'));
        self.verifier.line(line)
    }

    /// After the last piece.
    pub fn finish(mut self) -> Result<Report, Failure> {
        let ended = self.line.is_empty();
        if !ended {
            self.verifier.line(&self.line)?;
        }
        self.verifier.finish(ended)
    }
}
