//! Telegram's HTML: what is written, and what of a model's own is understood.

use super::{Span, Tag};

/// The spans as Telegram's HTML: every tag that is opened is closed, in order.
pub(crate) fn html(spans: &[Span]) -> String {
    let mut out = String::new();
    let mut open: Vec<&Tag> = Vec::new();
    for span in spans.iter().filter(|span| !span.text.is_empty()) {
        let shared = open.iter().zip(&span.tags).take_while(|(a, b)| **a == *b).count();
        close(&mut out, open.drain(shared..));
        for tag in &span.tags[shared..] {
            push_opening(&mut out, tag);
            open.push(tag);
        }
        push_text(&mut out, &span.text);
    }
    close(&mut out, open.drain(..));
    out
}

fn close<'a>(out: &mut String, tags: impl DoubleEndedIterator<Item = &'a Tag>) {
    tags.rev().for_each(|tag| out.push_str(closing(tag)));
}

fn push_opening(out: &mut String, tag: &Tag) {
    match tag {
        Tag::Bold => out.push_str("<b>"),
        Tag::Italic => out.push_str("<i>"),
        Tag::Struck => out.push_str("<s>"),
        Tag::Code => out.push_str("<code>"),
        Tag::Quote => out.push_str("<blockquote>"),
        Tag::Spoiler => out.push_str("<tg-spoiler>"),
        Tag::Pre(None) => out.push_str("<pre><code>"),
        Tag::Pre(Some(language)) => push_attribute(out, "<pre><code class=\"language-", language),
        Tag::Link(address) => push_attribute(out, "<a href=\"", address),
    }
}

const fn closing(tag: &Tag) -> &'static str {
    match tag {
        Tag::Bold => "</b>",
        Tag::Italic => "</i>",
        Tag::Struck => "</s>",
        Tag::Code => "</code>",
        Tag::Quote => "</blockquote>",
        Tag::Spoiler => "</tg-spoiler>",
        Tag::Pre(_) => "</code></pre>",
        Tag::Link(_) => "</a>",
    }
}

fn push_attribute(out: &mut String, start: &str, value: &str) {
    out.push_str(start);
    let mut escaped = String::new();
    push_text(&mut escaped, value);
    out.push_str(&escaped.replace('"', "&quot;"));
    out.push_str("\">");
}

fn push_text(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c => out.push(c),
        }
    }
}

/// Names of HTML that only formats; models mix it into Markdown.
const FORMATTING: [&str; 40] = [
    "a",
    "abbr",
    "b",
    "big",
    "blockquote",
    "center",
    "cite",
    "code",
    "del",
    "details",
    "div",
    "em",
    "font",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "i",
    "ins",
    "kbd",
    "li",
    "mark",
    "ol",
    "p",
    "pre",
    "s",
    "small",
    "span",
    "strike",
    "strong",
    "sub",
    "summary",
    "sup",
    "tg-spoiler",
    "tt",
    "u",
    "ul",
    "var",
];

/// What people are to see of a model's own HTML: formatting is dropped, `<br>` breaks the line, anything else stays as it
/// was written (`Vec<String>` is no HTML).
pub(super) fn visible(raw: &str) -> String {
    let mut out = String::new();
    let mut rest = raw;
    while let Some(start) = rest.find('<') {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        if let Some(comment) = rest.strip_prefix("<!--") {
            rest = comment.find("-->").map_or("", |end| &comment[end + 3..]);
            continue;
        }
        let tag = rest.find('>').map(|end| &rest[..=end]);
        match tag.map(|tag| (tag, name(tag))) {
            Some((tag, name)) if name == "br" || name == "hr" => {
                out.push('\n');
                rest = &rest[tag.len()..];
            }
            Some((tag, name)) if FORMATTING.contains(&name.as_str()) => rest = &rest[tag.len()..],
            _ => {
                out.push('<');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

fn name(tag: &str) -> String {
    let inside = tag.trim_start_matches('<').trim_start_matches('/');
    inside.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect::<String>().to_ascii_lowercase()
}
