//! Chats and people as others write them (C-13.3, C-5.4).

use crate::Target;

/// What is understood, for an error.
const UNDERSTOOD: &str =
    "expected a chat id such as `-1001234567890`, `@name`, `t.me/name`, or `<chat id>:topic:<number>`";

/// A chat as people write it.
pub(super) fn target(text: &str) -> Result<Target, String> {
    let mut rest = without_prefixes(text.trim());
    let mut thread_id = None;
    if let Some((chat, topic)) = rest.rsplit_once(":topic:") {
        if topic.parse::<i32>().map_or(true, |topic| topic < 1) {
            return Err(format!("`{topic}` is no number of a topic; {UNDERSTOOD}"));
        }
        (rest, thread_id) = (chat, Some(topic.to_owned()));
    }
    let link = ["https://", "http://"].iter().find_map(|scheme| rest.strip_prefix(scheme)).unwrap_or(rest);
    if let Some(name) = ["t.me/", "telegram.me/"].iter().find_map(|site| link.strip_prefix(site)) {
        return named(name.trim_end_matches('/')).map(|to| Target { to, thread_id });
    }
    if rest.parse::<i64>().is_ok_and(|id| id != 0) {
        return Ok(Target { to: rest.trim_start_matches('+').to_owned(), thread_id });
    }
    match rest.strip_prefix('@') {
        Some(name) => named(name).map(|to| Target { to, thread_id }),
        None => Err(format!("`{}` is no chat of Telegram; {UNDERSTOOD}", text.trim())),
    }
}

/// An entry of a list of who may talk: a number, or `*`. Names are no ids: whoever gives one up, another may take.
pub(super) fn peer(entry: &str) -> Option<String> {
    let entry = without_prefixes(entry.trim());
    let is_id = entry.parse::<i64>().is_ok_and(|id| id != 0) && !entry.starts_with('+');
    (entry == "*" || is_id).then(|| entry.to_owned())
}

fn named(name: &str) -> Result<String, String> {
    let is_name = (4..=32).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_name { Ok(format!("@{name}")) } else { Err(format!("`@{name}` is no name in Telegram; {UNDERSTOOD}")) }
}

fn without_prefixes(text: &str) -> &str {
    let known = ["telegram:", "tg:", "group:", "user:", "chat:"];
    let stripped = known.iter().find_map(|prefix| {
        let start = text.get(..prefix.len())?;
        start.eq_ignore_ascii_case(prefix).then(|| text[prefix.len()..].trim())
    });
    stripped.map_or(text, without_prefixes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C-13.3
    #[test]
    fn a_chat_may_be_written_in_many_ways() {
        let cases = [
            ("42", "42", None),
            ("-1001234567890", "-1001234567890", None),
            ("telegram:42", "42", None),
            ("tg:group:-100777", "-100777", None),
            ("-100777:topic:5", "-100777", Some("5")),
            ("@some_name", "@some_name", None),
            ("t.me/some_name", "@some_name", None),
            ("https://t.me/some_name/", "@some_name", None),
        ];
        for (text, to, thread) in cases {
            let expected = Target { to: to.into(), thread_id: thread.map(Into::into) };
            assert_eq!(target(text), Ok(expected), "{text}");
        }
        for text in ["", "some name", "@x", "0", "-100777:topic:x", "-100777:topic:-3", "t.me/a b"] {
            assert!(target(text).is_err_and(|why| why.contains("expected a chat id")), "{text}");
        }
    }

    /// C-5.4
    #[test]
    fn who_may_talk_is_a_number_and_never_a_name() {
        for (entry, id) in [("42", "42"), ("tg:42", "42"), ("Telegram: 42", "42"), ("*", "*"), ("-10042", "-10042")] {
            assert_eq!(peer(entry).as_deref(), Some(id), "{entry}");
        }
        for entry in ["@bob", "bob", "", "0", "4 2"] {
            assert_eq!(peer(entry), None, "{entry}");
        }
    }
}
