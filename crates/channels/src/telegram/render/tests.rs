//! Markdown as models write it, and what Telegram gets.

use super::*;

fn shown(markdown: &str) -> String {
    html(&render(markdown, Tables::Code))
}

/// C-8.1, C-8.1a
#[test]
fn markdown_becomes_the_html_that_was_seen() {
    let cases = [
        (
            "**Bold** _it_ `code` [link](https://example.com)",
            "<b>Bold</b> <i>it</i> <code>code</code> <a href=\"https://example.com\">link</a>",
        ),
        ("# Head", "Head"),
        ("- a\n- b", "• a\n• b"),
        ("```js\nlet a = 1 < 2;\n```", "<pre><code class=\"language-js\">let a = 1 &lt; 2;</code></pre>"),
        ("```\nx\n\ny\n```", "<pre><code>x\n\ny</code></pre>"),
        ("> quote\n> more", "<blockquote>quote\nmore</blockquote>"),
        ("a <b>raw</b> & b", "a raw &amp; b"),
        (
            "~~gone~~ and ||hidden **b**||",
            "<s>gone</s> and <tg-spoiler>hidden </tg-spoiler><b><tg-spoiler>b</tg-spoiler></b>",
        ),
        ("1. one\n2. two\n   - in", "1. one\n2. two\n  • in"),
        ("- [x] done\n- [ ] open", "• ☑ done\n• ☐ open"),
        ("one\n\ntwo\nthree", "one\n\ntwo\nthree"),
        ("Intro:\n- a\n\n- b", "Intro:\n• a\n\n• b"),
        ("use Vec<String> or `a<b>`", "use Vec&lt;String&gt; or <code>a&lt;b&gt;</code>"),
        ("a<br>b", "a\nb"),
        ("[x](javascript:alert(1)) [y](./z.md)", "x (javascript:alert(1)) y (./z.md)"),
        ("[a](https://e.com/?q=\"&x)", "<a href=\"https://e.com/?q=&quot;&amp;x\">a</a>"),
        ("![](https://e.com/p.png)", "<a href=\"https://e.com/p.png\">https://e.com/p.png</a>"),
        ("x || y || z", "x || y || z"),
        ("> a\n>\n> > b\n\nc", "<blockquote>a\n\nb</blockquote>\n\nc"),
        ("***both***", "<i><b>both</b></i>"),
        ("- a\n\n  ```sh\n  ls\n  ```", "• a\n\n<pre><code class=\"language-sh\">ls</code></pre>"),
    ];
    for (markdown, expected) in cases {
        assert_eq!(shown(markdown), expected, "{markdown:?}");
    }
}

/// C-8.1
#[test]
fn tables_become_columns_or_lists_or_stay() {
    let table = "| Name | Größe |\n|---|--:|\n| 日本 | 1 |\n| b | 22 |";
    let columns = "<pre><code>| Name | Größe |\n| ---- | ----- |\n| 日本 |     1 |\n| b    |    22 |</code></pre>";
    assert_eq!(shown(table), columns);
    let lists = "<b>日本</b>\n• Größe: 1\n\n<b>b</b>\n• Größe: 22";
    assert_eq!(html(&render(table, Tables::Bullets)), lists);
    assert_eq!(plain(&render(table, Tables::Off)), table);
}

/// C-8.1a, C-9.5
#[test]
fn a_link_is_held_back_until_it_is_whole() {
    let cases = [
        ("see [link](https://exam", "see "),
        ("see [link", "see "),
        ("see [link]", "see "),
        ("see ![alt](http", "see "),
        ("see [link](https://a.b) and", "see [link](https://a.b) and"),
        ("a [x] is done", "a [x] is done"),
        ("[open\nnext line", "[open\nnext line"),
    ];
    for (written, expected) in cases {
        assert_eq!(settled(written), expected, "{written:?}");
    }
}
