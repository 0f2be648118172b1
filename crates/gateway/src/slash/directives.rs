//! Directives: words of command inside a message, taken out of it and good for that message only.

/// What a message asks of its own run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Directives {
    /// How hard to think.
    pub(crate) thinking: Option<String>,
    /// Which model is to answer.
    pub(crate) model: Option<String>,
}

/// Words for how hard to think.
const LEVELS: [&str; 9] = ["off", "minimal", "low", "medium", "high", "xhigh", "adaptive", "max", "ultra"];

/// Takes the directives out of `text`. What only looks like one stays, and so does everything of a message that is
/// nothing else, which is a command.
pub(crate) fn directives(text: &str) -> (String, Directives) {
    let mut found = Directives::default();
    let mut rest = text.to_owned();
    if let Some((without, level)) = take(&rest, &["/think", "/thinking", "/t"], |word| LEVELS.contains(&word)) {
        (rest, found.thinking) = (without, Some(level));
    }
    if let Some((without, model)) = take(&rest, &["/model"], |word| word.contains('/')) {
        (rest, found.model) = (without, Some(model));
    }
    if rest.trim().is_empty() { (text.to_owned(), Directives::default()) } else { (rest, found) }
}

/// The text without the first `name value` or `name:value` whose value is one, and the value in lower case.
fn take(text: &str, names: &[&str], is_value: impl Fn(&str) -> bool) -> Option<(String, String)> {
    let begins = |at: usize| at == 0 || text[..at].ends_with(char::is_whitespace);
    let places = text.match_indices('/').map(|(at, _)| at).filter(|at| begins(*at));
    for at in places {
        let after = &text[at..];
        let word = after.split([' ', ':', '\n', '\t']).next().unwrap_or("");
        if !names.contains(&word.to_lowercase().as_str()) {
            continue;
        }
        let behind = after[word.len()..].trim_start_matches([' ', ':']);
        let value = behind.split_whitespace().next().unwrap_or("");
        let wanted = value.to_lowercase();
        if !is_value(&wanted) {
            continue;
        }
        let end = text.len() - behind.len() + value.len();
        let (before, tail) = (text[..at].trim_end_matches(' '), text[end..].trim_start_matches(' '));
        let gap = if before.is_empty() || tail.is_empty() || tail.starts_with('\n') { "" } else { " " };
        return Some((format!("{before}{gap}{tail}"), wanted));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    ///
    #[test]
    fn directives_are_taken_out_and_look_alikes_stay() {
        let cases: &[(&str, &str, Option<&str>, Option<&str>)] = &[
            ("/think high what is 2+2?", "what is 2+2?", Some("high"), None),
            ("what is 2+2? /think:low", "what is 2+2?", Some("low"), None),
            ("a /t max b", "a b", Some("max"), None),
            ("/think hard about it", "/think hard about it", None, None),
            ("see /think/high", "see /think/high", None, None),
            ("/model demo/big say hi", "say hi", None, Some("demo/big")),
            ("/model demo/big /think low hi", "hi", Some("low"), Some("demo/big")),
            ("/model is a word", "/model is a word", None, None),
            ("/think high", "/think high", None, None),
            ("line\n/think low\nmore", "line\n\nmore", Some("low"), None),
        ];
        for (text, rest, thinking, model) in cases {
            let (left, found) = directives(text);
            assert_eq!(left, *rest, "{text:?}");
            assert_eq!((found.thinking.as_deref(), found.model.as_deref()), (*thinking, *model), "{text:?}");
        }
    }
}
