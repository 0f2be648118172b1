//! Texts that are cut: whole tags, whole characters, nothing lost.

use proptest::prelude::*;

use super::*;
use crate::telegram::render::{Tables, render};

fn chunks(markdown: &str, limit: usize) -> Vec<Words> {
    chunk(&render(markdown, Tables::Code), limit, false)
}

fn texts(words: &[Words]) -> Vec<&str> {
    words.iter().map(|words| words.text.as_str()).collect()
}

/// Telegram's HTML read back: its text, or what is wrong with it.
fn strip(html: &str) -> Result<String, String> {
    let (mut out, mut open, mut rest) = (String::new(), Vec::new(), html);
    while let Some(at) = rest.find(['<', '&']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(entity) = rest.strip_prefix('&') {
            let (name, after) = entity.split_once(';').ok_or("half an entity")?;
            out.push(match name {
                "amp" => '&',
                "lt" => '<',
                "gt" => '>',
                other => return Err(format!("unknown entity {other}")),
            });
            rest = after;
            continue;
        }
        let (tag, after) = rest[1..].split_once('>').ok_or("half a tag")?;
        match tag.strip_prefix('/') {
            Some(name) if open.pop() == Some(name) => {}
            Some(name) => return Err(format!("{name} is closed and was not open")),
            None => open.push(tag.split(' ').next().unwrap_or(tag)),
        }
        rest = after;
    }
    out.push_str(rest);
    if open.is_empty() { Ok(out) } else { Err(format!("left open: {open:?}")) }
}

/// C-8.2
#[test]
fn cuts_are_made_at_paragraphs_lines_and_spaces_in_this_order() {
    assert_eq!(texts(&chunks("aaaa bbbb\n\ncccc dddd", 14)), ["aaaa bbbb", "cccc dddd"]);
    assert_eq!(texts(&chunks("aaaa bbbb\ncccc dddd", 14)), ["aaaa bbbb", "cccc dddd"]);
    assert_eq!(texts(&chunks("aaaa bbbb cccc", 10)), ["aaaa bbbb", "cccc"]);
    assert_eq!(texts(&chunks("aaaabbbbcccc", 8)), ["aaaabbbb", "cccc"]);
    assert_eq!(texts(&chunks("", 8)), [""; 0]);
}

/// C-8.2
#[test]
fn markup_open_at_a_cut_is_closed_and_opened_again() {
    let cut = chunks("```rust\nlet a = 1;\nlet b = 2;\n```", 12);
    let open = "<pre><code class=\"language-rust\">";
    assert_eq!(texts(&cut), [format!("{open}let a = 1;</code></pre>"), format!("{open}let b = 2;</code></pre>")]);
    assert_eq!(cut[0].plain.as_deref(), Some("let a = 1;"));
    assert_eq!(texts(&chunks("**aaaa bbbb**", 6)), ["<b>aaaa</b>", "<b>bbbb</b>"]);
}

/// C-8.2
#[test]
fn lengths_are_utf16_and_nothing_shown_as_one_is_divided() {
    assert_eq!(texts(&chunks("😀😀😀", 4)), ["😀😀", "😀"]);
    assert_eq!(texts(&chunks("aa👩‍👩‍👧bb", 8)), ["aa", "👩‍👩‍👧", "bb"].map(str::to_owned));
    assert_eq!(texts(&chunks("&&&&", 2)), ["&amp;&amp;", "&amp;&amp;"]);
}

/// C-8.2
#[test]
fn the_mode_newline_cuts_at_blank_lines_even_if_messages_get_short() {
    let text = "a\n\nbbbbbb bbbb\ncccccc";
    assert_eq!(texts(&chunk(&render(text, Tables::Code), 20, true)), ["a", "bbbbbb bbbb\ncccccc"]);
    assert_eq!(texts(&chunk(&render(text, Tables::Code), 20, false)), ["a\n\nbbbbbb bbbb", "cccccc"]);
}

fn markdown() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "**",
        "_",
        "`",
        "```\n",
        "\n```rust\n",
        "\n",
        "\n\n",
        "- ",
        "1. ",
        "> ",
        "# ",
        "[a](https://e.com/x?y=1&z=2)",
        "[",
        "](",
        ")",
        "||",
        "~~",
        "<b>",
        "</i>",
        "<T>",
        "&",
        "&amp;",
        "<",
        ">",
        "\"",
        "| a | b |\n|---|---|\n| c | d |\n",
        "😀",
        "👩‍👩‍👧",
        "é",
        "日本語",
        "word",
        "some words here ",
        "averylongwordwithoutanyspaces",
        "    ",
        "\\",
        "\u{200d}",
        "\t",
        "***",
    ]);
    prop::collection::vec(pieces, 0..80).prop_map(|pieces| pieces.concat())
}

proptest! {
    /// C-8.2
    #[test]
    fn every_chunk_is_whole_and_all_of_them_are_the_text(
        markdown in markdown(), limit in 8_usize..60, at_blank_lines: bool, tables in 0..3,
    ) {
        let tables = [Tables::Off, Tables::Bullets, Tables::Code][tables as usize];
        let spans = render(&markdown, tables);
        let mut all = String::new();
        for words in chunk(&spans, limit, at_blank_lines) {
            let text = strip(&words.text).map_err(|why| TestCaseError::fail(format!("{why}: {}", words.text)))?;
            prop_assert!(text.encode_utf16().count() <= limit, "{} > {limit}: {text:?}", text.encode_utf16().count());
            prop_assert!(!text.trim().is_empty());
            prop_assert_eq!(Some(&text), words.plain.as_ref());
            all.push_str(&text);
        }
        let words = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        prop_assert_eq!(words(&all), words(&render::plain(&spans)));
    }
}
