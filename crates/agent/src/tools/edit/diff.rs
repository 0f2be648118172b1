//! A short account of what an edit changed, for the model and for people who watch.

use super::replace::{Spot, line_of};

/// Most lines of the account.
const MAX_LINES: usize = 60;

/// What changed.
pub(super) struct Diff {
    /// `@@ line 12`, then `-` and `+` lines.
    pub(super) text: String,
    /// The first line that changed, from 1.
    pub(super) first_line: usize,
}

/// The whole lines each replacement touches, before and after.
pub(super) fn short(before: &str, spots: &[Spot]) -> Diff {
    let mut lines = Vec::new();
    for spot in spots {
        let start = before[..spot.range.start].rfind('\n').map_or(0, |at| at + 1);
        let end = before[spot.range.end..].find('\n').map_or(before.len(), |at| spot.range.end + at);
        let old = &before[start..end];
        let new = format!("{}{}{}", &before[start..spot.range.start], spot.text, &before[spot.range.end..end]);
        lines.push(format!("@@ line {}", line_of(before, spot.range.start)));
        lines.extend(old.lines().map(|line| format!("-{line}")));
        lines.extend(new.lines().map(|line| format!("+{line}")));
    }
    if lines.len() > MAX_LINES {
        let more = lines.len() - MAX_LINES;
        lines.truncate(MAX_LINES);
        lines.push(format!("[... {more} more lines]"));
    }
    let first_line = spots.first().map_or(1, |spot| line_of(before, spot.range.start));
    Diff { text: lines.join("\n"), first_line }
}

#[cfg(test)]
mod tests {
    use super::*;

    ///
    #[test]
    fn the_account_shows_whole_lines() {
        let spot = Spot { range: 6..7, text: "X\nY".into() };
        let diff = short("one\ntwo\nthree", &[spot]);
        assert_eq!((diff.text.as_str(), diff.first_line), ("@@ line 2\n-two\n+twX\n+Y", 2));
    }
}
