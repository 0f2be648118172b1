//! Tables that fit a terminal: 80 columns when nobody says otherwise.

use comfy_table::{ContentArrangement, Table, presets};

const DEFAULT_WIDTH: u16 = 80;

/// A table without lines, wrapped to the terminal.
pub(crate) fn table<R: IntoIterator<Item = String>>(head: &[&str], rows: impl IntoIterator<Item = R>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(width());
    table.set_header(head.iter().map(|cell| (*cell).to_owned()));
    for row in rows {
        table.add_row(row.into_iter());
    }
    let text = table.to_string();
    text.lines().map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end()).collect::<Vec<_>>().join("\n")
}

/// `label   value` rows, labels aligned.
pub(crate) fn pairs<'a>(rows: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let rows: Vec<_> = rows.into_iter().collect();
    let widest = rows.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
    let lines = rows.iter().map(|(label, value)| format!("{label:widest$}  {value}"));
    lines.collect::<Vec<_>>().join("\n")
}

/// Wrapped for a terminal, continued under its own indentation.
pub(crate) fn wrapped(text: &str, first: &str) -> Vec<String> {
    let rest = " ".repeat(first.len());
    let options = textwrap::Options::new(width().into())
        .initial_indent(first)
        .subsequent_indent(&rest)
        .word_separator(textwrap::WordSeparator::AsciiSpace)
        .break_words(false);
    textwrap::wrap(text, options).into_iter().map(std::borrow::Cow::into_owned).collect()
}

/// Columns to fill.
pub(crate) fn width() -> u16 {
    terminal_size::terminal_size().map_or(DEFAULT_WIDTH, |(width, _)| width.0.clamp(40, 160))
}

/// How long ago, in one unit: `3m`, `2h`, `5d`.
pub(crate) fn age(then_ms: i64, now_ms: i64) -> String {
    let seconds = (now_ms - then_ms).max(0) / 1000;
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_have_no_lines_and_fit_eighty_columns() {
        let text = table(&["A", "B"], [vec!["one".to_owned(), "word ".repeat(40)], vec!["two".to_owned(), "x".into()]]);
        assert!(text.starts_with('A'), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(text.lines().count() > 3, "long cells wrap");
    }

    #[test]
    fn ages_have_one_unit() {
        let ages = [(0, "0s"), (59_000, "59s"), (60_000, "1m"), (7_200_000, "2h"), (172_800_000, "2d")];
        for (passed, text) in ages {
            assert_eq!(age(0, passed), text);
        }
        assert_eq!(age(5, 0), "0s", "a clock that went back");
    }
}
