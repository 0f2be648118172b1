//! Cuts what was rendered into messages (C-8.2). Cuts are made in the text, never in the markup, so no tag, entity or
//! character is ever divided; tags that are open at a cut are closed before it and opened again after it.

use std::ops::Range;

use crate::Words;

use super::render::{self, Span};

/// Telegram's own limit of a message, in UTF-16 units after its entities are read.
pub(crate) const MESSAGE_LIMIT: usize = 4096;
/// The same of a caption (C-10.2).
pub(crate) const CAPTION_LIMIT: usize = 1024;

/// The messages it takes: each at most `limit` UTF-16 units long as it is shown. Cut at a paragraph, a line, a space, in
/// this order of preference; at blank lines wherever there are any when `at_blank_lines`.
pub(crate) fn chunk(spans: &[Span], limit: usize, at_blank_lines: bool) -> Vec<Words> {
    let limit = limit.clamp(1, MESSAGE_LIMIT);
    let text = render::plain(spans);
    let code = code_blocks(spans);
    let mut words = Vec::new();
    let mut start = 0;
    while start < text.len() {
        start += text[start..].len() - text[start..].trim_start_matches('\n').len();
        let end = start + cut(&text, start, limit, at_blank_lines, &code);
        let piece = trimmed(&text, start..end);
        if !text[piece.clone()].trim().is_empty() {
            words.push(as_words(&slice(spans, piece)));
        }
        start = end;
    }
    words
}

/// The first of them: what a message that is still growing shows.
pub(crate) fn first(spans: &[Span], limit: usize) -> Option<Words> {
    chunk(spans, limit, false).into_iter().next()
}

fn as_words(spans: &[Span]) -> Words {
    Words { text: render::html(spans), plain: Some(render::plain(spans)) }
}

/// How much of the text from `start` on makes the next message.
fn cut(text: &str, start: usize, limit: usize, at_blank_lines: bool, code: &[Range<usize>]) -> usize {
    let rest = &text[start..];
    let most = fitting(rest, limit);
    if most == rest.len() {
        return most;
    }
    let window = &rest[..most];
    let outside = |at: usize| !code.iter().any(|block| block.contains(&(start + at)));
    let least = if at_blank_lines { 1 } else { most / 2 };
    let at = |mark: &str, least: usize, fits: &dyn Fn(usize) -> bool| {
        let found = window.rmatch_indices(mark).find(|(at, _)| *at >= least && fits(*at));
        found.map(|(at, mark)| at + mark.len())
    };
    // The break may stand right behind what fits.
    let behind = if rest[most..].starts_with('\n') || rest[most..].starts_with(' ') { Some(most) } else { None };
    at("\n\n", least, &outside)
        .or_else(|| behind.filter(|_| rest[most..].starts_with('\n')))
        .or_else(|| at("\n", most / 2, &outside))
        .or_else(|| at("\n", most / 2, &|_| true))
        .or(behind)
        .or_else(|| at(" ", most / 2, &|_| true))
        .or_else(|| at("\n", 1, &|_| true))
        .or_else(|| at(" ", 1, &|_| true))
        .unwrap_or_else(|| whole_characters(rest, most))
}

/// The longest beginning within the limit; at least one character.
fn fitting(text: &str, limit: usize) -> usize {
    let mut units = 0;
    for (at, c) in text.char_indices() {
        units += c.len_utf16();
        if units > limit && at > 0 {
            return at;
        }
    }
    text.len()
}

/// The same, without dividing what is shown as one character.
fn whole_characters(text: &str, most: usize) -> usize {
    let joins =
        |c: char| matches!(c, '\u{200d}' | '\u{fe0e}'..='\u{fe0f}' | '\u{300}'..='\u{36f}' | '\u{1f3fb}'..='\u{1f3ff}');
    let mut end = most;
    // A character made of more than this many is nobody's name for anything.
    for _ in 0..16 {
        let next = text[end..].chars().next();
        let Some(last) = text[..end].chars().next_back() else { return most };
        if !next.is_some_and(joins) && last != '\u{200d}' {
            return end;
        }
        end -= last.len_utf8();
    }
    most
}

/// Without the blank end, and the line breaks, at which it was cut.
fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    range.start..range.start + text[range].trim_end().len()
}

fn code_blocks(spans: &[Span]) -> Vec<Range<usize>> {
    let mut at = 0;
    let mut blocks = Vec::new();
    for span in spans {
        let range = at..at + span.text.len();
        at = range.end;
        if span.is_code() {
            blocks.push(range);
        }
    }
    blocks
}

fn slice(spans: &[Span], range: Range<usize>) -> Vec<Span> {
    let mut at = 0;
    let mut out = Vec::new();
    for span in spans {
        let (start, end) = (at.max(range.start), (at + span.text.len()).min(range.end));
        if start < end {
            out.push(Span { text: span.text[start - at..end - at].to_owned(), tags: span.tags.clone() });
        }
        at += span.text.len();
    }
    out
}

#[cfg(test)]
mod tests;
