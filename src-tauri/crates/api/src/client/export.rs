//! What an export of the trail consists of, as its bytes go by.

/// What a file of records looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    Jsonl,
    Csv,
    Tlog,
}

impl ExportFormat {
    /// As the admin API calls it, and the end of a file's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
            Self::Tlog => "tlog",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Jsonl, Self::Csv, Self::Tlog].into_iter().find(|format| format.name() == name)
    }
}

/// Counts the records of an export as it goes by, wherever its pieces end.
#[derive(Debug)]
pub struct RecordCounter {
    format: ExportFormat,
    lines: u64,
    /// Within a cell of a CSV file, where a line end ends no line.
    quoted: bool,
    line_start: bool,
}

impl RecordCounter {
    pub fn new(format: ExportFormat) -> Self {
        Self { format, lines: 0, quoted: false, line_start: true }
    }

    pub fn feed(&mut self, piece: &[u8]) {
        for byte in piece {
            let line_end = *byte == b'\n' && !self.quoted;
            self.lines += u64::from(match self.format {
                // The tag of a record.
                ExportFormat::Tlog => self.line_start && *byte == b'r',
                ExportFormat::Jsonl | ExportFormat::Csv => line_end,
            });
            self.quoted ^= self.format == ExportFormat::Csv && *byte == b'"';
            self.line_start = line_end;
        }
    }

    pub fn records(&self) -> u64 {
        // A CSV file begins with a line of names.
        self.lines.saturating_sub(u64::from(self.format == ExportFormat::Csv))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(format: ExportFormat, text: &str) -> [u64; 2] {
        // In one piece, and byte by byte.
        let mut whole = RecordCounter::new(format);
        whole.feed(text.as_bytes());
        let mut pieces = RecordCounter::new(format);
        text.bytes().for_each(|byte| pieces.feed(&[byte]));
        [whole.records(), pieces.records()]
    }

    #[test]
    fn records_are_counted_as_they_go_by() {
        assert_eq!(counted(ExportFormat::Jsonl, ""), [0, 0]);
        assert_eq!(counted(ExportFormat::Jsonl, "{\"a\":\"\\n\\\"\"}\n{}\n"), [2, 2]);
        assert_eq!(counted(ExportFormat::Csv, "seq,detail\n1,\"a\nb\"\"\n\"\n2,x\n"), [2, 2]);
        assert_eq!(counted(ExportFormat::Csv, ""), [0, 0]);
        let tlog = "agw-tlog/1 x 2 3 all\nh 0 0 rrr=\nr {\"r\":1}\nt rrr\nr {}\nc rrr\n";
        assert_eq!(counted(ExportFormat::Tlog, tlog), [2, 2]);
    }
}
