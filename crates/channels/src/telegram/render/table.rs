//! Tables: Telegram has none, so they become columns in a fixed font or lists.

use pulldown_cmark::Alignment;

use super::{Span, Tables, Tag};

/// A table that is being read.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) alignments: Vec<Alignment>,
    /// The first is the header.
    pub(super) rows: Vec<Vec<String>>,
}

impl Table {
    /// The cell that is being read.
    pub(super) fn cell(&mut self) -> Option<&mut String> {
        self.rows.last_mut()?.last_mut()
    }

    /// As it is shown, under `around`.
    pub(super) fn show(mut self, tables: Tables, around: &[Tag]) -> Vec<Span> {
        for cell in self.rows.iter_mut().flatten() {
            *cell = cell.split_whitespace().collect::<Vec<_>>().join(" ");
        }
        match tables {
            Tables::Bullets => self.as_lists(around),
            Tables::Code | Tables::Off => vec![span(self.in_columns(), around, Some(Tag::Pre(None)))],
        }
    }

    fn in_columns(&self) -> String {
        let count = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let widest = |column: usize| self.rows.iter().filter_map(|row| row.get(column)).map(|cell| width(cell)).max();
        let widths: Vec<usize> = (0..count).map(|column| widest(column).unwrap_or(0).max(3)).collect();
        let mut lines = Vec::with_capacity(self.rows.len() + 1);
        for (number, row) in self.rows.iter().enumerate() {
            let cells = widths.iter().enumerate().map(|(column, width)| {
                let cell = row.get(column).map_or("", String::as_str);
                padded(cell, *width, self.alignments.get(column).copied().unwrap_or(Alignment::None))
            });
            lines.push(format!("| {} |", cells.collect::<Vec<_>>().join(" | ")));
            if number == 0 {
                let rules = widths.iter().map(|width| "-".repeat(*width)).collect::<Vec<_>>();
                lines.push(format!("| {} |", rules.join(" | ")));
            }
        }
        lines.join("\n")
    }

    fn as_lists(&self, around: &[Tag]) -> Vec<Span> {
        let Some((header, rows)) = self.rows.split_first() else { return Vec::new() };
        let mut out = Vec::new();
        for (number, row) in rows.iter().enumerate() {
            if header.len() < 2 {
                let gap = if number > 0 { "\n" } else { "" };
                out.push(span(format!("{gap}• {}", row.join(" ")), around, None));
                continue;
            }
            if number > 0 {
                out.push(span("\n\n".into(), around, None));
            }
            let (title, cells) = row.split_first().map_or(("", row.as_slice()), |(title, cells)| (title, cells));
            out.push(span(title.to_owned(), around, Some(Tag::Bold)));
            for (name, cell) in header[1..].iter().zip(cells).filter(|(_, cell)| !cell.is_empty()) {
                out.push(span(format!("\n• {name}: {cell}"), around, None));
            }
        }
        out
    }
}

fn span(text: String, around: &[Tag], tag: Option<Tag>) -> Span {
    Span { text, tags: around.iter().cloned().chain(tag).collect() }
}

fn padded(cell: &str, to: usize, alignment: Alignment) -> String {
    let missing = to.saturating_sub(width(cell));
    let left = match alignment {
        Alignment::Right => missing,
        Alignment::Center => missing / 2,
        Alignment::Left | Alignment::None => 0,
    };
    format!("{}{cell}{}", " ".repeat(left), " ".repeat(missing - left))
}

/// Columns it takes in a fixed font.
fn width(text: &str) -> usize {
    text.chars().map(|c| if is_wide(c) { 2 } else { 1 }).sum()
}

/// East Asian characters and pictures take two columns.
const fn is_wide(c: char) -> bool {
    matches!(c, '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe4f}' | '\u{ff00}'..='\u{ff60}' | '\u{ffe0}'..='\u{ffe6}' | '\u{1f300}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}')
}
