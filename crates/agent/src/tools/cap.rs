//! How much of a result a model gets to see.

/// Most characters of text in one result.
pub(super) const RESULT_CHARS: usize = 30_000;

/// `text` within `limit` characters: when it is longer, its first 60 % and last 40 % with a line between that says how
/// much is missing. Cut at line ends where one is near.
pub(super) fn fit(text: &str, limit: usize) -> String {
    let count = text.chars().count();
    if count <= limit {
        return text.to_owned();
    }
    let head_chars = limit * 6 / 10;
    let head = &text[..byte_of(text, head_chars)];
    let tail = &text[byte_of(text, count - (limit - head_chars))..];
    let head = head.rfind('\n').filter(|at| head.len() - at < NEAR).map_or(head, |at| &head[..at]);
    let tail = tail.find('\n').filter(|at| *at < NEAR).map_or(tail, |at| &tail[at + 1..]);
    let gone = count - head.chars().count() - tail.chars().count();
    format!("{head}\n[... {gone} characters left out ...]\n{tail}")
}

/// How far from the cut a line end may be to be preferred.
const NEAR: usize = 400;

fn byte_of(text: &str, chars: usize) -> usize {
    text.char_indices().nth(chars).map_or(text.len(), |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    ///
    #[test]
    fn a_long_text_keeps_its_beginning_and_its_end() {
        let text: String = (0..10_000).map(|line| format!("line {line}\n")).collect();
        let fitted = fit(&text, RESULT_CHARS);
        assert!(fitted.starts_with("line 0\n") && fitted.ends_with("line 9999\n"));
        assert!(fitted.contains("characters left out ...]\nline "), "whole lines after the gap");
        assert!(fitted.chars().count() < RESULT_CHARS + 60);
    }

    proptest! {
        ///
        #[test]
        fn a_result_never_exceeds_its_limit_by_more_than_the_note(text in ".{0,400}", limit in 1_usize..200) {
            let fitted = fit(&text, limit);
            prop_assert!(fitted.chars().count() <= limit + 50);
            if text.chars().count() <= limit { prop_assert_eq!(fitted, text); }
        }
    }
}
