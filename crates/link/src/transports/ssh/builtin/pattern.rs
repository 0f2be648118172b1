//! The patterns of OpenSSH's files: `*` and `?`, a list of them, and `!` before one that must not match.

/// Whether `text` is one of `patterns`, and none that is negated.
pub(super) fn matches_any<'a>(patterns: impl IntoIterator<Item = &'a str>, text: &str) -> bool {
    let mut found = false;
    for pattern in patterns {
        match pattern.strip_prefix('!') {
            Some(pattern) if matches(pattern, text) => return false,
            Some(_) => {}
            None => found |= matches(pattern, text),
        }
    }
    found
}

/// Whether `text`, in lower case, is what `pattern` describes.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.to_ascii_lowercase(), text.as_bytes());
    let pattern = pattern.as_bytes();
    let (mut at, mut seen) = (0, 0);
    // Where to go on after the last `*`, one byte of the text further each time.
    let mut retry = None;
    while seen < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                retry = Some((at, seen));
                at += 1;
            }
            Some(b'?') => (at, seen) = (at + 1, seen + 1),
            Some(byte) if *byte == text[seen] => (at, seen) = (at + 1, seen + 1),
            _ => match retry {
                Some((star, from)) => {
                    retry = Some((star, from + 1));
                    (at, seen) = (star + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_question_marks_and_negations_mean_what_they_do_to_openssh() {
        for (pattern, text) in [
            ("*", "host"),
            ("*.example.com", "a.b.example.com"),
            ("h?st", "host"),
            ("a*b*c", "axxbyybzzc"),
            ("[127.0.0.1]:2222", "[127.0.0.1]:2222"),
            ("HOST", "host"),
            ("", ""),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("h?st", "hst"), ("*.example.com", "example.com"), ("a*b", "abc"), ("", "x")] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
        assert!(matches_any(["a", "b*"], "bc"));
        assert!(!matches_any(["*", "!bad"], "bad"));
        assert!(!matches_any(["!bad"], "good"));
    }
}
