//! What is looked for in words.

use agw_core::json;

use crate::audit::read;

/// A text that is looked for; upper and lower case are alike.
#[derive(Debug)]
pub(super) struct Needle {
    /// In lower case.
    text: String,
    /// The same, as JSON writes it.
    escaped: String,
}

impl Needle {
    /// `None` if there is nothing to look for.
    pub(super) fn new(text: &str) -> Option<Self> {
        let text = text.trim().to_lowercase();
        let mut escaped = String::new();
        json::write_string(&text, &mut escaped);
        let escaped = escaped.get(1..escaped.len() - 1).unwrap_or_default().to_owned();
        (!text.is_empty()).then_some(Self { text, escaped })
    }

    /// Whether it is in a name, a code or the like.
    pub(super) fn is_in(&self, word: &str) -> bool {
        word.to_lowercase().contains(&self.text)
    }

    /// Whether it is in the words beside a record: in the detail, or in the
    /// path or the value of an argument that is kept in clear.
    pub(super) fn is_said(&self, words: &str) -> bool {
        // What is in one of them is in the whole, and hardly anything is.
        words.to_lowercase().contains(&self.escaped) && read::says(words, &|word| self.is_in(word))
    }
}
