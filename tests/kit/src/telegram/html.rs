//! Telegram's HTML: which tags there are, that they must be closed, and what is left of a text without them.

use serde_json::{Value, json};

/// A text as a person sees it.
pub(super) struct Text {
    pub(super) shown: String,
    pub(super) entities: Vec<Value>,
}

struct Open {
    tag: String,
    entity: Value,
    from: usize,
}

/// Reads it as the server does.
pub(super) fn read(html: &str) -> Result<Text, String> {
    let (mut shown, mut entities, mut open) = (String::new(), Vec::new(), Vec::<Open>::new());
    let mut rest = html;
    while let Some(c) = rest.chars().next() {
        let at = html.len() - rest.len();
        match c {
            '<' => {
                let end = rest.find('>').ok_or_else(|| format!("Unclosed start tag at byte offset {at}"))?;
                let (inside, after) = (&rest[1..end], &rest[end + 1..]);
                rest = after;
                match inside.strip_prefix('/') {
                    Some(tag) => close(tag.trim(), at, &mut open, &mut entities, &shown)?,
                    None => open.push(start(inside, at, units(&shown))?),
                }
            }
            '&' => {
                let (decoded, length) = reference(rest);
                shown.push(decoded);
                rest = &rest[length..];
            }
            _ => {
                shown.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    match open.last() {
        Some(last) => Err(format!("Can't find end tag corresponding to start tag \"{}\"", last.tag)),
        None => Ok(Text { shown, entities }),
    }
}

fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

fn start(inside: &str, at: usize, from: usize) -> Result<Open, String> {
    let (tag, attributes) = inside.split_once(char::is_whitespace).unwrap_or((inside, ""));
    let tag = tag.to_ascii_lowercase();
    let value = |name: &str| {
        let (_, rest) = attributes.split_once(&format!("{name}="))?;
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        rest[1..].split(quote).next().map(|text| text.replace("&amp;", "&").replace("&quot;", "\""))
    };
    let kind = match tag.as_str() {
        "b" | "strong" => "bold",
        "i" | "em" => "italic",
        "u" | "ins" => "underline",
        "s" | "strike" | "del" => "strikethrough",
        "tg-spoiler" => "spoiler",
        "span" if value("class").as_deref() == Some("tg-spoiler") => "spoiler",
        "span" => return Err(format!("Tag \"span\" must have class \"tg-spoiler\" at byte offset {at}")),
        "code" => "code",
        "pre" => "pre",
        "blockquote" => "blockquote",
        "a" => "text_link",
        "tg-emoji" => "custom_emoji",
        _ => return Err(format!("Unsupported start tag \"{tag}\" at byte offset {at}")),
    };
    let mut entity = json!({"type": kind});
    if let Some(url) = value("href").filter(|_| tag == "a") {
        entity["url"] = url.into();
    }
    if let Some(language) = value("class").as_deref().and_then(|class| class.strip_prefix("language-")) {
        entity["language"] = language.into();
    }
    Ok(Open { tag, entity, from })
}

fn close(tag: &str, at: usize, open: &mut Vec<Open>, entities: &mut Vec<Value>, shown: &str) -> Result<(), String> {
    let Some(mut last) = open.pop() else {
        return Err(format!("Unexpected end tag at byte offset {at}"));
    };
    if !last.tag.eq_ignore_ascii_case(tag) {
        let expected = last.tag;
        return Err(format!("Unmatched end tag at byte offset {at}, expected \"</{expected}>\", found \"</{tag}>\""));
    }
    let length = units(shown) - last.from;
    (last.entity["offset"], last.entity["length"]) = (last.from.into(), length.into());
    let is_link_without_url = last.tag == "a" && last.entity["url"].is_null();
    if length > 0 && !is_link_without_url {
        entities.push(last.entity);
    }
    Ok(())
}

/// The character at the front, and how many bytes stand for it. What is no reference stays as it is.
fn reference(rest: &str) -> (char, usize) {
    const NAMED: [(&str, char); 4] = [("&lt;", '<'), ("&gt;", '>'), ("&amp;", '&'), ("&quot;", '"')];
    if let Some((name, c)) = NAMED.iter().find(|(name, _)| rest.starts_with(name)) {
        return (*c, name.len());
    }
    let number = rest.strip_prefix("&#").and_then(|rest| rest.split_once(';')).map(|(number, _)| number);
    let code = number.and_then(|number| match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => number.parse().ok(),
    });
    match (number, code.and_then(char::from_u32)) {
        (Some(number), Some(c)) => (c, number.len() + 3),
        _ => ('&', 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_must_be_known_and_closed_in_order() {
        let text =
            read("a <b>bold <i>both</i></b> &lt;x&gt; &amp; & <a href=\"https://x.example/?a=1&amp;b\">link</a>")
                .unwrap();
        assert_eq!(text.shown, "a bold both <x> & & link");
        let kinds: Vec<&str> = text.entities.iter().filter_map(|entity| entity["type"].as_str()).collect();
        assert_eq!(kinds, ["italic", "bold", "text_link"]);
        assert_eq!(text.entities[2]["url"], "https://x.example/?a=1&b");
        for broken in ["<b>x", "x</b>", "<b><i>x</b></i>", "<h1>x</h1>", "a < b", "<span>x</span>"] {
            assert!(read(broken).is_err(), "{broken}");
        }
    }
}
