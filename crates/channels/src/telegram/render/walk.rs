//! Through Markdown, block by block.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag as Block, TagEnd};

use super::html::visible;
use super::table::Table;
use super::{Span, Tables, Tag};

/// Lists in lists are indented up to this depth; nobody means more.
const DEEPEST_LIST: usize = 32;

pub(super) fn walk(markdown: &str, tables: Tables) -> Vec<Span> {
    let mut options = Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    options.set(Options::ENABLE_TABLES, tables != Tables::Off);
    let mut walk = Walk { markdown, tables, ..Walk::default() };
    for (event, place) in Parser::new_ext(markdown, options).into_offset_iter() {
        walk.event(event, place);
    }
    walk.out
}

#[derive(Default)]
struct Walk<'a> {
    markdown: &'a str,
    tables: Tables,
    out: Vec<Span>,
    /// What the next text is under.
    tags: Vec<Tag>,
    /// Line breaks owed before it.
    owed: usize,
    /// Of each list around: the next number, or none.
    lists: Vec<Option<u64>>,
    /// A list's mark was written, and nothing after it.
    marked: bool,
    /// Code, or HTML, that is being read.
    block: Option<String>,
    table: Option<Table>,
    /// Of each link around: its address, and how much was shown when its text began.
    links: Vec<(String, usize)>,
    /// How many bytes were shown.
    shown: usize,
}

impl Walk<'_> {
    fn event(&mut self, event: Event<'_>, place: Range<usize>) {
        match event {
            Event::Start(block) => self.start(block, &place),
            Event::End(end) => self.end(end),
            Event::Text(text) => self.text(&text),
            Event::Code(code) => self.within(Tag::Code, |walk| walk.text(&code)),
            Event::Html(raw) | Event::InlineHtml(raw) => match &mut self.block {
                Some(block) => block.push_str(&raw),
                None => self.text(&visible(&raw)),
            },
            Event::SoftBreak | Event::HardBreak => self.text("\n"),
            Event::Rule => {
                self.begin(&place);
                self.text("———");
            }
            Event::TaskListMarker(done) => self.text(if done { "☑ " } else { "☐ " }),
            Event::FootnoteReference(text) | Event::InlineMath(text) | Event::DisplayMath(text) => self.text(&text),
        }
    }

    fn start(&mut self, block: Block<'_>, place: &Range<usize>) {
        match block {
            Block::Paragraph | Block::Heading { .. } => self.begin(place),
            Block::BlockQuote(_) => {
                self.begin(place);
                self.tags.push(Tag::Quote);
            }
            Block::CodeBlock(kind) => {
                self.begin(place);
                self.tags.push(Tag::Pre(language(&kind)));
                self.block = Some(String::new());
            }
            Block::HtmlBlock => {
                self.begin(place);
                self.block = Some(String::new());
            }
            Block::List(first) => {
                self.begin(place);
                self.lists.push(first);
            }
            Block::Item => self.item(place),
            Block::Emphasis => self.tags.push(Tag::Italic),
            Block::Strong => self.tags.push(Tag::Bold),
            Block::Strikethrough => self.tags.push(Tag::Struck),
            Block::Link { dest_url, .. } | Block::Image { dest_url, .. } => self.link(&dest_url),
            Block::Table(alignments) => {
                self.begin(place);
                self.table = Some(Table { alignments, rows: Vec::new() });
            }
            Block::TableHead | Block::TableRow => {
                if let Some(table) = &mut self.table {
                    table.rows.push(Vec::new());
                }
            }
            Block::TableCell => {
                if let Some(row) = self.table.as_mut().and_then(|table| table.rows.last_mut()) {
                    row.push(String::new());
                }
            }
            _ => {}
        }
    }

    fn end(&mut self, end: TagEnd) {
        match end {
            TagEnd::CodeBlock => {
                let code = self.block.take().unwrap_or_default();
                self.text(code.strip_suffix('\n').unwrap_or(&code));
                self.tags.pop();
            }
            TagEnd::HtmlBlock => {
                let raw = self.block.take().unwrap_or_default();
                let shown = visible(&raw);
                self.text(shown.trim());
            }
            TagEnd::BlockQuote(_) | TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough => {
                self.tags.pop();
            }
            TagEnd::List(_) => {
                self.lists.pop();
            }
            TagEnd::Item => self.marked = false,
            TagEnd::Link | TagEnd::Image => self.end_link(),
            TagEnd::Table => {
                if let Some(table) = self.table.take() {
                    for span in table.show(self.tables, &self.tags) {
                        self.push(span);
                    }
                }
            }
            _ => {}
        }
    }

    /// A block begins: on its own line, with a blank one before it where the source has one.
    fn begin(&mut self, place: &Range<usize>) {
        if self.marked {
            return;
        }
        let line = self.markdown[..place.start].rfind('\n');
        let blank = line.is_some_and(|end| {
            let before = self.markdown[..end].rsplit('\n').next().unwrap_or_default();
            before.trim_matches(|c: char| c == '>' || c.is_whitespace()).is_empty()
        });
        self.owed = self.owed.max(if blank { 2 } else { 1 });
    }

    fn item(&mut self, place: &Range<usize>) {
        self.begin(place);
        self.marked = false;
        let indent = "  ".repeat(self.lists.len().saturating_sub(1).min(DEEPEST_LIST));
        let mark = match self.lists.last_mut() {
            Some(Some(number)) => {
                *number += 1;
                format!("{indent}{}. ", *number - 1)
            }
            _ => format!("{indent}• "),
        };
        self.text(&mark);
        self.marked = true;
    }

    fn link(&mut self, address: &str) {
        self.links.push((address.to_owned(), self.shown));
        let nested = self.tags.iter().any(|tag| matches!(tag, Tag::Link(_)));
        if is_address(address) && !nested {
            self.tags.push(Tag::Link(address.to_owned()));
        }
    }

    fn end_link(&mut self) {
        let Some((address, began)) = self.links.pop() else { return };
        let silent = self.shown == began;
        if self.tags.last() == Some(&Tag::Link(address.clone())) {
            if silent {
                self.text(&address);
            }
            self.tags.pop();
        } else if !address.is_empty() && !is_address(&address) {
            let shown = if silent { address } else { format!(" ({address})") };
            self.text(&shown);
        }
    }

    fn within(&mut self, tag: Tag, work: impl FnOnce(&mut Self)) {
        self.tags.push(tag);
        work(self);
        self.tags.pop();
    }

    fn text(&mut self, text: &str) {
        self.shown += text.len();
        if let Some(block) = &mut self.block {
            block.push_str(text);
        } else if let Some(cell) = self.table.as_mut().and_then(Table::cell) {
            cell.push_str(text);
        } else {
            // A quote in a quote is one quote to Telegram.
            let mut tags: Vec<Tag> = Vec::with_capacity(self.tags.len());
            for tag in &self.tags {
                if !tags.contains(tag) {
                    tags.push(tag.clone());
                }
            }
            self.push(Span { text: text.to_owned(), tags });
        }
    }

    fn push(&mut self, span: Span) {
        if span.text.is_empty() {
            return;
        }
        self.marked = false;
        let owed = std::mem::take(&mut self.owed);
        if let Some(last) = self.out.last().filter(|_| owed > 0) {
            let quoted = last.tags.first() == Some(&Tag::Quote) && span.tags.first() == Some(&Tag::Quote);
            let tags = if quoted { vec![Tag::Quote] } else { Vec::new() };
            self.out.push(Span { text: "\n".repeat(owed), tags });
        }
        match self.out.last_mut() {
            Some(last) if last.tags == span.tags => last.text.push_str(&span.text),
            _ => self.out.push(span),
        }
    }
}

fn language(kind: &CodeBlockKind<'_>) -> Option<String> {
    let CodeBlockKind::Fenced(info) = kind else { return None };
    let word = info.split([' ', ',', '{', '\t']).next().unwrap_or_default();
    Some(word.to_owned()).filter(|word| !word.is_empty())
}

/// Whether Telegram makes a link of it.
fn is_address(address: &str) -> bool {
    let scheme = address.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
    matches!(scheme.as_deref(), Some("http" | "https" | "tg" | "mailto" | "tel"))
}
