//! Text as a chat shows it: without the marks that were meant for machines.

use std::borrow::Cow;

/// What a model answers when there is nothing to say.
const SILENCE: &str = "NO_REPLY";
/// What a heartbeat answers when all is well.
const HEARTBEAT_ACK: &str = "HEARTBEAT_OK";
/// Most characters beside a heartbeat's acknowledgement that still count as one.
const HEARTBEAT_ACK_SLACK: usize = 300;
/// Control tokens that leak out of chat templates.
const CONTROL_TOKENS: [&str; 7] =
    ["<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|end|>", "<|assistant|>", "<|user|>"];
/// Names of the directives a reply may carry, `[[name]]` or `[[name:value]]`.
const DIRECTIVES: [&str; 3] = ["reply_to_current", "reply_to", "audio_as_voice"];
const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
/// Longest time stamp in front of a person's words.
const STAMP_MAX: usize = 64;

/// What of an assistant's text a person sees; `None` when it is a signal and not words.
pub(crate) fn assistant(text: &str) -> Option<String> {
    let trimmed = text.trim();
    if trimmed.eq_ignore_ascii_case(SILENCE) || is_heartbeat_ack(trimmed) {
        return None;
    }
    let without_calls = cut_between(text, "<tool_call>", "</tool_call>");
    let mut shown = without_directives(&without_calls);
    for token in CONTROL_TOKENS {
        if shown.contains(token) {
            shown = Cow::Owned(shown.replace(token, ""));
        }
    }
    Some(if shown.len() == text.len() { shown.into_owned() } else { shown.trim().to_owned() })
}

/// What a person said, without what an envelope puts around it; `None` for a heartbeat's prompt.
pub(crate) fn user(text: &str) -> Option<&str> {
    if text.starts_with("[OpenClaw heartbeat") {
        return None;
    }
    let words = agent::prompt::without_chat_context(text)?;
    Some(words.strip_prefix('[').and_then(without_stamp).unwrap_or(words))
}

/// `text` cut to `max` characters with a mark where it was cut.
pub(crate) fn shorten(text: &str, max: usize) -> Cow<'_, str> {
    match text.char_indices().nth(max) {
        None => Cow::Borrowed(text),
        Some((at, _)) => Cow::Owned(format!("{}…", text[..at].trim_end())),
    }
}

/// `text` on one line, cut to `max` characters.
pub(crate) fn one_line(text: &str, max: usize) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    shorten(&words.join(" "), max).into_owned()
}

fn is_heartbeat_ack(text: &str) -> bool {
    let rest = text.strip_prefix(HEARTBEAT_ACK).or_else(|| text.strip_suffix(HEARTBEAT_ACK));
    rest.is_some_and(|rest| rest.trim().chars().count() <= HEARTBEAT_ACK_SLACK)
}

fn without_stamp(after_bracket: &str) -> Option<&str> {
    let (stamp, rest) = after_bracket.split_once(']')?;
    let dated = WEEKDAYS.iter().any(|day| stamp.starts_with(day)) && stamp.contains(|c: char| c.is_ascii_digit());
    (dated && stamp.len() <= STAMP_MAX).then(|| rest.trim_start_matches(' '))
}

fn without_directives(text: &str) -> Cow<'_, str> {
    if !text.contains("[[") {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("[[") {
        let (before, from) = rest.split_at(at);
        shown.push_str(before);
        match from.find("]]") {
            Some(end) if is_directive(&from[2..end]) => rest = &from[end + 2..],
            _ => {
                shown.push_str("[[");
                rest = &from[2..];
            }
        }
    }
    shown.push_str(rest);
    Cow::Owned(shown)
}

fn is_directive(inside: &str) -> bool {
    DIRECTIVES.contains(&inside.split(':').next().unwrap_or("").trim())
}

fn cut_between<'a>(text: &'a str, open: &str, close: &str) -> Cow<'a, str> {
    if !text.contains(open) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, inside)) = rest.split_once(open) {
        shown.push_str(before);
        rest = inside.split_once(close).map_or("", |(_, after)| after);
    }
    shown.push_str(rest);
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    ///
    #[test]
    fn marks_for_machines_are_not_shown() {
        let cases = [
            ("Hello", Some("Hello")),
            (" spaced ", Some(" spaced ")),
            ("no_reply", None),
            (" NO_REPLY\n", None),
            ("NO_REPLY is a token", Some("NO_REPLY is a token")),
            ("HEARTBEAT_OK", None),
            ("all well HEARTBEAT_OK", None),
            ("[[reply_to_current]] Hi", Some("Hi")),
            ("[[reply_to: 42]]Hi [[x]]", Some("Hi [[x]]")),
            ("a <tool_call>{\"x\":1}</tool_call> b", Some("a  b")),
            ("cut <tool_call>{\"x\"", Some("cut")),
            ("Done<|im_end|>", Some("Done")),
            ("open [[ end", Some("open [[ end")),
        ];
        for (text, shown) in cases {
            assert_eq!(assistant(text).as_deref(), shown, "{text:?}");
        }
    }

    ///
    #[test]
    fn only_a_time_stamp_counts_as_an_envelope() {
        let cases = [
            ("hello", Some("hello")),
            ("[Sat 2026-11-21 09:00 UTC] hello", Some("hello")),
            ("[Working directory: /x]\n\nhello", Some("[Working directory: /x]\n\nhello")),
            ("[Sat] hello", Some("[Sat] hello")),
            ("[OpenClaw heartbeat poll]", None),
        ];
        for (text, shown) in cases {
            assert_eq!(user(text), shown, "{text:?}");
        }
    }

    #[test]
    fn long_text_is_cut_at_a_character() {
        assert_eq!(shorten("äöü", 3), "äöü");
        assert_eq!(shorten("äöü", 2), "äö…");
        assert_eq!(one_line(" a\n b ", 9), "a b");
    }
}
