//! Shortening a long text where a person would: the beginning says what it is, the end says how it went.

/// `text` in at most about `max` characters: the first 70 %, the last 20 %, and between them what was left out and
/// `why`. A text that fits is returned as it is.
pub fn cut(text: &str, max: usize, why: &str) -> String {
    let count = text.chars().count();
    if count <= max {
        return text.to_owned();
    }
    let (head, tail) = (max * 7 / 10, max / 5);
    let head_end = text.char_indices().nth(head).map_or(text.len(), |(at, _)| at);
    let tail_start = text.char_indices().nth(count - tail).map_or(text.len(), |(at, _)| at);
    let left_out = count - head - tail;
    format!("{}\n[… {left_out} characters left out: {why} …]\n{}", &text[..head_end], &text[tail_start..])
}

#[cfg(test)]
mod tests {
    use super::*;

    ///
    #[test]
    fn a_long_text_keeps_its_head_and_tail() {
        let text: String = (0..100).map(|n| char::from(b'a' + n / 4)).collect();
        let short = cut(&text, 50, "too long");
        assert!(short.starts_with(&text[..35]) && short.ends_with(&text[90..]), "{short}");
        assert!(short.contains("[… 55 characters left out: too long …]"));
        assert_eq!(cut("ééé", 3, ""), "ééé");
        assert!(cut(&"é".repeat(100), 10, "x").starts_with("ééééééé\n"));
    }
}
