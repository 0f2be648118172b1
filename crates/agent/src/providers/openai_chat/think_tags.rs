//! Reasoning that a server left inside the text: `<think>…</think>` at the very start of an answer.
//!
//! Servers that know their model take the tags out themselves; llama.cpp, LM Studio and older Ollama often do not. Only
//! the start of an answer is looked at, so that a text *about* the tags stays whole.

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

/// A piece of text, told apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    Thinking(String),
}

/// Splits streamed text. Holds back only what might become a tag.
#[derive(Debug, Default)]
pub(super) struct ThinkTags {
    place: Place,
    held: String,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    #[default]
    Start,
    Inside,
    /// Between the closing tag and the first visible character.
    Gap,
    After,
}

impl ThinkTags {
    /// Takes more text.
    pub(super) fn feed(&mut self, text: &str) -> Vec<Piece> {
        let mut out = Vec::new();
        self.held.push_str(text);
        while self.advance(&mut out) {}
        out
    }

    /// The text is over: gives back what was held.
    pub(super) fn finish(&mut self) -> Option<Piece> {
        let held = std::mem::take(&mut self.held);
        match self.place {
            _ if held.is_empty() => None,
            Place::Inside => Some(Piece::Thinking(held)),
            Place::Gap => None,
            Place::Start | Place::After => Some(Piece::Text(held)),
        }
    }

    /// One step; whether another may follow.
    fn advance(&mut self, out: &mut Vec<Piece>) -> bool {
        match self.place {
            Place::Start => {
                let trimmed = self.held.trim_start();
                if let Some(rest) = trimmed.strip_prefix(OPEN) {
                    (self.held, self.place) = (rest.to_owned(), Place::Inside);
                    return true;
                }
                if OPEN.starts_with(trimmed) {
                    return false;
                }
                self.place = Place::After;
                true
            }
            Place::Inside => {
                let end = self.held.find(CLOSE);
                let sure = end.unwrap_or_else(|| self.held.len() - open_end(&self.held));
                let thinking: String = self.held.drain(..sure).collect();
                if !thinking.is_empty() {
                    out.push(Piece::Thinking(thinking));
                }
                if end.is_some() {
                    self.held.drain(..CLOSE.len());
                    self.place = Place::Gap;
                }
                end.is_some()
            }
            Place::Gap => {
                self.held = self.held.trim_start().to_owned();
                if !self.held.is_empty() {
                    self.place = Place::After;
                }
                !self.held.is_empty()
            }
            Place::After => {
                if !self.held.is_empty() {
                    out.push(Piece::Text(std::mem::take(&mut self.held)));
                }
                false
            }
        }
    }
}

/// How many bytes at the end of `text` may be the start of the closing tag.
fn open_end(text: &str) -> usize {
    (1..CLOSE.len()).rev().find(|length| text.ends_with(&CLOSE[..*length])).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split<'a>(pieces: impl IntoIterator<Item = &'a str>) -> (String, String) {
        let mut tags = ThinkTags::default();
        let mut all: Vec<Piece> = pieces.into_iter().flat_map(|piece| tags.feed(piece)).collect();
        all.extend(tags.finish());
        all.into_iter().fold(Default::default(), |(text, thinking), piece| match piece {
            Piece::Text(more) => (text + &more, thinking),
            Piece::Thinking(more) => (text, thinking + &more),
        })
    }

    #[test]
    fn only_tags_at_the_start_are_reasoning() {
        let cases = [
            ("<think>hm\n</think>\n\nhello", "hello", "hm\n"),
            ("\n<think></think>hello", "hello", ""),
            ("hello <think>x</think>", "hello <think>x</think>", ""),
            ("<thin ice", "<thin ice", ""),
            ("  plain", "  plain", ""),
            ("<think>never closed", "", "never closed"),
            ("", "", ""),
        ];
        for (given, text, thinking) in cases {
            assert_eq!(split([given]), (text.into(), thinking.into()), "{given:?}");
        }
    }

    proptest! {
        #[test]
        fn the_pieces_text_arrives_in_do_not_matter(text in "(<think>|</think>|<|/|a|é| |\n){0,12}", cut in 0usize..40) {
            let cut = (0..=cut.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            prop_assert_eq!(split([&text[..cut], &text[cut..]]), split([text.as_str()]));
            let single = text.char_indices().map(|(at, c)| &text[at..at + c.len_utf8()]);
            prop_assert_eq!(split(single), split([text.as_str()]));
        }
    }
}
