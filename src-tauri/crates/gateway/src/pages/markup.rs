//! HTML that is escaped by its type.

/// A piece of HTML.
#[derive(Debug, Default, Clone)]
pub(crate) struct Markup(String);

impl Markup {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// HTML from the source code, and from nowhere else.
    pub(crate) fn raw(mut self, html: &'static str) -> Self {
        self.0.push_str(html);
        self
    }

    /// Text, or the value of an attribute in double quotes.
    pub(crate) fn text(mut self, text: &str) -> Self {
        for c in text.chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                // What turns text around or hides it; names come from anywhere.
                c if c.is_control() || is_format(c) => self.0.push('\u{fffd}'),
                c => self.0.push(c),
            }
        }
        self
    }

    pub(crate) fn add(mut self, other: Self) -> Self {
        self.0.push_str(&other.0);
        self
    }

    /// `add` where there is something.
    pub(crate) fn maybe(self, other: Option<Self>) -> Self {
        match other {
            Some(other) => self.add(other),
            None => self,
        }
    }

    /// A hidden field of a form.
    pub(crate) fn hidden(self, name: &'static str, value: &str) -> Self {
        self.raw("<input type=\"hidden\" name=\"")
            .raw(name)
            .raw("\" value=\"")
            .text(value)
            .raw("\">")
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }
}

/// Characters of no width, those that turn the direction, and blanks that are
/// no space.
pub(crate) fn is_format(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::Markup;

    #[test]
    fn text_can_be_no_markup_and_cannot_be_turned_around() {
        let html = Markup::new().raw("<b>").text("<i a=\"x\" b='y'>&\u{202e}\n").raw("</b>");
        let expected = "<b>&lt;i a=&quot;x&quot; b=&#39;y&#39;&gt;&amp;\u{fffd}\u{fffd}</b>";
        assert_eq!(html.into_string(), expected);
    }
}
