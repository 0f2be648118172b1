//! `||hidden||`, which Markdown does not know.

use super::{Span, Tag};

const MARK: &str = "||";

/// Hides what stands between two marks of one paragraph.
pub(super) fn find(spans: Vec<Span>) -> Vec<Span> {
    let marks = pairs(&spans);
    if marks.is_empty() {
        return spans;
    }
    let mut out = Vec::with_capacity(spans.len() + marks.len() * 2);
    let mut hidden = false;
    for (number, span) in spans.into_iter().enumerate() {
        let mut from = 0;
        let here = marks.iter().filter(|mark| mark.0 == number).map(|mark| mark.1);
        for at in here {
            out.push(piece(&span, &span.text[from..at], hidden));
            hidden = !hidden;
            from = at + MARK.len();
        }
        out.push(piece(&span, &span.text[from..], hidden));
    }
    out.retain(|span| !span.text.is_empty());
    out
}

fn piece(of: &Span, text: &str, hidden: bool) -> Span {
    let mut tags = of.tags.clone();
    if hidden {
        tags.push(Tag::Spoiler);
    }
    Span { text: text.to_owned(), tags }
}

/// Where marks are that belong to another one: span, and place in it.
fn pairs(spans: &[Span]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut open: Option<(usize, usize)> = None;
    for (number, span) in spans.iter().enumerate() {
        if span.is_code() {
            open = open.filter(|_| !span.text.contains('\n'));
            continue;
        }
        let mut last = 0;
        for (at, _) in span.text.match_indices(MARK) {
            let (before, after) = (&span.text[last..at], &span.text[at + MARK.len()..]);
            open = open.filter(|_| !before.contains("\n\n"));
            last = at + MARK.len();
            match open {
                Some(start) if !(before.ends_with(char::is_whitespace) || before.is_empty() && start.0 == number) => {
                    found.extend([start, (number, at)]);
                    open = None;
                }
                _ => open = Some((number, at)).filter(|_| !after.starts_with(char::is_whitespace)),
            }
        }
        open = open.filter(|_| !span.text[last..].contains("\n\n"));
    }
    found
}
