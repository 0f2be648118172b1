//! Where each replacement goes, and the file with all of them made.
//!
//! Bytes outside the replaced pieces stay as they are: byte order mark, line ends, a missing last line break. A model
//! writes `\n`; when the file says `\r\n` the search and the new text say so too.

use std::ops::Range;

use super::Replacement;

/// One replacement with its place.
#[derive(Debug, PartialEq)]
pub(super) struct Spot {
    /// The bytes to be replaced.
    pub(super) range: Range<usize>,
    /// What comes there.
    pub(super) text: String,
}

/// Finds every replacement, in the order of the file.
///
/// # Errors
/// A sentence naming the first replacement that is missing, ambiguous, pointless or in another's way.
pub(super) fn find(text: &str, edits: &[Replacement]) -> Result<Vec<Spot>, String> {
    let mut spots = Vec::with_capacity(edits.len());
    for (index, edit) in edits.iter().enumerate() {
        let name = if edits.len() == 1 { "oldText".to_owned() } else { format!("edits[{index}].oldText") };
        spots.push(find_one(text, edit).map_err(|problem| format!("{name} {problem}"))?);
    }
    spots.sort_by_key(|spot| spot.range.start);
    let clash = spots.windows(2).find(|pair| pair[0].range.end > pair[1].range.start);
    match clash {
        Some(pair) => {
            let line = line_of(text, pair[1].range.start);
            Err(format!("two edits overlap at line {line}; join them into one"))
        }
        None => Ok(spots),
    }
}

fn find_one(text: &str, edit: &Replacement) -> Result<Spot, String> {
    if edit.old_text.is_empty() {
        return Err("is empty; to fill a new file use `write`".into());
    }
    if edit.old_text == edit.new_text {
        return Err("equals newText; there is nothing to change".into());
    }
    let as_given = places(text, &edit.old_text);
    let (found, old) = if as_given.is_empty() && text.contains("\r\n") {
        let old = with_crlf(&edit.old_text);
        (places(text, &old), old)
    } else {
        (as_given, edit.old_text.clone())
    };
    match found.as_slice() {
        [] => Err(format!("does not occur in the file{}", near_miss(text, &edit.old_text))),
        [at] => Ok(Spot { range: *at..at + old.len(), text: like_the_file(text, *at..at + old.len(), &edit.new_text) }),
        several => Err(format!(
            "occurs {} times (lines {}); add lines around it until it is unique",
            several.len(),
            several.iter().take(5).map(|at| line_of(text, *at).to_string()).collect::<Vec<_>>().join(", ")
        )),
    }
}

/// Every place where `needle` begins, overlapping ones too.
fn places(text: &str, needle: &str) -> Vec<usize> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|rest| rest.find(needle)) {
        found.push(from + at);
        from += at + text[from + at..].chars().next().map_or(1, char::len_utf8);
    }
    found
}

/// `new` with the line ends of the piece it replaces, or of the whole file when that piece has none.
fn like_the_file(text: &str, replaced: Range<usize>, new: &str) -> String {
    let piece = &text[replaced];
    let crlf = if piece.contains('\n') { piece.contains("\r\n") } else { text.contains("\r\n") };
    if crlf { with_crlf(new) } else { new.to_owned() }
}

fn with_crlf(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\n', "\r\n")
}

/// A hint when only blanks differ.
fn near_miss(text: &str, old: &str) -> String {
    let squeeze = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let wanted: Vec<String> = old.lines().map(squeeze).collect();
    let have: Vec<String> = text.lines().map(squeeze).collect();
    let at = have.windows(wanted.len().max(1)).position(|window| window == wanted);
    match at {
        Some(at) => format!("; line {} differs from it only in blanks, copy it exactly", at + 1),
        None => "; read the file again and copy the text exactly".into(),
    }
}

/// The file with every replacement made.
pub(super) fn apply(text: &str, spots: &[Spot]) -> String {
    let mut result = String::with_capacity(text.len());
    let mut done = 0;
    for spot in spots {
        result.push_str(&text[done..spot.range.start]);
        result.push_str(&spot.text);
        done = spot.range.end;
    }
    result.push_str(&text[done..]);
    result
}

/// The line of a byte, from 1.
pub(super) fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn edit(old: &str, new: &str) -> Replacement {
        Replacement { old_text: old.into(), new_text: new.into() }
    }

    fn made(text: &str, edits: &[Replacement]) -> Result<String, String> {
        find(text, edits).map(|spots| apply(text, &spots))
    }

    ///
    #[test]
    fn edits_are_looked_up_in_the_file_as_it_was() {
        let result = made("one two three", &[edit("three", "one"), edit("one", "three")]);
        assert_eq!(result.unwrap(), "three two one");
    }

    ///
    #[test]
    fn an_edit_that_is_missing_ambiguous_or_overlapping_is_named() {
        for (text, edits, part) in [
            ("a\na\n", vec![edit("a", "b")], "oldText occurs 2 times (lines 1, 2)"),
            ("aaa", vec![edit("aa", "b")], "occurs 2 times"),
            ("fn a() {\n\tb\n}\n", vec![edit("fn a() {\n    b", "")], "line 1 differs from it only in blanks"),
            ("abc", vec![edit("x", "y")], "does not occur"),
            ("abc", vec![edit("a", "a")], "nothing to change"),
            ("abc", vec![edit("", "a")], "is empty"),
            ("abc", vec![edit("ab", "x"), edit("bc", "y")], "overlap at line 1"),
            ("abc", vec![edit("a", "x"), edit("q", "y")], "edits[1].oldText"),
        ] {
            let problem = made(text, &edits).unwrap_err();
            assert!(problem.contains(part), "{problem}");
        }
    }

    ///
    #[test]
    fn line_ends_and_the_byte_order_mark_stay() {
        let text = "\u{feff}one\r\ntwo\r\nthree";
        assert_eq!(made(text, &[edit("one\ntwo", "1\n2")]).unwrap(), "\u{feff}1\r\n2\r\nthree");
        assert_eq!(made(text, &[edit("three", "3\n4")]).unwrap(), "\u{feff}one\r\ntwo\r\n3\r\n4");
        assert_eq!(made("a\r\nb\nc\n", &[edit("b\nc", "x\ny")]).unwrap(), "a\r\nx\ny\n", "mixed ends stay mixed");
    }

    proptest! {
        ///
        #[test]
        fn a_made_edit_changes_nothing_else(before in "[a-c\r\n]{0,20}", after in "[a-c\r\n]{0,20}", new in "[x-z\n]{0,5}") {
            let text = format!("{before}OLD{after}");
            let result = made(&text, &[edit("OLD", &new)]).unwrap();
            prop_assert!(result.starts_with(&before) && result.ends_with(&after));
            prop_assert_eq!(result.replace('\r', "").len(), text.replace('\r', "").len() - 3 + new.len());
        }
    }
}
